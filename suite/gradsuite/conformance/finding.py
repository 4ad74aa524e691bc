"""What a check measures: an error and its bound."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradsuite.comparator import compare


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured error, its bound, and what was measured; `note` says why an error is infinite."""

    what: str
    error: float
    bound: float
    note: str = ""

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


def close(what: str, array: np.ndarray, expected: np.ndarray, bound: float, *, absolute: float = 0.0) -> Finding:
    """Return the finding of an array compared with its reference, by the comparator's rules."""
    comparison = compare(array, expected, absolute=absolute)
    return Finding(what, comparison.error, bound, comparison.note)


def all_close(
    where: str, arrays: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], bound: float
) -> Iterator[Finding]:
    """Yield a finding per expected array, and one per array that was not expected.

    If a reference is zero everywhere (with a single class, say), terms of order 1 cancel: they may leave an absolute
    error of `bound`.
    """
    for name, reference in expected.items():
        what = f"{name} of {where}"
        if name in arrays:
            yield close(what, arrays[name], reference, bound, absolute=bound)
        else:
            yield fact(what, False, "missing")
    for name in arrays.keys() - expected.keys():
        yield fact(f"{name} of {where}", False, "not asked for")


def same_bits(where: str, arrays: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    """Yield one finding per array: error 0 for the same bits, NaN included, else the distance."""
    for name, reference in expected.items():
        same = name in arrays and np.asarray(arrays[name]).tobytes() == np.asarray(reference).tobytes()
        error = 0.0 if same else compare(arrays[name], reference).error if name in arrays else np.inf
        yield Finding(f"{name} of {where}", error, 0.0, "" if same else "other bits")
