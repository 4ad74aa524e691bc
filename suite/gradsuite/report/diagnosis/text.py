"""A diagnosis in the terminal: what is wrong first, then each answer with its table, and the code that helps."""

from collections.abc import Iterator
from textwrap import indent

import pandas as pd

from gradsuite.diagnosis.answers import Answer
from gradsuite.diagnosis.diagnosis import Diagnosis
from gradsuite.report.frame import table_entries
from gradsuite.report.parts import Part, as_text


def as_terminal(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as text."""
    parts = [Part("", diagnosis.findings), *(part(number, one) for number, one in enumerate(diagnosis.answers, 1))]
    parts += [Part("Notes", diagnosis.notes)] if diagnosis.notes else []
    typed = [f"{name}:\n\n{indent(code, '    ')}" for name, code in helping(diagnosis)][:1]
    return "\n\n".join([as_text(diagnosis.title, parts), *(f"To type in PyTorch, {one}" for one in typed)])


def part(number: int, answer: Answer) -> Part:
    """Return an answer as a heading, its sentences and its table."""
    if answer.table is None or answer.table not in answer.frames:
        return Part(f"{number}. {answer.question}", answer.sentences)
    shown = table(answer)
    return Part(f"{number}. {answer.question}", answer.sentences, list(map(str, shown.columns)), entries(shown))


def table(answer: Answer) -> pd.DataFrame:
    """Return an answer's table as it is shown, without the code."""
    frame = answer.frames[str(answer.table)].drop(columns=["code"], errors="ignore")
    return frame.rename(columns=lambda name: str(name).replace("_", " "))


def entries(shown: pd.DataFrame) -> list[list[str]]:
    """Return a table's entries as text."""
    return [[text for _, text in row] for row in table_entries(shown)]


def helping(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """Yield what helps, best first, with what to type for it."""
    tried = diagnosis.frames.get("remedies")
    if tried is not None:
        for _, row in tried[tried["helps"] & (tried["code"] != "")].iterrows():
            yield str(row["remedy"]), str(row["code"])
