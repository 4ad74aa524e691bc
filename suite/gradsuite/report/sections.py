"""All sections of a report, several at a time: drawing takes most of the time that a report does."""

import sys
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

from gradsuite.errors import UserError
from gradsuite.machine.facts import available_cores
from gradsuite.plugins import Plugins, load
from gradsuite.report.section import Section, missing, section, told
from gradsuite.runs.store import Run

MANY = 4  # from this many experiments on, drawing side by side saves more than starting processes costs


def sections(run: Run, folder: Path, plugins: Plugins) -> list[Section]:
    """Return the section of each experiment of the run, in the order of its readers' questions."""
    names = of_run(run)
    processes = available_cores() if len(names) >= MANY else 1
    return in_order(made(run, names, folder, plugins, processes))


def of_run(run: Run) -> list[str]:
    """Return the experiments of a run: those that were asked for and those that were measured."""
    return list(dict.fromkeys([*run.meta.get("experiments", []), *run.trials()["experiment"]]))


def in_order(sections: Iterable[Section]) -> list[Section]:
    """Return sections by topic; of one topic those first that measured something."""
    return sorted(sections, key=lambda section: (section.topic.place, "ok" not in section.statuses))


def in_words(run: Run, plugins: Plugins) -> list[Section]:
    """Return the sections of a run with answers and claims alone: figures take their time."""
    return in_order(section_of(run.path, None, plugins, name) for name in of_run(run))


def made(run: Run, names: Iterable[str], folder: Path, plugins: Plugins, processes: int) -> list[Section]:
    """Return the sections of these experiments in order, made in this process or side by side in several."""
    if processes == 1:
        return [section_of(run.path, folder, plugins, name) for name in names]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        with main_hidden():  # processes start as their work is handed in
            drawn = pool.map(partial(draw, run.path, folder, plugins.blocked), names)
        return list(drawn)


@contextmanager
def main_hidden() -> Iterator[None]:
    """Let new processes not import the script that called, as `spawn` does: it may begin with `gradsuite.run`."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def draw(path: Path, folder: Path, blocked: Collection[str], name: str) -> Section:
    """Return the section of one experiment in a process of its own, which blocks what the host blocks."""
    return section_of(path, folder, load(blocked), name)


def section_of(path: Path, folder: Path | None, plugins: Plugins, name: str) -> Section:
    """Return the section of one experiment of the run in `path`: without a folder, what it says in words."""
    run = Run.open(path)
    trials = run.trials()
    trials = trials[trials["experiment"] == name]
    try:
        experiment = plugins.experiment(name)
    except UserError as error:
        return missing(name, str(error), trials)
    known = (experiment, run.frame(name), run.claims_of(name), trials)
    return told(*known) if folder is None else section(*known, folder)
