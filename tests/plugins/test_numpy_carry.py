"""The product of every step back, in each of its forms: against the plain one, and in networks against the oracle."""

from functools import partial

import numpy as np
import pytest
from gradsuite.model import READOUTS, Model
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule
from gradsuite_numpy import carry
from gradsuite_numpy.arrays import transpose
from gradsuite_numpy.backend import NumpyBackend

from tests.plugins.passes import assert_same, oracle, random_batch, run

FEW, MANY = carry.FEW, carry.FEW + 1
WIDE = 64  # 32 examples, 4 gates: 32 * 256 * 64 multiplications are below what is packed, half as wide again above


@pytest.mark.parametrize("lead", [(), (3,)])
@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize(("B", "H"), [(FEW, WIDE), (FEW, 3 * WIDE // 2), (MANY, WIDE), (1, 4 * WIDE), (1, 1)])
def test_every_form_is_the_product(lead, adds, B, H):
    rng = np.random.default_rng(0)
    weight, dz, dh = (rng.standard_normal((*lead, *shape)) for shape in ((4 * H, H), (B, 4 * H), (B, H)))
    back = carry.carry(weight, lambda: transpose(weight).copy(), dh, adds=adds)
    expected = dz @ weight + (dh if adds else 0)
    product = dh.copy() if adds else np.full_like(dh, np.nan)
    back(dz, product)
    # A sum of 4 H products in two orders: each is off by at most 4 H u sum |dz| |W|, u = 2^-53; the sum with dh by u.
    bound = 2 * (4 * H + 1) * 2.0**-53 * (np.abs(dz) @ np.abs(weight) + np.abs(dh))
    assert (np.abs(product - expected) <= bound).all()


def test_few_examples_and_many_weights_have_the_weights_first():
    made = []
    for B, H, first in ((FEW, WIDE, False), (FEW, 3 * WIDE // 2, True), (MANY, 3 * WIDE // 2, False)):
        weight = np.ones((4 * H, H))
        made.clear()
        carry.carry(weight, partial(made.append, weight), np.ones((B, H)), adds=True)
        assert bool(made) is first


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("schedule", [Schedule(), Schedule(checkpoint=2), Schedule(truncation=(2, 3))], ids=str)
def test_networks_are_right_with_the_weights_first(monkeypatch, cell, readout, schedule):
    monkeypatch.setattr(carry, "SMALL", 0)
    model = Model(cell, 2, 3, 0 if readout == "none" else 2, num_layers=2, readout=readout)
    parameters, batch = initialise(model), random_batch(model, 5, 2)
    expected = oracle(model, parameters, batch, schedule.truncation)
    assert_same(run(NumpyBackend(), model, parameters, batch, schedule=schedule), expected, 1e-13)
