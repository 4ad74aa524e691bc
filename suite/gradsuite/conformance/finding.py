"""What a check finds: an error, its bound, and what was measured."""

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
        """Error over bound, to find the worst finding; infinite for NaN and for what exceeds a bound of zero."""
        if self.error == 0:
            return 0.0
        ratio = self.error / self.bound if self.bound else np.inf
        return np.inf if np.isnan(ratio) else ratio


def fact(what: str, true: bool, note: str = "") -> Finding:
    """Return the finding of something that is so or not: error 0, or infinite with a note."""
    return Finding(what, 0.0, 0.0) if true else Finding(what, np.inf, 0.0, note)


def close(what: str, array: np.ndarray, expected: np.ndarray, bound: float, *, absolute: float = 0.0) -> Finding:
    """Return the finding of an array held against its reference, by the comparator's rules."""
    comparison = compare(array, expected, absolute=absolute)
    return Finding(what, comparison.error, bound, comparison.note)


def all_close(
    where: str, arrays: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], bound: float
) -> Iterator[Finding]:
    """Yield a finding for every array expected, and one for every array that nobody expected.

    Where a reference is zero everywhere (one class only, say) its terms cancel: they are of order 1 here, and
    may leave `bound` as an absolute error.
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
    """Yield one finding for each array: the same bits, NaN included, or how far apart."""
    for name, reference in expected.items():
        same = name in arrays and np.asarray(arrays[name]).tobytes() == np.asarray(reference).tobytes()
        error = 0.0 if same else compare(arrays[name], reference).error if name in arrays else np.inf
        yield Finding(f"{name} of {where}", error, 0.0, "" if same else "other bits")
