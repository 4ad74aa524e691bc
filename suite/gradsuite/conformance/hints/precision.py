"""Errors of the size of a coarser dtype's rounding."""

from collections.abc import Iterator, Sequence

import numpy as np

from gradsuite.conformance.hints.evidence import Evidence, listed
from gradsuite.precision import UNIT_ROUNDOFF, bound, rounded

# TF32 keeps ten bits behind the point of each factor of a product, and sums in float32.
TF32 = 2.0**-11
MOST = 0.9  # of the errors
FEW = 3  # arrays that must agree where only the size of errors speaks


def coarser(cases: Sequence[Evidence]) -> Iterator[str]:
    """Yield the coarser dtype whose numbers came back, or whose rounding is the size of every error."""
    dtype = cases[0].dtype
    arrays = listed(cases[0], cases[0].wrong)
    # The coarsest first: its numbers are those of finer dtypes too.
    for other in reversed(list(UNIT_ROUNDOFF)[list(UNIT_ROUNDOFF).index(dtype) + 1 :]):
        if all(_are_numbers_of(other, case) for case in cases):
            yield f"{other}'s precision inside {dtype}: the numbers in {arrays} are those of {other}"
            return
    errors = [case.findings[name].error for case in cases for name in case.wrong]
    if len(errors) < FEW or any(case.case is None for case in cases):
        return
    operations = max(case.case.operations for case in cases if case.case is not None)
    if dtype == "float64" and _sized(errors, UNIT_ROUNDOFF["float32"], bound("float32", operations)):
        yield f"float32's precision inside float64: the errors of {arrays} are of the size of its rounding"
    if dtype == "float32" and _sized(errors, TF32, 8 * TF32):
        yield f"TF32's precision inside float32: the errors of {arrays} are of the size of its rounding"


def _are_numbers_of(dtype: str, case: Evidence) -> bool:
    """Whether every wrong array consists of numbers of a dtype, as the right one does not, and is near that one."""
    limit = bound(dtype, case.case.operations if case.case else 1)
    with np.errstate(over="ignore", under="ignore"):
        return all(
            case.findings[name].error < limit
            and np.array_equal(case.value(name), rounded(case.value(name), dtype))
            and not np.array_equal(case.expected(name), rounded(case.expected(name), dtype))
            for name in case.wrong
        )


def _sized(errors: list[float], unit: float, largest: float) -> bool:
    """Whether none is above the largest, and nearly all are above what the mean of a thousand roundings leaves.

    What takes part in no rounding, the targets as dL/dh_T say, may have a smaller one.
    """
    return max(errors) < largest and sum(error > unit / 1000**0.5 for error in errors) > MOST * len(errors)
