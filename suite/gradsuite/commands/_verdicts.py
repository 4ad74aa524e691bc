"""The verdicts of `gradsuite check` on a terminal or as JSON, and what there is to say of a failure."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from gradsuite.commands._columns import columns

if TYPE_CHECKING:
    from gradsuite.conformance.check import Result
    from gradsuite.conformance.examination import Examined
    from gradsuite.conformance.finding import Finding
    from gradsuite.conformance.verdicts import Verdicts
    from gradsuite.running.checking import Lacking

HEADER = ("array", "step", "layer", "error", "bound", "", "")
CUT = "# ---- {} of the script ----"  # a comment: what is copied with these lines runs as it is


@dataclass
class Printer:
    """Prints one line per verdict and a summary; with `as_json` an array in the end, and the summary elsewhere.

    `verbose` adds the smallest failing case and a script to each failure, `traceback` where the backend raised; both
    add what it printed. `quiet` prints no verdict but failures.
    """

    backend: str
    verbose: bool
    quiet: bool
    traceback: bool
    as_json: bool
    rows: list[dict[str, Any]] = field(default_factory=list)

    def print(self, result: "Result") -> None:
        """Print one verdict, or keep it for the array."""
        detailed = result.verdict == "failed" and (self.verbose or self.traceback)
        if self.as_json:
            from gradsuite.conformance import row

            self.rows.append(row(result) | (self.fields(result) if detailed else {}))
        elif result.verdict == "failed" or not self.quiet:
            click.echo(result)
            if detailed:
                click.echo(self.text(result))

    @contextmanager
    def summing_up(self, verdicts: "Verdicts") -> Iterator[None]:
        """Print a summary in the end, however it comes."""
        try:
            yield
        finally:
            if self.as_json:
                click.echo(json.dumps(self.rows, indent=2, allow_nan=False))
            click.echo(verdicts.summary, err=self.as_json)
        if not verdicts.passed and not verdicts.failed and not verdicts.not_run:
            click.echo("gradsuite: nothing passed, for the backend claims nothing of this", err=True)

    def give_up(self, lacking: "Lacking") -> None:
        """Say why nothing could be checked, with what was printed if details are asked for."""
        if self.as_json:
            click.echo("[]")
        if self.verbose or self.traceback:
            click.echo(lacking.printed.rstrip(), err=True)
        click.echo(f"gradsuite: {lacking}", err=True)

    def text(self, result: "Result") -> str:
        """Return what is asked for of a failure, in paragraphs."""
        parts = list(cases(result)) if self.verbose else []
        if self.traceback and result.traceback:
            parts.append(result.traceback.rstrip())
        if result.printed.strip():
            parts.append(f"printed meanwhile:\n{result.printed.rstrip()}")
        if self.verbose:
            parts.append("\n".join([CUT.format("begin"), script_of(self.backend, result).rstrip(), CUT.format("end")]))
        return "\n" + "\n\n".join(parts) + "\n"

    def fields(self, result: "Result") -> dict[str, Any]:
        """Return what is asked for of a failure as fields of its row."""
        details: dict[str, Any] = {"printed": result.printed}
        if self.traceback:
            details["traceback"] = result.traceback
        if self.verbose:
            details["script"] = script_of(self.backend, result)
            details["findings"] = [finding_fields(finding) for finding in result.findings]
        return details


def finding_fields(finding: "Finding") -> dict[str, Any]:
    """Return a finding for JSON, which has no infinity: such an error becomes None."""
    from math import isfinite

    numbers = {"error": finding.error if isfinite(finding.error) else None, "bound": finding.bound}
    return {"what": finding.what, "array": finding.array, **numbers, "passed": finding.passed, "note": finding.note}


def cases(result: "Result") -> Iterator[str]:
    """Yield a table of the smallest failing case, then one line for each other case that fails."""
    from gradsuite.conformance.examination import examined

    for number, one in enumerate(examined(result.findings)):
        title = f"{one.where or result.check}: {len(one.wrong)} of {len(one.findings)} wrong"
        if number == 0:
            yield "\n".join([title, columns([HEADER, *map(line, one.findings)])])
        else:
            worst = one.worst
            yield f"{title}, the worst {worst.array or worst.what} ({worst.error:.1e} > {worst.bound:.1e})"


def line(finding: "Finding") -> tuple[str, ...]:
    """Return a finding as a line of the table."""
    from gradsuite.conformance.examination import placed

    verdict = "" if finding.passed else "wrong"
    return (*placed(finding), f"{finding.error:.1e}", f"{finding.bound:.1e}", verdict, finding.note)


def script_of(backend: str, result: "Result") -> str:
    """Return a script for a result's smallest failing case."""
    from gradsuite.conformance.examination import examined
    from gradsuite.conformance.script import script

    failing: list[Examined | None] = [*examined(result.findings)]
    return script(backend, result, failing[0] if failing else None)
