"""All sections of a report: which experiments have one, in which order, and whose claims are judged for it."""

from collections.abc import Collection, Iterable
from contextlib import closing
from pathlib import Path

from gradsuite.errors import UserError
from gradsuite.machine.facts import available_cores
from gradsuite.plugins import Plugins
from gradsuite.report.piece import Piece
from gradsuite.report.processes import Processes
from gradsuite.report.section import Section
from gradsuite.runs.store import Run
from gradsuite.topic import Topic

MANY = 4  # from this many experiments on, drawing side by side saves more than starting processes costs


def sections(
    run: Run,
    plugins: Plugins,
    folder: Path | None = None,
    *,
    judging: bool = False,
    about: Collection[Topic] = tuple(Topic),
    processes: Processes | None = None,
) -> list[Section]:
    """Return the section of each experiment of the run, on each machine, in the order of its readers' questions.

    Claims that were judged for them are stored in the run. Experiments that are not `about` these topics are left out.
    Sections are made by these `processes`, which may have made some before, or by some that end then.
    """
    wanted = pieces(run, (name for name in named(run, plugins) if topic_of(name, plugins) in about), folder, judging)
    found = made(wanted, plugins, processes)
    for piece, section in zip(wanted, found, strict=True):
        if section.judged:
            run.part(piece.machine).keep_claims(piece.experiment, section.claims)
    return in_order(found)


def pieces(run: Run, experiments: Iterable[str], folder: Path | None, judging: bool) -> list[Piece]:
    """Return what the sections of these experiments are made of, on each machine that measured them."""
    return [
        Piece(run.path, name, part.machine, folder, judging)
        for name in experiments
        for part in run.parts(name) or [run]
    ]


def named(run: Run, plugins: Plugins) -> list[str]:
    """Return the experiments that were asked for and those that were measured, in the order of their registration.

    Those that are not installed here come last.
    """
    known = {name: place for place, name in enumerate(plugins.experiments)}
    names = dict.fromkeys([*run.meta.get("experiments", []), *run.trials()["experiment"]])
    return sorted(names, key=lambda name: known.get(name, len(known)))


def in_order(sections: Iterable[Section]) -> list[Section]:
    """Return sections by topic; of one topic those first that measured something."""
    return sorted(sections, key=lambda section: (section.topic.place, "ok" not in section.statuses))


def topic_of(name: str, plugins: Plugins) -> Topic:
    """Return what the experiment of this name is about; of one that cannot be loaded here nobody knows."""
    try:
        return plugins.experiment(name).topic
    except UserError:
        return Topic.OTHER


def made(pieces: Collection[Piece], plugins: Plugins, processes: Processes | None = None) -> list[Section]:
    """Return the sections of these pieces in order, each made in a process that may die.

    Plugins that no other process would find are asked in this one.
    """
    if not plugins.found:
        return [piece.section(plugins) for piece in pieces]
    if processes is not None:
        return processes.sections(pieces)
    with closing(Processes(plugins.blocked, available_cores() if len(pieces) >= MANY else 1)) as own:
        return own.sections(pieces)
