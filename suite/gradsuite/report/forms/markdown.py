"""A report as Markdown, short enough for a pull request: answers, claims that failed, machine and versions."""

from collections.abc import Iterator

from gradsuite.experiment import Table
from gradsuite.plugins import Plugins
from gradsuite.report import facts
from gradsuite.report.frame import table_entries
from gradsuite.report.parts import Part, as_markdown
from gradsuite.report.section import count
from gradsuite.report.sections import in_words
from gradsuite.report.summary import Question, Summary, summary
from gradsuite.report.verdicts import expectation
from gradsuite.runs.store import Run

SHOWN = 10  # claims that failed; the page has all of them


def report_markdown(run: Run, plugins: Plugins) -> str:
    """Return the report's answers as GitHub's Markdown, in which every name is text and nothing else."""
    found = summary(run.meta, count(run.trials()), in_words(run, plugins))
    parts = [part for question in found.questions for part in answered(question)]
    return as_markdown(f"gradsuite: {run.path.resolve().name}", [*parts, *verdicts(found), *made_with(run)])


def answered(question: Question) -> Iterator[Part]:
    """Yield a question with its answers, and each table under them."""
    sentences = [said.sentence for said in question.answers]
    if question.held:
        sentences.append(f"{', '.join(section.name for section in question.quiet)}: {question.held}.")
    yield Part(question.topic.value, sentences)
    for said in question.answers:
        if said.table is not None:
            yield tabled(said.table)


def tabled(table: Table) -> Part:
    """Return a table as a part of its own."""
    rows = [[text for _, text in row] for row in table_entries(table.rows)]
    return Part(table.title, columns=list(map(str, table.rows.columns)), rows=rows)


def verdicts(found: Summary) -> Iterator[Part]:
    """Yield how many claims hold, and the first of those that failed, with what was expected of which backend."""
    if not found.verdict:
        return
    failed = [
        [one.claim.name, name, f"{one.by_backend[name].measured:.6g}", expectation(one.by_backend[name])]
        for one in found.failing[:SHOWN]
        for name in one.failing
    ]
    more = len(found.failing) - SHOWN
    sentences = [found.verdict, *([f"{more} more failed."] if more > 0 else [])]
    yield Part("Which claims failed?", sentences, ["claim", "backend", "measured", "expected"], failed)


def made_with(run: Run) -> Iterator[Part]:
    """Yield the versions of what was measured."""
    rows = [[name, packages] for name, packages, _, _ in facts.versions(run.meta.get("backends", {}))]
    if rows:
        yield Part("Backends", columns=["backend", "versions"], rows=rows)
