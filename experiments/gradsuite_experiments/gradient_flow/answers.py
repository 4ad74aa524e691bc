"""Where gradients vanish, stay and explode: a small table with a row for each cell or activation."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from gradsuite.experiment import Answer, Table
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import listed, measured
from gradsuite_experiments.gradient_flow.findings import agreement, spans, votes
from gradsuite_experiments.gradient_flow.laws import STABLE_FACTOR

COLUMNS = {"vanish": -1, "stay": 0, "explode": 1}


def answers(rows: pd.DataFrame, subject: str, series: str, distances: str) -> Iterator[Answer]:
    """Yield the table of verdicts, and how far backends agree about norms."""
    rows = measured(rows)
    lines = list(by_subject(rows, subject, series))
    if not lines:
        return
    these = f"{'at' if pd.api.types.is_numeric_dtype(rows[series]) else 'with'} these {series}s"
    sentence = f"Over {distances}, gradients vanish, stay (within a factor of {STABLE_FACTOR:g}) or explode {these}:"
    yield Answer(Topic.FLOW, sentence, Table(f"Verdicts by {subject}", sentence, pd.DataFrame(lines)))
    for found in agreement(rows):
        yield Answer(Topic.AGREEMENT, found)


def by_subject(rows: pd.DataFrame, subject: str, series: str) -> Iterator[Mapping[str, Any]]:
    """Yield a line for each value of `subject`, and for each group of tasks of which it holds."""
    tasks: dict[tuple[str, ...], list[str]] = {}
    for task, of_task in rows.groupby("task", sort=False):
        for name, verdict in votes(of_task, subject, series):
            texts = [spans(list(verdict.index), list(verdict == sign)) for sign in COLUMNS.values()]
            tasks.setdefault((name, *texts), []).append(str(task))
    several = any(len(names) < rows["task"].nunique() for names in tasks.values())
    for (name, *texts), names in sorted(tasks.items(), key=lambda line: order(rows, subject, line[0][0])):
        found = {word: text or "-" for word, text in zip(COLUMNS, texts, strict=True)}
        yield {subject: name, **found, **({"on": listed(names)} if several else {})}


def order(rows: pd.DataFrame, subject: str, name: str) -> int:
    """Return where a value of `subject` comes among those that were measured."""
    return list(map(str, rows[subject].unique())).index(name)
