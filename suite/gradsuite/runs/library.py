"""The runs in a folder: which machine measured them, when, how much, and what failed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradsuite.errors import UserError, quoted
from gradsuite.runs.database import FILE
from gradsuite.runs.machines import machine_name
from gradsuite.runs.names import LATEST
from gradsuite.runs.store import Run


@dataclass(frozen=True, slots=True)
class Entry:
    """One run: `name` is its folder below the library's, `size` of its files in bytes, `trouble` why it is not read.

    Trials are `failed` that have neither a result nor a reason not to have one: errors and timeouts.
    """

    name: str
    latest: bool
    size: int
    started: str = ""
    finished: bool = False
    preset: str = ""
    machines: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    trials: int = 0
    failed: int = 0
    claims: int = 0
    claims_failed: int = 0
    trouble: str = ""


def library(folder: str | Path) -> list[Entry]:
    """Return the runs in a folder and those below it, the newest first. Raises UserError if there is no such folder."""
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"no folder {quoted(str(folder))}: type one that runs were made in, such as results")
    return sorted(entries(root), key=lambda entry: (entry.started, entry.name), reverse=True)


def entries(root: Path) -> Iterator[Entry]:
    """Yield every run below a folder; links are not followed, so that none comes twice."""
    for place, _, files in os.walk(root):
        if FILE in files:
            path = Path(place)
            latest = path.resolve() == (path.parent / LATEST).resolve()
            yield entry(path, path.relative_to(root).as_posix(), latest)


def entry(path: Path, name: str, latest: bool) -> Entry:
    """Return what there is to say of one run; one that cannot be read costs only itself."""
    size = sum(file.stat().st_size for file in own_files(path))
    try:
        run = Run.open(path, rows=False)
        meta, trials, claims = run.meta, run.trials(), run.claims()
    except Exception as error:  # noqa: BLE001  a file of any content may be called like a run's
        trouble = str(error) if isinstance(error, UserError) else f"it cannot be read: {error}"
        return Entry(name, latest, size, trouble=trouble)
    return Entry(
        name,
        latest,
        size,
        started=meta.get("started", ""),
        finished="finished" in meta,
        preset=meta.get("preset", ""),
        machines=machines_of(run, meta),
        backends=tuple(dict.fromkeys(trials["backend"])),
        trials=len(trials),
        failed=int(trials["status"].isin(["error", "timeout"]).sum()),
        claims=len(claims),
        claims_failed=int((claims["verdict"] == "fails").sum()),
    )


def own_files(path: Path) -> Iterator[Path]:
    """Yield the files of a run: those below its folder, without those of other runs there."""
    for place, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not (Path(place) / name / FILE).exists()]
        yield from (Path(place) / name for name in files if not (Path(place) / name).is_symlink())


def machines_of(run: Run, meta: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the machines that a run was measured on."""
    return tuple(run.merged) or tuple(filter(None, [machine_name(meta.get("machine", {}))]))
