"""Claims as a reader sees them: each once, with what was measured on each backend beside what was expected of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gradsuite.claims import Claim
from gradsuite.report.palette import backend_order

SIGNS = {"=": "", "<=": "≤ ", ">=": "≥ "}


@dataclass(frozen=True, slots=True)
class Judged:
    """One claim by the backends that measured it: the worst setting speaks for a backend, and it may be another one."""

    by_backend: Mapping[str, Claim]

    @property
    def claim(self) -> Claim:
        """The claim of one backend: its name, sentence and source are those of all."""
        return next(iter(self.by_backend.values()))

    @property
    def holds(self) -> bool:
        """Whether it holds on every backend."""
        return not self.failing

    @property
    def failing(self) -> list[str]:
        """The backends that it fails on."""
        return backend_order([name for name, claim in self.by_backend.items() if claim.verdict == "fails"])

    @property
    def expected(self) -> str:
        """What is expected, where that is the same of every backend; else an empty text."""
        texts = {expectation(claim) for claim in self.by_backend.values()}
        return texts.pop() if len(texts) == 1 else ""


def judged(claims: Iterable[Claim]) -> list[Judged]:
    """Return each claim once, in the order in which they were stated."""
    by_name: dict[str, dict[str, Claim]] = {}
    for claim in claims:
        by_name.setdefault(claim.name, {})[claim.backend] = claim
    return [Judged(by_backend) for by_backend in by_name.values()]


def expectation(claim: Claim) -> str:
    """Return what is expected, with its tolerance: `≤ 0.5 ± 1e-09`."""
    allowed = f" ± {claim.tolerance:.2g}" if claim.tolerance else ""
    return f"{SIGNS[claim.relation]}{claim.expected:.6g}{allowed}"


def measurement(claim: Claim) -> str:
    """Return what was measured, with its verdict."""
    return f"{claim.measured:.6g} {'✓' if claim.verdict == 'holds' else '✗ fails'}"


def hold(count: int, total: int) -> str:
    """Return how many claims hold, as a clause: `all 12 claims hold`."""
    if total == 1:
        return "the one claim holds" if count else "the one claim fails"
    return f"{'all' if count == total else f'{count} of'} {total} claims hold"
