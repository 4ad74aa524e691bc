"""Linear recurrences in JAX: every scan and its backward pass by hand, against a loop that JAX differentiates."""

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from gradsuite_jax import recurrence

BATCH, UNITS = 2, 3
TOLERANCE = 1e-5  # float32: fifty steps of a handful of roundings, each 6e-8


def loop(a, b, start):
    """Return the states of complex or real arrays (T, B, H), one step after another; a is (T, B, H) or (H,)."""
    each = jnp.broadcast_to(a, b.shape)
    return jax.lax.scan(lambda h, now: (now[0] * h + now[1],) * 2, start, (each, b))[1]


def parts(array):
    return tuple(map(jnp.asarray, (array.real, array.imag) if jnp.iscomplexobj(array) else (array,)))


def joined(parts):
    return parts[0] + 1j * parts[1] if len(parts) > 1 else parts[0]


def pulled(function, arguments, direct):
    """Return what it gives and its gradients, by one program, as in a network: XLA compiles each step of many apart."""

    def both(arguments, direct):
        found, pull = jax.vjp(function, *arguments)
        return found, pull(direct)

    return jax.jit(both)(arguments, direct)


@pytest.mark.parametrize("kind", recurrence.KERNELS)
@pytest.mark.parametrize("steps", [1, 2, 9, 50])
@pytest.mark.parametrize(("constant", "dtype"), [(True, "complex64"), (False, "float32")])
def test_states_and_gradients_are_a_loops(kind, steps, constant, dtype):
    rng = np.random.default_rng(steps)

    def drawn(*shape):
        array = rng.uniform(-0.7, 0.7, (2, *shape))
        return (array[0] + 1j * array[1] if dtype == "complex64" else array[0]).astype(dtype)

    shape = steps, BATCH, UNITS
    arrays = drawn(UNITS) if constant else drawn(*shape), drawn(*shape), drawn(BATCH, UNITS)
    direct = parts(drawn(*shape))
    of_parts = tuple(parts(array) for array in arrays)
    expected = pulled(lambda *each: parts(loop(*map(joined, each))), of_parts, direct)
    found = pulled(lambda *each: recurrence.states(*each, kind), of_parts, direct)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert np.linalg.norm(one - other) <= TOLERANCE * np.linalg.norm(other)
