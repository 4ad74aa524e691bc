"""A library of runs as a static site: an index of what was measured where, and every report."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gradsuite import __version__
from gradsuite.alias import original
from gradsuite.description import FEATURES
from gradsuite.errors import UserError
from gradsuite.experiment import Table
from gradsuite.plugins import Plugins
from gradsuite.report.frame import Frame
from gradsuite.report.page import FILE, FOLDER, printable, write_report
from gradsuite.report.palette import backend_order
from gradsuite.runs.library import Entry, entry
from gradsuite.runs.merge import distinct
from gradsuite.runs.store import FILE as DATABASE
from gradsuite.runs.store import Run, cause

INDEX = "index.html"
RUNS = "runs"
SIGN = "<title>Library of runs · gradsuite</title>"  # of an index, so that nothing else is overwritten
LISTS = ("devices", "dtypes", "cells", "readouts", "losses", "state_gradients")  # what a backend claims of each


@dataclass(frozen=True, slots=True)
class Standing:
    """How many claims of each experiment hold, by backend, in one run on one machine."""

    run: str
    address: str
    machine: str
    held: Table


def publish(runs: Sequence[Run], folder: str | Path, plugins: Plugins) -> Path:
    """Write the site and return its index; a run without a report gets one first.

    What an earlier site had in this folder is replaced. Raises UserError if something else is there, or if it cannot be
    written.
    """
    root = Path(folder)
    if root.exists() and (not root.is_dir() or any(root.iterdir())) and not is_site(root):
        raise UserError(
            f"{str(folder)!r} has something in it that is no site of runs: choose an empty folder with --to"
        )
    for run in runs:
        run.require_current("published")
        if not (run.path / FILE).exists():
            write_report(run, plugins)
    published = {f"{RUNS}/{place}/{FILE}": run for place, run in places(runs).items()}
    try:
        shutil.rmtree(root / RUNS, ignore_errors=True)
        for address, run in published.items():
            copy(run, (root / address).parent)
        (root / ".nojekyll").touch()  # GitHub Pages serves the files as they are
        (root / INDEX).write_text(index(published), encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write the site into {str(folder)!r}: {cause(error)}") from error
    return root / INDEX


def is_site(root: Path) -> bool:
    """Whether a folder holds a site that was made here."""
    page = root / INDEX
    return page.is_file() and SIGN in page.read_text(encoding="utf-8", errors="replace")


def places(runs: Sequence[Run]) -> dict[str, Run]:
    """Return the runs by a part of an address each: small letters, digits and dashes, whatever a folder is called."""
    made: dict[str, Run] = {}
    for run in runs:
        slug = re.sub(r"[^a-z0-9]+", "-", run.path.resolve().name.lower())[:60].strip("-") or "run"
        made[distinct(slug, made).replace(" #", "-")] = run
    return made


def copy(run: Run, folder: Path) -> None:
    """Copy what a run's report shows and links to."""
    folder.mkdir(parents=True)
    for name in (FILE, DATABASE, "measurements.csv"):
        if (run.path / name).exists():
            shutil.copyfile(run.path / name, folder / name)
    if (run.path / FOLDER).is_dir():
        shutil.copytree(run.path / FOLDER, folder / FOLDER)


def index(published: Mapping[str, Run]) -> str:
    """Return the page that lists runs by machine and backend, by the address of each one's report.

    It says how the claims stand, of one machine at a time, and what each backend can do.
    """
    entries = {address: entry(run.path, run.path.resolve().name, latest=False) for address, run in published.items()}
    newest = sorted(entries, key=lambda address: entries[address].started, reverse=True)
    infos = described([published[address] for address in reversed(newest)])
    backends = backend_order([*infos, *(name for one in entries.values() for name in one.backends)])
    frame = Frame(backends)
    return printable(
        frame.page(
            "site.html",
            title="Library of runs",
            version=__version__,
            machines=by_machine(entries, newest),
            standings=list(standings(published, newest)),
            features=features(infos),
            backends=list(frame.sheet.backends),
            count=len(entries),
        )
    )


def by_machine(entries: Mapping[str, Entry], newest: Sequence[str]) -> dict[str, list[tuple[str, Entry]]]:
    """Return the runs of each machine with their addresses, the newest first; a merged run is of several."""
    found: dict[str, list[tuple[str, Entry]]] = {}
    for address in newest:
        for machine in entries[address].machines or ("a machine that the run does not name",):
            found.setdefault(machine, []).append((address, entries[address]))
    return found


def described(runs: Sequence[Run]) -> dict[str, Mapping[str, Any]]:
    """Return what each backend says of itself in the last of these runs that measured it; second names say the same."""
    infos = {original(name): info for run in runs for name, info in run.meta.get("backends", {}).items()}
    return {name: infos[name] for name in backend_order(list(infos))}


def features(infos: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Return what each backend claims: a row per feature, a column per backend."""
    rows = [{"": "version", "feature": "", **{name: versions(info) for name, info in infos.items()}}]
    for kind in LISTS:
        for value in dict.fromkeys(value for info in infos.values() for value in info.get(kind, ())):
            claimed = {name: "yes" if value in info.get(kind, ()) else "-" for name, info in infos.items()}
            rows.append({"": kind.replace("_", " "), "feature": value, **claimed})
    for feature in FEATURES:
        claimed = {name: "yes" if feature in info.get("features", ()) else "-" for name, info in infos.items()}
        rows.append({"": "features", "feature": feature, **claimed})
    caption = "What each backend says of itself, in the last run that measured it."
    return Table("Features", caption, pd.DataFrame(rows)) if infos else None


def versions(info: Mapping[str, Any]) -> str:
    """Return the versions of what a backend computes with."""
    return ", ".join(f"{package} {version}" for package, version in info.get("versions", {}).items())


def standings(published: Mapping[str, Run], newest: Sequence[str]) -> Iterator[Standing]:
    """Yield how the claims of each run stand, machine by machine; none that has no claims."""
    for address in newest:
        for part in published[address].parts():
            if table := held(part):
                machine = next(iter(part.trials()["machine"]), "")
                yield Standing(part.path.resolve().name, address, machine, table)


def held(part: Run) -> Table | None:
    """Return how many claims hold: a row per experiment, a column per backend."""
    rows = []
    for name, of_one in part.claims().groupby("experiment"):
        counts = {
            str(backend): f"{(one['verdict'] == 'holds').sum()} of {len(one)}"
            for backend, one in of_one.groupby("backend")
        }
        rows.append({"experiment": name, **{backend: counts[backend] for backend in backend_order(list(counts))}})
    table = pd.DataFrame(rows)
    return Table("Claims that hold", "", table.where(table.notna(), "-")) if rows else None
