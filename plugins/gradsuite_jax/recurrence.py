"""Linear recurrences h_t = a_t h_(t-1) + b_t over all steps, with the backward pass by hand: a scan in reverse.

What it computes are the state gradients G_t = dL/dh_t + a_(t+1) G_(t+1), conjugated where states are complex; dL/db_t
is G_t and dL/da_t is G_t h_(t-1). Kept are a and h.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array
Parts = tuple[Array, ...]  # a real array, or the real and the imaginary part of a complex one

# Which scan is the faster, forward and back in seconds, float32, B=8 and H=64, on two cores of a shared machine
# (medians of seven interleaved rounds, jaxlib 0.10):
#
#   T          256    1,024    4,096   and B=32, H=128, T=4,096
#   serial  0.0014   0.0108   0.0291   0.332
#   parallel 0.0020  0.0135   0.1120   0.875
#
# A processor with few cores reads memory once for a serial scan and some four times for a parallel one. On a GPU each
# step of a serial one starts kernels of its own.
FASTEST = {"cpu": "serial"}
ELSEWHERE = "parallel"
UNROLLED = 8  # steps of a serial scan between two tests whether it has ended: 0.029 s instead of 0.039 s above


def fastest(device: str) -> str:
    """Return the scan that is the fastest on a kind of device."""
    return FASTEST.get(device, ELSEWHERE)


def states(a: Parts, b: Parts, start: Parts, kind: str) -> Parts:
    """Return h_1 to h_T (T, B, H), by their parts; a broadcasts to b, and `start` is h_0 (B, H).

    Half types are computed in float32: a sum over thousands of steps would keep nothing of what is added.
    """
    dtype = b[0].dtype
    wide = jnp.promote_types(dtype, jnp.float32)
    h = scan(kind, *(joined([part.astype(wide) for part in parts]) for parts in (a, b, start)))
    parts = (h.real, h.imag) if len(b) > 1 else (h,)
    return tuple(part.astype(dtype) for part in parts)


def joined(parts: list[Array]) -> Array:
    """Return the real array, or the complex one."""
    return lax.complex(*jnp.broadcast_arrays(*parts)) if len(parts) > 1 else parts[0]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def scan(kind: str, a: Array, b: Array, start: Array) -> Array:
    """Return h_1 to h_T (T, B, H)."""
    return (serial if kind == "serial" else parallel)(a, b, start, reverse=False)


def scan_forward(kind: str, a: Array, b: Array, start: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    """Return the states, and what backward needs."""
    h = scan(kind, a, b, start)
    return h, (a, h, start)


def scan_backward(kind: str, kept: tuple[Array, Array, Array], direct: Array) -> tuple[Array, Array, Array]:
    """Return the gradients by a, b and the state before the first step."""
    a, h, start = kept
    last = direct[-1]
    later = a[1:] if varies(a) else a
    total = (serial if kind == "serial" else parallel)(later, direct[:-1], last, reverse=True)
    total = jnp.concatenate([total, last[None]])
    # JAX's derivatives by complex numbers are not conjugated: it is the transpose of a multiplication that is needed.
    before = jnp.concatenate([jnp.broadcast_to(start, h[:1].shape), h[:-1]])
    of_start = (a[0] if varies(a) else a) * total[0]
    return summed_to(total * before, a.shape), total, of_start.reshape(start.shape)


scan.defvjp(scan_forward, scan_backward)


def serial(a: Array, b: Array, start: Array, *, reverse: bool) -> Array:
    """Return all states by one step after another."""

    def step(h: Array, now: Any) -> tuple[Array, Array]:
        a_t, b_t = now if varies(a) else (a, now)
        h = a_t * h + b_t
        return h, h

    return lax.scan(step, start, (a, b) if varies(a) else b, reverse=reverse, unroll=UNROLLED)[1]


def parallel(a: Array, b: Array, start: Array, *, reverse: bool) -> Array:
    """Return all states by a tree of combined steps."""
    if not len(b):
        return b
    first = -1 if reverse else 0
    a = a if varies(a) else jnp.broadcast_to(jnp.atleast_2d(a), (len(b), *jnp.atleast_2d(a).shape))
    b = b.at[first].add(a[first] * start)
    return lax.associative_scan(combined, (a, b), reverse=reverse)[1]


def combined(earlier: tuple[Array, Array], later: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the one step that two steps are."""
    return later[0] * earlier[0], later[0] * earlier[1] + later[1]


def varies(a: Array) -> bool:
    """Whether a has a time axis: (T, B, H), and not (H,) or (B, H)."""
    return a.ndim > 2


def summed_to(x: Array, shape: tuple[int, ...]) -> Array:
    """Return x summed over the axes that were broadcast from this shape."""
    extra = x.ndim - len(shape)
    ones = tuple(k for k in range(extra, x.ndim) if shape[k - extra] == 1 and x.shape[k] != 1)
    return x.sum((*range(extra), *ones)).reshape(shape)
