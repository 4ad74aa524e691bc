"""A library of runs as a static site: an index of what was measured where, and every report."""

import re
import shutil
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from gradsuite import __version__
from gradsuite.alias import original
from gradsuite.description import FEATURES
from gradsuite.errors import UserError, cause
from gradsuite.experiment import Table
from gradsuite.plugins import Plugins
from gradsuite.report.frame import Frame
from gradsuite.report.page import FILE, FOLDER, printable, write_report
from gradsuite.report.palette import backend_order
from gradsuite.report.standings import BOARDS, standings
from gradsuite.runs.database import FILE as DATABASE
from gradsuite.runs.drafts import drafted
from gradsuite.runs.library import Entry, entry
from gradsuite.runs.merge import distinct
from gradsuite.runs.store import Run

INDEX = "index.html"
RUNS = "runs"
WORKFLOW = ".github/workflows/pages.yml"  # where GitHub looks for it, once the folder is a repository
SIGN = "<title>Library of runs · gradsuite</title>"  # of an index, so that nothing else is overwritten
LISTS = ("devices", "dtypes", "cells", "readouts", "losses", "state_gradients")  # what a backend claims of each


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
        if not (run.path / FILE).exists():
            write_report(run, plugins)
    published = {f"{RUNS}/{place}/{FILE}": run for place, run in places(runs).items()}
    try:
        shutil.rmtree(root / RUNS, ignore_errors=True)
        for address, run in published.items():
            copy(run, (root / address).parent)
        (root / ".nojekyll").touch()  # GitHub Pages serves the files as they are
        (root / WORKFLOW).parent.mkdir(parents=True, exist_ok=True)
        (root / WORKFLOW).write_text(workflow(), encoding="utf-8")
        with drafted(root / INDEX) as output:
            output.write(index(published, plugins).encode())
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


def workflow() -> str:
    """Return the workflow by which GitHub Pages serve the folder, once it is pushed as a repository."""
    return (files("gradsuite.report") / "templates" / "pages.yml").read_text(encoding="utf-8")


def copy(run: Run, folder: Path) -> None:
    """Copy what a run's report shows and links to."""
    folder.mkdir(parents=True)
    for name in (FILE, DATABASE, "measurements.csv"):
        if (run.path / name).exists():
            shutil.copyfile(run.path / name, folder / name)
    if (run.path / FOLDER).is_dir():
        shutil.copytree(run.path / FOLDER, folder / FOLDER)


def index(published: Mapping[str, Run], plugins: Plugins) -> str:
    """Return the page that lists runs by machine and backend, by the address of each one's report.

    It says how backends agree, how fast they are and which claims hold, of one machine at a time, and what each can do.
    """
    entries = {address: entry(run.path, run.path.resolve().name, latest=False) for address, run in published.items()}
    newest = sorted(entries, key=lambda address: entries[address].started, reverse=True)
    infos = described([published[address] for address in reversed(newest)])
    backends = backend_order([*infos, *(name for one in entries.values() for name in one.backends)])
    frame = Frame(backends)
    stand = list(standings(published, newest, plugins))
    return printable(
        frame.page(
            "site.html",
            title="Library of runs",
            version=__version__,
            machines=by_machine(entries, newest),
            boards=BOARDS,
            answered={topic for one in stand for topic in one.answers},
            standings=stand,
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
