"""Hints: what the pattern of errors of a failed check tells of the fault.

Each recogniser proves what it says by arithmetic, on the smallest failing cases: a factor that is the same everywhere,
an array that is right in another order, an output that is right for other parameters. The most specific comes first;
where none is proved, the hint says on which side of the loss the fault is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from gradsuite.conformance.finding import Finding
from gradsuite.conformance.hints import backward, batches, factors, forward, order, places, precision
from gradsuite.conformance.hints.evidence import Evidence, collect

Rule = Callable[[Sequence[Evidence]], Iterator[str]]
CASES = 3  # the smallest failing cases, which must agree


def agreed(rule: Callable[[Evidence], Iterator[str]]) -> Rule:
    """Return the rule that yields what a rule for one case says of each, in the words of the first."""

    def of_all(cases: Sequence[Evidence]) -> Iterator[str]:
        first = list(rule(cases[0]))
        others = [list(rule(case)) for case in cases[1:]] if first else []
        yield from (text for text in first if all(_same(text, texts) for texts in others))

    return of_all


def _same(text: str, texts: Iterable[str]) -> bool:
    """Whether one of the texts says the same, of whichever arrays: these are named at the end."""
    return any(other.rsplit(", in ", 1)[0] == text.rsplit(", in ", 1)[0] for other in texts)


# Rules that need every failing case, and those for which the smallest few will do.
OF_ALL: tuple[Rule, ...] = (factors.constant, precision.coarser)
OF_SMALLEST: tuple[Rule, ...] = (
    agreed(batches.another_batch),
    agreed(order.gates),
    agreed(order.reversed_in_time),
    agreed(order.sequences_reversed),
    agreed(forward.another_network),
    agreed(backward.another_derivative),
)


def hint(findings: Iterable[Finding], dtype: str) -> str:
    """Return what the findings of a failed check tell of its fault, the most specific first; empty if nothing."""
    groups = collect(findings, dtype)
    failing = sorted((g for g in groups if g.wrong), key=lambda g: (g.degenerate, g.size))
    if not failing:
        return ""
    passing = [g for g in groups if not g.wrong]
    if proved := next(_proofs(failing, passing), None):
        return proved
    if place := next(agreed(places.first_wrong)(_smallest(failing)), None):
        return place
    return "; ".join([*places.side(failing), *places.shared(failing, passing)])


def _smallest(failing: Sequence[Evidence]) -> list[Evidence]:
    """Return the smallest failing cases, each once, and those whose sizes tell patterns apart if there are any."""
    each = list({(group.case or group.where): group for group in reversed(failing)}.values())[::-1]
    return ([group for group in each if not group.degenerate] or each)[:CASES]


def _proofs(failing: Sequence[Evidence], passing: Sequence[Evidence]) -> Iterator[str]:
    """Yield what is proved, the most specific first."""
    yield from places.kink(failing)
    yield from batches.padding_read(failing)
    if all(case.usable() for case in failing):
        yield from factors.accumulated(failing, passing)
        for rule in OF_ALL:
            yield from rule(failing)
        for rule in OF_SMALLEST:
            yield from rule(_smallest(failing))
        yield from factors.zero(failing)
    if all(case.usable(any_shape=True) for case in failing):
        yield from agreed(order.transposed)(_smallest(failing))
