"""Clipping: each claim holds, and fails with a fault; the figure says which."""

from dataclasses import replace

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.optimizers import SGD
from gradsuite.parameters import initialise
from gradsuite.report import style
from gradsuite_experiments.clipping.experiment import Clipping
from gradsuite_experiments.clipping.one_step import steps, units
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments.laboratory import RIGHT, Fault, measured, not_biting

RULES = ("clip_norm", "clip_unit", "clip_value")


def limits(factor):
    """Multiply every limit."""
    return lambda rule: replace(rule, **{name: getattr(rule, name) and getattr(rule, name) * factor for name in RULES})


def only(name):
    """Clip by this rule instead, at the same limit."""
    return lambda rule: SGD(lr=rule.lr, **{name: rule.clip_norm or rule.clip_unit or rule.clip_value})


LOOSE = Fault("limits 1% too large", optimizer=limits(1.01))
TIGHT = Fault("limits a thousandth", optimizer=limits(1e-3))
BY_VALUE = Fault("by value whatever is asked for", optimizer=only("clip_value"))
BY_NORM = Fault("by norm whatever is asked for", optimizer=only("clip_norm"))
FAULTS = {
    "Clipping by norm keeps the gradient's direction.": BY_VALUE,
    "Clipping by norm leaves the length |g| min(1, c / (|g| + 1e-6)).": LOOSE,
    "Clipping by norm leaves a gradient within its limit alone.": TIGHT,
    "Clipping by norm, torch's rule is shorter than optax's by the part 1e-6 / (|g| + 1e-6).": Fault(
        "optax's rule, for the shortest gradient beyond the limit", optimizer=limits(1 + 1e-6)
    ),
    "Clipping by norm turns [inf, 1] into [nan, 0].": BY_VALUE,
    "Clipping by unit keeps the direction of each unit's gradient.": BY_VALUE,
    "Clipping by unit turns the whole gradient as its units are scaled.": BY_NORM,
    "Clipping by unit leaves the length that its units have left.": LOOSE,
    "Clipping by unit moves no unit by more than c of its own norm.": LOOSE,
    "Clipping by unit leaves a gradient within its limit alone.": TIGHT,
    "Clipping by unit turns [inf, 1] into nan in its own unit alone.": BY_NORM,
    "Clipping by value turns the gradient to the cosine <g, clip g> / (|g| |clip g|).": BY_NORM,
    "Clipping by value leaves of the length what is within, and c of the rest.": LOOSE,
    "Clipping by value leaves a gradient within its limit alone.": TIGHT,
    "Clipping by value turns it to its signs in the end: |g|_1 / (sqrt(n) |g|_2).": BY_NORM,
    "Clipping by value turns [inf, 1] into numbers as if it were finite.": BY_NORM,
}


def test_every_claim_holds_and_bites():
    assert not_biting(Clipping(), FAULTS) == []


def test_a_step_of_a_stack_is_that_of_each_network():
    model = Model("gru", 2, 3, 1)
    networks = [initialise(model, seed=seed) for seed in range(2)]
    rng = np.random.default_rng(0)
    batch = Batch(rng.standard_normal((4, 3, 2)), rng.standard_normal((3, 1)))
    run, rule = {"device": "cpu", "dtype": "float64"}, SGD(lr=1.0, clip_norm=0.01)
    together = list(steps(NumpyBackend(), model, networks, batch, rule, run))
    for network, found in zip(networks, together, strict=True):
        (alone,) = steps(NumpyBackend(), model, [network], batch, rule, run)
        for name, p in network.items():
            np.testing.assert_array_equal(found.before[name], p)
            np.testing.assert_allclose(found.moved[name], alone.moved[name], rtol=0, atol=1e-15)


def test_gradients_come_in_any_order():
    backwards = Fault("none", gradients=lambda g: replace(g, parameters=dict(reversed(g.parameters.items()))))
    rows = measured(Clipping(), backwards, gains=[5])
    assert {claim.verdict for claim in Clipping().claims(rows)} == {"holds"}


def test_units_are_rows_and_whole_vectors():
    found = units({"w": np.arange(6.0).reshape(2, 3), "b": np.arange(2.0)})
    assert [list(unit) for unit in found] == [[0, 1, 2], [3, 4, 5], [0, 1]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_claims_hold_in_both_precisions(dtype):
    rows = measured(Clipping(), dtype=[dtype], gains=[5], limit=[0.01, 1.0])
    assert {claim.verdict for claim in Clipping().claims(rows)} == {"holds"}


def test_the_title_says_what_came_out():
    titles = []
    for fault in (RIGHT, LOOSE):
        with style.context():
            (figure,) = Clipping().figures(measured(Clipping(), fault))
        titles.append(figure.figure.get_suptitle().replace("\n", " "))
    assert titles[0].endswith("claims hold")
    assert "not on numpy" in titles[1]
