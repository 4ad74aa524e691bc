"""How backends stand in each run of a library: what its rows say of agreement and speed, and which claims hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from gradsuite.experiment import Table
from gradsuite.plugins import Plugins
from gradsuite.report.palette import backend_order
from gradsuite.report.sections import sections
from gradsuite.report.summary import Question, question
from gradsuite.runs.store import Run
from gradsuite.topic import Topic

BOARDS = (Topic.AGREEMENT, Topic.SPEED)  # the questions that a reader of many runs asks of them all


@dataclass(frozen=True, slots=True)
class Standing:
    """What one run says on one machine: answers to the questions of BOARDS, and how many claims hold."""

    run: str
    address: str
    machine: str
    answers: Mapping[Topic, Question]
    held: Table | None


def standings(published: Mapping[str, Run], newest: Sequence[str], plugins: Plugins) -> Iterator[Standing]:
    """Yield how backends stand in each run, by the address of its report, machine by machine.

    Nothing is put together over two machines, nor over two runs: times of two days are not one measurement.
    """
    for address in newest:
        for part in published[address].parts():
            machine = next(iter(part.trials()["machine"]), "")
            made = sections(part, plugins, about=BOARDS)
            answers = {topic: found for topic in BOARDS if (found := question(topic, made, ())).answers}
            yield Standing(part.path.resolve().name, address, machine, answers, held(part))


def held(part: Run) -> Table | None:
    """Return how many claims hold: a row per experiment, a column per backend; nothing of a run without claims."""
    rows = []
    for name, of_one in part.claims().groupby("experiment"):
        counts = {
            str(backend): f"{(one['verdict'] == 'holds').sum()} of {len(one)}"
            for backend, one in of_one.groupby("backend")
        }
        rows.append({"experiment": name, **{backend: counts[backend] for backend in backend_order(list(counts))}})
    table = pd.DataFrame(rows)
    return Table("Claims that hold", "", table.where(table.notna(), "-")) if rows else None
