"""All sections of a report, several at a time: drawing takes most of the time that a report does."""

import sys
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

from gradsuite.errors import UserError
from gradsuite.machine.facts import available_cores
from gradsuite.plugins import Plugins, load
from gradsuite.report.section import Section, missing, section, told
from gradsuite.runs.store import Run

Piece = tuple[str, str | None]  # an experiment, and the machine whose rows they are if the run has several
MANY = 4  # from this many experiments on, drawing side by side saves more than starting processes costs


def sections(run: Run, folder: Path, plugins: Plugins) -> list[Section]:
    """Return the section of each experiment of the run, on each machine, in the order of its readers' questions."""
    pieces = of_run(run, plugins)
    processes = available_cores() if len(pieces) >= MANY else 1
    return in_order(made(run, pieces, folder, plugins, processes))


def of_run(run: Run, plugins: Plugins) -> list[Piece]:
    """Return the pieces of a run: experiments that were asked for and those that were measured, on each machine.

    They come in the order in which they were registered; those that are not installed here come last.
    """
    known = {name: place for place, name in enumerate(plugins.experiments)}
    names = dict.fromkeys([*run.meta.get("experiments", []), *run.trials()["experiment"]])
    in_place = sorted(names, key=lambda name: known.get(name, len(known)))
    return [(name, part.machine) for name in in_place for part in run.parts(name) or [run]]


def in_order(sections: Iterable[Section]) -> list[Section]:
    """Return sections by topic; of one topic those first that measured something."""
    return sorted(sections, key=lambda section: (section.topic.place, "ok" not in section.statuses))


def in_words(run: Run, plugins: Plugins) -> list[Section]:
    """Return the sections of a run with answers and claims alone: figures take their time."""
    return in_order(section_of(run.path, None, plugins, piece) for piece in of_run(run, plugins))


def made(run: Run, pieces: Iterable[Piece], folder: Path, plugins: Plugins, processes: int) -> list[Section]:
    """Return the sections of these pieces in order, made in this process or side by side in several."""
    if processes == 1:
        return [section_of(run.path, folder, plugins, piece) for piece in pieces]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        with main_hidden():  # processes start as their work is handed in
            drawn = pool.map(partial(draw, run.path, folder, plugins.blocked), pieces)
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


def draw(path: Path, folder: Path, blocked: Collection[str], piece: Piece) -> Section:
    """Return the section of one piece in a process of its own, which blocks what the host blocks."""
    return section_of(path, folder, load(blocked), piece)


def section_of(path: Path, folder: Path | None, plugins: Plugins, piece: Piece) -> Section:
    """Return the section of one piece of the run in `path`; of a merged run, its question says which machine's.

    Without a folder for figures it has answers and claims alone.
    """
    name, machine = piece
    run = Run.open(path, rows=False).part(machine)
    trials = run.trials()
    trials = trials[trials["experiment"] == name]
    try:
        experiment = plugins.experiment(name)
    except UserError as error:
        return missing(name, str(error), trials)
    known = (experiment, run.frame(name), run.claims_of(name), trials)
    made = told(*known, run.tag) if folder is None else section(*known, folder, run.tag)
    return made if machine is None else replace(made, question=f"{machine}: {made.question}")
