"""All sections of a report, several at a time: drawing takes most of the time that a report does."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from gradsuite import plugins
from gradsuite.errors import UserError
from gradsuite.machine.facts import available_cores
from gradsuite.report.section import Section, missing, section
from gradsuite.runs.store import Run

MANY = 4  # from so many experiments on, drawing side by side saves more than starting processes costs


def sections(run: Run, folder: Path) -> list[Section]:
    """Return the section of each experiment of the run; those first that measured something."""
    names = dict.fromkeys([*run.meta.get("experiments", []), *run.cells()["experiment"]])
    processes = available_cores() if len(names) >= MANY else 1
    return sorted(made(run, names, folder, processes), key=lambda one: "ok" not in one.statuses)


def made(run: Run, names: Iterable[str], folder: Path, processes: int) -> list[Section]:
    """Return the sections of these experiments in order, made here or in so many processes."""
    make = partial(section_of, run.path, folder)
    if processes == 1:
        return list(map(make, names))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(make, names))


def section_of(path: Path, folder: Path, name: str) -> Section:
    """Return the section of one experiment of the run in `path`."""
    run = Run.open(path)
    cells = run.cells()
    own = cells[cells["experiment"] == name]
    try:
        return section(plugins.load().get("experiment", name)(), run.frame(name), own, folder)
    except UserError as error:
        return missing(name, str(error), own)
