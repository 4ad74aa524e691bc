"""State gradients in float32 keep their digits at every step, however far they have vanished."""

import importlib
from functools import cache

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.oracle import Answer, differentiate
from gradsuite.parameters import Parameters, initialise
from gradsuite.precision import rounded

STEPS, SIZE = 60, 3
SHAPES = ((1, 1), (2, 1), (3, 1), (1, 2), (2, 2))  # units, layers
SEEDS = range(10)
# What is promised per step, of its norm. XLA takes numbers below 2^-126 for zero, also in the products on the way: of
# the about 16 terms of a step each may be lost.
RELATIVE, LOST = 1e-4, 16 * 2.0**-126


@cache
def problem(model: Model, seed: int) -> tuple[Parameters, Batch, Answer]:
    """Return parameters, a batch and the oracle's answer, which the tests of all backends share."""
    rng = np.random.default_rng(seed)
    parameters = {key: rounded(p, "float32") for key, p in initialise(model, seed=seed).items()}
    inputs, targets = rng.standard_normal((STEPS, SIZE, 2)), rng.standard_normal((SIZE, 2))
    batch = Batch(rounded(inputs, "float32"), rounded(targets, "float32"))
    return parameters, batch, differentiate(model, parameters, batch)


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
@pytest.mark.parametrize(("hidden", "layers"), SHAPES)
def test_fifty_small_lstms_at_default_initialisation(name, hidden, layers):
    pytest.importorskip(name)
    backend_class = getattr(importlib.import_module(f"gradsuite_{name}.backend"), f"{name.capitalize()}Backend")
    model = Model("lstm", 2, hidden, 2, layers)
    smallest = np.inf
    for seed in SEEDS:
        parameters, batch, answer = problem(model, seed)
        network = backend_class().build(model, parameters, dtype="float32")
        gradients = network.fetch_gradients(network.backward(network.forward(network.put(batch), states=True)))
        for kind in ("states", "cell_states"):
            expected = getattr(answer, kind)
            errors = np.linalg.norm(getattr(gradients, kind) - expected, axis=(-2, -1))
            norms = np.linalg.norm(expected, axis=(-2, -1))
            assert (errors <= RELATIVE * norms + LOST).all(), (kind, seed, (errors / norms).max())
            smallest = min(smallest, norms.min())
    assert smallest < 1e-12  # they do vanish
