"""Linear recurrences h_t = a_t h_(t-1) + b_t over all steps, with the backward pass by hand: a scan in reverse.

What it computes are the state gradients G_t = dL/dh_t + conj(a_(t+1)) G_(t+1); dL/db_t is G_t and
dL/da_t is G_t conj(h_(t-1)). Kept are a and h.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.cells.linear import times
from jax import lax

Array = jax.Array
Parts = tuple[Array, ...]  # a real array, or the real and the imaginary part of a complex one

# A processor with few cores reads memory once for a serial scan and some four times for a parallel one: over T=4,096
# with B=8 and H=64, forward and back, in float32 on two cores (medians of 15, jaxlib 0.10), 21 ms and 44 ms with a
# constant complex a, 10 and 27 with a real one of each step. The serial scan is not unrolled: XLA then computes each
# state anew from the first of those in one turn (39 and 16 ms with eight). On a GPU each step starts kernels.
FASTEST = {"cpu": "serial"}
ELSEWHERE = "parallel"


def fastest(device: str) -> str:
    """Return the scan that is the fastest on a kind of device."""
    return FASTEST.get(device, ELSEWHERE)


def states(a: Parts, b: Parts, start: Parts, kind: str) -> Parts:
    """Return h_1 to h_T (T, B, H), by their parts; a broadcasts to b, and `start` is h_0 (B, H).

    Half types are computed in float32, and left so: a sum over thousands of steps would keep nothing of what is added.
    """
    return scan(kind, wide(a), wide(b), wide(start))


def wide(parts: Parts) -> Parts:
    """Return the parts in float32 at least."""
    return tuple(part.astype(jnp.promote_types(part.dtype, jnp.float32)) for part in parts)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def scan(kind: str, a: Parts, b: Parts, start: Parts) -> Parts:
    """Return h_1 to h_T (T, B, H)."""
    return KERNELS[kind](a, b, start, reverse=False)


def scan_forward(kind: str, a: Parts, b: Parts, start: Parts) -> tuple[Parts, tuple[Parts, Parts, Parts]]:
    """Return the states, and what backward needs."""
    h = scan(kind, a, b, start)
    return h, (a, h, start)


def scan_backward(kind: str, kept: tuple[Parts, Parts, Parts], direct: Parts) -> tuple[Parts, Parts, Parts]:
    """Return the gradients by a, b and the state before the first step: a scan in reverse (Martin & Cundy 2018)."""
    a, h, start = kept
    a = conjugate(a)
    total = KERNELS[kind](following(a), direct, tuple(map(jnp.zeros_like, start)), reverse=True)
    before = tuple(jnp.concatenate([first[None], part[:-1]]) for first, part in zip(start, h, strict=True))
    of_a = tuple(summed_to(part, like.shape) for part, like in zip(times(total, conjugate(before)), a, strict=True))
    return of_a, total, times(at(a, 0), tuple(part[0] for part in total))


scan.defvjp(scan_forward, scan_backward)


def serial(a: Parts, b: Parts, start: Parts, *, reverse: bool) -> Parts:
    """Return all states by one step after another."""

    def step(h: Parts, now: Any) -> tuple[Parts, Parts]:
        a_t, b_t = now if varies(a) else (a, now)
        h = added(times(a_t, h), b_t)
        return h, h

    found: Parts = lax.scan(step, start, (a, b) if varies(a) else b, reverse=reverse)[1]
    return found


def parallel(a: Parts, b: Parts, start: Parts, *, reverse: bool) -> Parts:
    """Return all states by a tree of combined steps (Blelloch 1990)."""
    steps, first = len(b[0]), -1 if reverse else 0
    if not varies(a):
        a = tuple(jnp.broadcast_to(jnp.atleast_2d(part), (steps, *jnp.atleast_2d(part).shape)) for part in a)
    begun = times(at(a, first), start)
    b = tuple(part.at[first].add(moved) for part, moved in zip(b, begun, strict=True))
    found: Parts = lax.associative_scan(combined, (a, b), reverse=reverse)[1]
    return found


KERNELS: Mapping[str, Callable[..., Parts]] = {"serial": serial, "parallel": parallel}


def combined(earlier: tuple[Parts, Parts], later: tuple[Parts, Parts]) -> tuple[Parts, Parts]:
    """Return the one step that two steps are."""
    return times(later[0], earlier[0]), added(times(later[0], earlier[1]), later[1])


def added(these: Parts, those: Parts) -> Parts:
    """Return the sum."""
    return tuple(this + that for this, that in zip(these, those, strict=True))


def conjugate(parts: Parts) -> Parts:
    """Return the conjugate."""
    return (parts[0], *(-part for part in parts[1:]))


def varies(a: Parts) -> bool:
    """Whether a has a time axis: (T, B, H), and not (H,) or (B, H)."""
    return a[0].ndim > 2


def at(a: Parts, steps: Any) -> Parts:
    """Return a at one step or at several."""
    return tuple(part[steps] for part in a) if varies(a) else a


def following(a: Parts) -> Parts:
    """Return the a of the step after each; after the last there is none, and nothing to multiply with it."""
    return tuple(jnp.concatenate([part[1:], jnp.zeros_like(part[:1])]) for part in a) if varies(a) else a


def summed_to(x: Array, shape: tuple[int, ...]) -> Array:
    """Return x summed over the axes that were broadcast from this shape."""
    extra = x.ndim - len(shape)
    ones = tuple(k for k in range(extra, x.ndim) if shape[k - extra] == 1 and x.shape[k] != 1)
    return x.sum((*range(extra), *ones)).reshape(shape)
