"""What a run answers, as parts that a terminal and Markdown show alike: questions, claims that failed."""

from collections.abc import Iterator, Sequence

from gradsuite.experiment import Table
from gradsuite.report.frame import table_entries
from gradsuite.report.parts import Part
from gradsuite.report.section import Section, count
from gradsuite.report.summary import Question, Summary, summary
from gradsuite.report.verdicts import expectation
from gradsuite.runs.store import Run

SHOWN = 10  # claims that failed; the page has all of them, and so has `gradsuite claims`


def answers(run: Run, sections: Sequence[Section]) -> list[Part]:
    """Return the sentences that the page of these sections opens with, and the claims that failed."""
    found = summary(run.meta, count(run.trials()), sections)
    return [*(part for question in found.questions for part in answered(question)), *verdicts(found)]


def answered(question: Question) -> Iterator[Part]:
    """Yield a question with its answers; a sentence with a table ends its part, and what follows has no title."""
    title, sentences = question.topic.value, list[str]()
    for said in question.answers:
        sentences.append(said.sentence)
        if said.table is not None:
            yield Part(title, sentences, *cells(said.table))
            title, sentences = "", []
    if question.held:
        sentences.append(f"{', '.join(section.name for section in question.quiet)}: {question.held}.")
    if question.more:
        sentences.append(f"More in the report: {', '.join(question.more)}.")
    if sentences:
        yield Part(title, sentences)


def cells(table: Table) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return a table's columns and rows as text."""
    return list(map(str, table.rows.columns)), [[text for _, text in row] for row in table_entries(table.rows)]


def verdicts(found: Summary) -> Iterator[Part]:
    """Yield how many claims hold, and the first of those that failed, with what was expected of which backend."""
    if not found.verdict:
        return
    failed = [
        (one.claim.name, name, f"{one.by_backend[name].measured:.6g}", expectation(one.by_backend[name]))
        for one in found.failing[:SHOWN]
        for name in one.failing
    ]
    sentences = [found.verdict, *(f"{one.claim.name}: {one.claim.sentence}" for one in found.failing[:SHOWN])]
    if len(found.failing) > SHOWN:
        sentences.append(f"{len(found.failing) - SHOWN} more failed: gradsuite claims RUN --failed")
    yield Part("Which claims failed?", sentences, ("claim", "backend", "measured", "expected"), failed)
