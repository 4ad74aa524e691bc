"""Sweeps: stacks where they fit, the same flows as one by one, and a change made to each part in its turn."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.parameters import Initialisation
from gradsuite_experiments.common import sweep as module
from gradsuite_experiments.common.sweep import chunks, draws, scaled, sweep
from gradsuite_numpy.backend import NumpyBackend

MODEL = Model("mlp", 5, 5, num_layers=3, activation="tanh", readout="none", loss="inner_product")
SIZE = 3 * (5 * 5 + 5) * 8  # bytes of one network in float64
BATCH = Batch(*np.random.default_rng(0).standard_normal((2, 4, 5)))


class Recording(NumpyBackend):
    """Records how many members each network was built of."""

    def __init__(self):
        self.built = []

    def build(self, model, parameters, **options):
        weight = parameters["layers.0.weight"]
        self.built.append(len(weight) if weight.ndim == 3 else "alone")
        return super().build(model, parameters, **options)


@pytest.mark.parametrize(("room", "built"), [(100, [6]), (4, [3, 3]), (1, ["alone"] * 6), (0, ["alone"] * 6)])
def test_what_does_not_fit_into_a_stack_is_run_alone_and_gives_the_same(monkeypatch, room, built):
    networks = draws(MODEL, Initialisation("normal", bias_std=1.0), 6)
    whole = list(sweep(NumpyBackend(), MODEL, networks, BATCH, device="cpu", dtype="float64"))
    monkeypatch.setattr(module, "STACK_BYTES", room * SIZE)
    backend = Recording()
    found = list(sweep(backend, MODEL, networks, BATCH, device="cpu", dtype="float64"))
    assert backend.built == built
    for one, other in zip(found, whole, strict=True):
        assert one.states.shape == (3, 4, 5)
        assert one.states == pytest.approx(other.states, rel=1e-13)
        assert one.outputs == pytest.approx(other.outputs, rel=1e-13)


@pytest.mark.parametrize("room", [1, 100])
def test_a_change_is_made_to_stacks_and_to_single_members_alike(monkeypatch, room):
    monkeypatch.setattr(module, "STACK_BYTES", room * SIZE)
    networks = draws(MODEL, Initialisation("normal", bias_std=1.0), 4)
    run = {"device": "cpu", "dtype": "float64"}
    changed = sweep(NumpyBackend(), MODEL, networks, BATCH, **run, change=lambda network: scaled(network, 1.5, 0.2))
    before = sweep(NumpyBackend(), MODEL, [scaled(network, 1.5, 0.2) for network in networks], BATCH, **run)
    for one, other in zip(changed, before, strict=True):
        assert one.states == pytest.approx(other.states, rel=1e-13)


def test_chunks_are_of_one_size():
    assert [len(chunk) for chunk in chunks([{}] * 12, 5)] == [4, 4, 4]
