"""Linear recurrences h_t = a_t h_(t-1) + b_t over all steps: one after another, or in blocks side by side.

Time is the first axis here. `a` is (T, ..., B, H), or (1, ...) where it is the same at every step.
"""

from collections.abc import Callable, Mapping
from math import isqrt

import numpy as np

from gradsuite_numpy.arrays import Array

# Which scan is the faster is a matter of how many numbers a step has: see PyTorch's table, which NumPy's is like. Calls
# cost a microsecond less here, and results that are not written in place are new arrays.
FEW_NUMBERS = 1024
MANY_STEPS = 64


def fastest(steps: int, numbers: int) -> str:
    """Return the scan that is the fastest for so many steps, of so many numbers each."""
    return "parallel" if steps >= MANY_STEPS and numbers <= FEW_NUMBERS else "serial"


def scan(kind: str | None, a: Array, b: Array, start: Array, *, reverse: bool = False) -> None:
    """Turn b (T, ..., B, H) into the states, from the `start` on (..., B, H); backwards in time if `reverse`."""
    KERNELS[kind or fastest(len(b), start.size)](a, b, start, reverse=reverse)


def serial(a: Array, b: Array, start: Array, *, reverse: bool = False) -> None:
    """Turn b into the states, one step after another."""
    before, moved, varies = start, np.empty_like(start), len(a) > 1
    for t in walk(len(b), reverse=reverse):
        h = b[t]
        np.multiply(a[t if varies else 0], before, out=moved)
        np.add(h, moved, out=h)
        before = h


def parallel(a: Array, b: Array, start: Array, *, reverse: bool = False) -> None:
    """Turn b into the states by blocks of sqrt(T) steps, all of them side by side, each from a state of zero.

    Then what reaches each block from the one before is added: its last state, times the product of a up to each step.
    Steps that fill no block are the last of the walk.
    """
    steps, varies = len(b), len(a) > 1
    size = isqrt(steps)
    count = steps // size if size else 0
    if count < 2:
        serial(a, b, start, reverse=reverse)
        return
    rest = steps - count * size
    whole, left = (slice(rest, None), slice(rest)) if reverse else (slice(count * size), slice(count * size, None))
    blocks = b[whole].reshape(count, size, *b.shape[1:])
    each = (
        a[whole].reshape(count, size, *a.shape[1:]) if varies else np.broadcast_to(a[:, None], (1, size, *a.shape[1:]))
    )
    products, moved = np.empty(each.shape, a.dtype), np.empty_like(blocks[:, 0])
    first, *others = walk(size, reverse=reverse)
    products[:, first] = each[:, first]
    before = first
    for t in others:
        np.multiply(each[:, t], blocks[:, before], out=moved)
        np.add(blocks[:, t], moved, out=blocks[:, t])
        np.multiply(each[:, t], products[:, before], out=products[:, t])
        before = t
    carry = start
    for block in walk(count, reverse=reverse):
        blocks[block] += products[block if varies else 0] * carry
        carry = blocks[block, before]
    if rest:
        serial(a[left] if varies else a, b[left], carry, reverse=reverse)


KERNELS: Mapping[str, Callable[..., None]] = {"loop": serial, "serial": serial, "parallel": parallel}


def walk(steps: int, *, reverse: bool) -> range:
    """Return the steps in the order in which they are computed."""
    return range(steps - 1, -1, -1) if reverse else range(steps)
