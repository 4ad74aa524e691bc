"""What a run ends with on a terminal: the sentences that its report opens with, and the claims that failed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradsuite.plugins import Plugins
    from gradsuite.report.summary import Question, Summary
    from gradsuite.report.verdicts import Judged
    from gradsuite.runs.store import Run

SHOWN = 10  # claims that failed; all are in the report, and in `gradsuite claims`


def ending(run: "Run", plugins: "Plugins") -> str:
    """Return the answers, and the claims that failed."""
    from gradsuite.report.section import count
    from gradsuite.report.sections import in_words
    from gradsuite.report.summary import summary

    found = summary(run.meta, count(run.trials()), in_words(run, plugins))
    return "\n\n".join([*map(answered, found.questions), *verdicts(found, run)])


def answered(question: "Question") -> str:
    """Return a question with its answers, a line each."""
    from gradsuite.commands._columns import table_text

    lines = [question.topic.value]
    for said in question.answers:
        lines.append(f"  {said.sentence}")
        lines += [f"    {line}" for line in table_text(said.table).splitlines()] if said.table else []
    if question.held:
        lines.append(f"  {', '.join(section.name for section in question.quiet)}: {question.held}.")
    if question.more:
        lines.append(f"  More in the report: {', '.join(question.more)}.")
    return "\n".join(lines)


def verdicts(found: "Summary", run: "Run") -> Iterator[str]:
    """Yield how many claims hold, and those that failed."""
    if not found.verdict:
        return
    shown = [line for one in found.failing[:SHOWN] for line in failure(one)]
    if len(found.failing) > SHOWN:
        shown.append(f"  and {len(found.failing) - SHOWN} more: gradsuite claims {run.path}")
    yield "\n".join([found.verdict, *shown])


def failure(one: "Judged") -> Iterator[str]:
    """Yield the lines of a claim that failed: what it says, and what was measured on each backend that it fails on."""
    from gradsuite.report.verdicts import expectation

    yield f"  {one.claim.name} fails on {', '.join(one.failing)}: {one.claim.sentence}"
    for name in one.failing:
        claim = one.by_backend[name]
        yield f"    {name}: {claim.measured:.6g}, expected {expectation(claim)}"
