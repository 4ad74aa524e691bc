"""What a check measures: an error and its bound."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from gradsuite.comparator import compare

if TYPE_CHECKING:
    from gradsuite.conformance.case import Case


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured error, its bound, and what was measured; `note` says why an error is infinite.

    `array` is the name of the array compared, of which `what` says where it came from; `case` is the case whose
    parameters and batch it was computed from, if they were one's. Only a finding that failed keeps its `value` and what
    was `expected`.
    """

    what: str
    error: float
    bound: float
    note: str = ""
    array: str = ""
    case: "Case | None" = None
    value: np.ndarray | None = field(default=None, compare=False, repr=False)
    expected: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def passed(self) -> bool:
        """Whether the error is a number within its bound."""
        return self.error <= self.bound

    @property
    def badness(self) -> float:
        """Error over bound, by which findings are ranked; infinite for NaN and for any error over a bound of zero."""
        if self.error == 0:
            return 0.0
        ratio = self.error / self.bound if self.bound else np.inf
        return np.inf if np.isnan(ratio) else ratio


def fact(what: str, true: bool, note: str = "") -> Finding:
    """Return the finding of a statement: error 0 if it is true, else infinite with a note."""
    return Finding(what, 0.0, 0.0) if true else Finding(what, np.inf, 0.0, note)


def close(
    what: str,
    value: np.ndarray,
    expected: np.ndarray,
    bound: float,
    *,
    absolute: float = 0.0,
    array: str = "",
    case: "Case | None" = None,
) -> Finding:
    """Return the finding of an array compared with its reference, by the comparator's rules."""
    comparison = compare(value, expected, absolute=absolute)
    return _kept(Finding(what, comparison.error, bound, comparison.note, array, case), value, expected)


def all_close(
    where: str,
    arrays: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    bound: float,
    *,
    case: "Case | None" = None,
) -> Iterator[Finding]:
    """Yield a finding per expected array, and one per array that was not expected.

    If a reference is zero everywhere (with a single class, say), terms of order 1 cancel: they may leave an absolute
    error of `bound`.
    """
    for name, reference in expected.items():
        what = f"{name} of {where}"
        if name in arrays:
            yield close(what, arrays[name], reference, bound, absolute=bound, array=name, case=case)
        else:
            yield Finding(what, np.inf, 0.0, "missing", name, case)
    for name in arrays.keys() - expected.keys():
        yield Finding(f"{name} of {where}", np.inf, 0.0, "not asked for", name, case)


def same_bits(
    where: str, arrays: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], *, case: "Case | None" = None
) -> Iterator[Finding]:
    """Yield one finding per array: error 0 for the same bits, NaN included, else the distance."""
    for name, reference in expected.items():
        what = f"{name} of {where}"
        if name not in arrays:
            yield Finding(what, np.inf, 0.0, "missing", name, case)
        elif np.asarray(arrays[name]).tobytes() == np.asarray(reference).tobytes():
            yield Finding(what, 0.0, 0.0, "", name, case)
        else:
            error = compare(arrays[name], reference).error
            yield _kept(Finding(what, error, 0.0, "other bits", name, case), arrays[name], reference)


def _kept(finding: Finding, value: np.ndarray, expected: np.ndarray) -> Finding:
    """Return a finding with copies of its arrays if it failed: a backend may overwrite what it returned."""
    return finding if finding.passed else replace(finding, value=np.array(value), expected=np.array(expected))
