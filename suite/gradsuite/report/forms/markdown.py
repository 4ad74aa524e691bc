"""A report as Markdown, short enough for a pull request: answers, claims that failed, machine and versions."""

from collections.abc import Sequence

from gradsuite.report import facts
from gradsuite.report.forms.answers import answers
from gradsuite.report.parts import Part, as_markdown
from gradsuite.report.section import Section
from gradsuite.runs.store import Run


def report_markdown(run: Run, sections: Sequence[Section]) -> str:
    """Return the report's answers as GitHub's Markdown, in which every name is text and nothing else."""
    versions = [(name, packages) for name, packages, _, _ in facts.versions(run.meta.get("backends", {}))]
    made_with = [Part("Backends", columns=("backend", "versions"), rows=versions)] if versions else []
    return as_markdown(f"gradsuite: {run.path.resolve().name}", [*answers(run, sections), *made_with])
