"""What a failed check found, case by case, the smallest one that fails first."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gradsuite.conformance.case import Case
from gradsuite.conformance.finding import Finding

# One state gradient's name, as a case gives it: states[t=3 layer 0], or states[layer 0] where there is no time.
PLACE = re.compile(r"(?P<array>.+)\[(?:t=(?P<step>\d+) )?layer (?P<layer>\d+)\]")


@dataclass(frozen=True, slots=True)
class Examined:
    """The findings of one case, computed in one way; `where` says which, as a failing line does."""

    where: str
    case: Case | None
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> list[Finding]:
        """The findings that failed."""
        return [finding for finding in self.findings if not finding.passed]

    @property
    def worst(self) -> Finding:
        """The finding farthest beyond its bound."""
        return max(self.findings, key=lambda finding: finding.badness)

    @property
    def size(self) -> float:
        """How much there is to look at, T B H; what was found without a case comes last."""
        if self.case is None:
            return math.inf
        steps = self.case.steps if self.case.model.recurrent else 1
        return steps * self.case.size * self.case.model.hidden_size


def examined(findings: Iterable[Finding]) -> list[Examined]:
    """Return the cases in which something failed, the smallest first."""
    cases: dict[tuple[str, Case | None], list[Finding]] = {}
    for finding in findings:
        where = finding.what.removeprefix(f"{finding.array} of ") if finding.array else ""
        cases.setdefault((where, finding.case), []).append(finding)
    every = [Examined(where, case, tuple(found)) for (where, case), found in cases.items()]
    return sorted((one for one in every if one.wrong), key=lambda one: one.size)


def placed(finding: Finding) -> tuple[str, str, str]:
    """Return a finding's array, time step and layer; what was found without an array is named by what it was."""
    if match := PLACE.fullmatch(finding.array):
        return match["array"], match["step"] or "", match["layer"]
    return finding.array or finding.what, "", ""
