"""The distance of an array from a reference: the norm of the difference over the norm of the reference, at any scale.

No absolute tolerance hides small values: a gradient of 1e-30 must have as many correct digits as one of 1.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Comparison:
    """`error` is |value - reference| / |reference|, infinite where the two cannot be compared; `note` says why."""

    error: float
    note: str = ""

    def within(self, bound: float) -> bool:
        """Whether the error is at most `bound`; false for any bound if the arrays cannot be compared."""
        return bool(self.error <= bound < np.inf)


def compare(
    value: np.ndarray, reference: np.ndarray, *, dtype: np.dtype | None = None, absolute: float = 0.0
) -> Comparison:
    """Compare an array with its reference, in the reference's precision and at least in float64.

    - A shape other than the reference's, or a dtype other than `dtype` if one is given, is an infinite error.
    - Non-finite values must be in the same places and of the same kind (NaN, +inf, -inf), or the error is infinite; the
      finite values are then compared.
    - If the reference is zero everywhere, the error is 0 if |value| is at most `absolute`, else infinite.
    - Both are rescaled by powers of two, so that neither 1e-200 underflows nor 1e+200 overflows in between.
    """
    value, reference = np.asarray(value), np.asarray(reference)
    if value.shape != reference.shape:
        return Comparison(np.inf, f"shape {value.shape}, not {reference.shape}")
    if dtype is not None and value.dtype != dtype:
        return Comparison(np.inf, f"dtype {value.dtype}, not {dtype}")
    precision = np.result_type(reference.dtype, np.float64)
    value, reference = value.astype(precision), reference.astype(precision)
    if (odd := _first_odd(value, reference)) is not None:
        number, expected = value[odd], reference[odd]
        return Comparison(np.inf, f"{number:g} at {_index(odd)}, where the reference has {expected:g}")
    finite = np.isfinite(reference)
    return _distance(value[finite], reference[finite], absolute)


def _first_odd(value: np.ndarray, reference: np.ndarray) -> tuple[int, ...] | None:
    """Return the index of the first element that is non-finite in only one of the two, or of another kind."""
    odd = np.argwhere(_kind(value) != _kind(reference))
    return tuple(int(i) for i in odd[0]) if len(odd) else None


def _kind(a: np.ndarray) -> np.ndarray:
    return np.select([np.isnan(a), a == np.inf, a == -np.inf], [1, 2, 3], 0)


def _index(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]"


def _distance(value: np.ndarray, reference: np.ndarray, absolute: float) -> Comparison:
    """Return |value - reference| / |reference| of two finite vectors."""
    # A quarter of each: the difference of two numbers near the largest one must not overflow.
    difference, difference_exponent = _norm(value / 4 - reference / 4)
    norm, exponent = _norm(reference / 4)
    if norm == 0:
        size = float(np.ldexp(difference, difference_exponent + 2))
        return Comparison(0.0) if size <= absolute else Comparison(np.inf, f"norm {size:.1e}, where the reference is 0")
    with np.errstate(over="ignore"):
        return Comparison(float(np.ldexp(difference / norm, difference_exponent - exponent)))


def _norm(a: np.ndarray) -> tuple[np.floating, int]:
    """Return the Euclidean norm as n, e with norm = n 2^e and n between 1/2 and sqrt(len(a)), or 0."""
    exponent = int(np.frexp(np.max(np.abs(a), initial=0))[1])
    scaled = np.ldexp(a, -exponent)
    return np.sqrt(np.sum(scaled * scaled)), exponent
