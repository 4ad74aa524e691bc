"""Cells with layer normalisation against torch.nn.functional.layer_norm, which takes mean and variance itself."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.comparator import compare
from gradsuite.model import Model
from gradsuite.oracle import evaluate
from gradsuite.parameters import initialise

torch = pytest.importorskip("torch")

STEPS, BATCH, INPUTS, UNITS = 6, 4, 3, 5
# A hundred roundings, as without normalisation; each of which divides by deviations of a third or more: ten times that.
ROUNDING = 1e-13
ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "identity": lambda z: z}


def normalised(a, gain, shift=None):
    return torch.nn.functional.layer_norm(a, a.shape[-1:], gain, shift)


def example(model):
    rng = np.random.default_rng(0)
    parameters = {name: p + 0.3 * rng.standard_normal(p.shape) for name, p in initialise(model).items()}
    x = rng.standard_normal((STEPS, BATCH, INPUTS))
    _, found = evaluate(model, parameters, Batch(x, np.zeros((BATCH, UNITS))))
    return found, {name.removesuffix("_l0"): torch.tensor(p) for name, p in parameters.items()}, torch.tensor(x)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_ln_rnn(activation):
    found, p, x = example(Model("ln-rnn", INPUTS, UNITS, activation=activation, readout="none"))
    h = x.new_zeros(BATCH, UNITS)
    for now in x:
        a = now @ p["weight_ih"].T + h @ p["weight_hh"].T
        h = ACTIVATIONS[activation](normalised(a, p["norm"], p["bias"]))
    assert compare(found, h.numpy()).within(ROUNDING)


def test_ln_lstm():
    found, p, x = example(Model("ln-lstm", INPUTS, UNITS, readout="none"))
    h = c = x.new_zeros(BATCH, UNITS)
    for now in x:
        of_x = normalised(now @ p["weight_ih"].T, p["norm_ih"], p["bias"])
        i, f, g, o = (of_x + normalised(h @ p["weight_hh"].T, p["norm_hh"])).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * normalised(c, p["norm_c"], p["bias_c"]).tanh()
    assert compare(found, h.numpy()).within(ROUNDING)


@pytest.mark.parametrize("cell", ["ln-rnn", "ln-lstm"])
def test_gains_start_at_one_and_the_shift_of_c_at_zero(cell):
    parameters = initialise(Model(cell, INPUTS, UNITS, num_layers=2, readout="none"), seed=3)
    gains = [p for name, p in parameters.items() if name.startswith("norm")]
    assert len(gains) == {"ln-rnn": 2, "ln-lstm": 6}[cell]
    assert all((gain == 1.0).all() for gain in gains)
    assert all((p == 0.0).all() for name, p in parameters.items() if name.startswith("bias_c_"))
