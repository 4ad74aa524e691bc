"""Bounds on rounding errors: for every check in every dtype, from the number of operations."""

import math

import numpy as np

# Half the distance from 1 to the next number: the largest relative error of one rounding.
UNIT_ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
PRECISE = ("float64", "float32")
# Powers of two, so that scaling by them is exact: 1e30, 1e15 and, as float16 ends at 65504, 16.
LARGE = {"float64": 2.0**100, "float32": 2.0**50, "bfloat16": 2.0**50, "float16": 2.0**4}
# More than the square root of the largest number: its square is infinite.
OVERFLOWING = {"float64": 2.0**768, "float32": 2.0**96, "bfloat16": 2.0**96, "float16": 2.0**12}

# Exponents of the smallest normal number, of the smallest subnormal one, and of the first power of two that overflows:
# IEEE 754-2019, table 3.5; bfloat16 has the exponents of float32.
LIMITS = {
    "float64": (-1022, -1074, 1024),
    "float32": (-126, -149, 128),
    "bfloat16": (-126, -133, 128),
    "float16": (-14, -24, 16),
}

# Allowance for what a chain of n roundings leaves out: tanh and exp are off by a unit or two rather than half of one,
# and a sum of terms of both signs is smaller than its terms. Tests hold this amplification below 6.
SLACK = 8.0


def bound(dtype: str, operations: int) -> float:
    """Return the relative error that a chain of this many roundings may leave: 8 sqrt(n) u.

    n roundings of random sign grow like sqrt(n), not n (Higham & Mary 2019, "A new approach to probabilistic rounding
    error analysis", theorem 2.4).
    """
    return SLACK * math.sqrt(operations) * UNIT_ROUNDOFF[dtype]


def rounded(a: np.ndarray, dtype: str) -> np.ndarray:
    """Return the numbers of `dtype` nearest to these, as float64: what a network in `dtype` actually gets."""
    if dtype != "bfloat16":
        return np.asarray(a).astype(dtype).astype(np.float64)
    bits = np.asarray(a, np.float32).view(
        np.uint32
    )  # NumPy lacks bfloat16: round the bits of float32 to their upper half, ties to even
    upper = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (upper & np.uint32(0xFFFF0000)).view(np.float32).astype(np.float64)
