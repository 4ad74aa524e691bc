"""Clipping: each claim holds, and fails with a fault; the figure says which."""

from dataclasses import replace

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.optimizers import SGD
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise
from gradsuite.report import style
from gradsuite_experiments.clipping.exact import gradient
from gradsuite_experiments.clipping.experiment import Clipping
from gradsuite_experiments.clipping.one_step import steps, units
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments.laboratory import RIGHT, Fault, blind, measured, not_biting, parameter_gradients, verdicts

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
OPTAX = Fault("optax's rule, for the shortest gradient beyond the limit", optimizer=limits(1 + 1e-6))
FAULTS = {
    "clipping/norm/direction": BY_VALUE,
    "clipping/norm/length": LOOSE,
    "clipping/norm/within-limit": TIGHT,
    "clipping/norm/shortfall": OPTAX,
    "clipping/norm/infinite": BY_VALUE,
    "clipping/unit/unit-direction": BY_VALUE,
    "clipping/unit/direction": BY_NORM,
    "clipping/unit/length": LOOSE,
    "clipping/unit/limit": LOOSE,
    "clipping/unit/within-limit": TIGHT,
    "clipping/unit/infinite": BY_NORM,
    "clipping/value/direction": BY_NORM,
    "clipping/value/length": LOOSE,
    "clipping/value/within-limit": TIGHT,
    "clipping/value/signs": BY_NORM,
    "clipping/value/infinite": BY_NORM,
}


def test_every_claim_holds_and_bites():
    assert not_biting(Clipping(), FAULTS) == []


def limit(factor):
    return Fault(f"limits x {factor}", optimizer=limits(factor))


def grown(factor):
    """Limits grown, whichever way the factor goes."""
    return limit(max(factor, 1 / factor))


def recurrent(factor):
    return parameter_gradients(factor, "weight_hh_l0")


def first_weights(factor):
    """Multiply the gradient of each unit's first weight or bias."""

    def change(gradient):
        changed = gradient.copy()
        changed[..., 0] *= factor
        return changed

    def gradients(found):
        return replace(found, parameters={name: change(g) for name, g in found.parameters.items()})

    return Fault(f"first weights' gradients x {factor}", gradients=gradients)


def finite(factor):
    """Infinite elements of the gradient become the largest number."""

    def gradients(found):
        return replace(found, parameters={name: np.nan_to_num(g) for name, g in found.parameters.items()})

    return Fault("finite gradients", gradients=gradients)


SIZES = {
    "clipping/norm/direction": recurrent,
    "clipping/norm/length": limit,
    "clipping/norm/within-limit": parameter_gradients,
    "clipping/norm/shortfall": limit,
    "clipping/norm/infinite": finite,
    "clipping/unit/unit-direction": first_weights,
    "clipping/unit/direction": recurrent,
    "clipping/unit/length": limit,
    "clipping/unit/limit": limit,
    "clipping/unit/within-limit": parameter_gradients,
    "clipping/unit/infinite": finite,
    "clipping/value/direction": limit,
    "clipping/value/length": limit,
    "clipping/value/within-limit": parameter_gradients,
    "clipping/value/signs": grown,
    "clipping/value/infinite": limit,
}


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    assert blind(Clipping(), SIZES) == []


def test_a_bias_gradient_that_is_zero_silences_no_claim():
    right = verdicts(Clipping(), measured(Clipping()))
    wrong = verdicts(Clipping(), measured(Clipping(), parameter_gradients(0.0, "*bias*")))
    assert wrong.keys() == right.keys()
    assert wrong["clipping/value/signs"].verdict == "fails"


def test_a_backend_whose_steps_move_nothing_keeps_no_claim_of_a_step():
    still = Fault("no step", optimizer=lambda rule: replace(rule, lr=1e-300))
    judged = verdicts(Clipping(), measured(Clipping(), still))
    assert {claim.verdict for name, claim in judged.items() if "infinite" not in name} == {"fails"}


def test_the_exact_gradient_is_the_oracle_s():
    model = Model("rnn", 4, 3, activation="identity", readout="none", loss="inner_product")
    rng = np.random.default_rng(0)
    network, batch = initialise(model), Batch(rng.standard_normal((5, 2, 4)), rng.standard_normal((2, 3)))
    exact = differentiate(model, network, batch).parameters
    for name, found in gradient(network, batch).items():
        np.testing.assert_allclose(found, exact[name], rtol=1e-12, atol=1e-14)


def test_a_step_of_a_stack_is_that_of_each_network():
    model = Model("gru", 2, 3, 1)
    networks = [initialise(model, seed=seed) for seed in range(2)]
    rng = np.random.default_rng(0)
    batch = Batch(rng.standard_normal((4, 3, 2)), rng.standard_normal((3, 1)))
    run, rule = {"device": "cpu", "dtype": "float64"}, SGD(lr=1.0, clip_norm=0.01)
    together = list(steps(NumpyBackend(), model, networks, batch, rule, run))
    for network, stacked in zip(networks, together, strict=True):
        (alone,) = steps(NumpyBackend(), model, [network], batch, rule, run)
        for name, p in network.items():
            np.testing.assert_array_equal(stacked.before[name], p)
            np.testing.assert_allclose(stacked.moved[name], alone.moved[name], rtol=0, atol=1e-15)


def test_gradients_come_in_any_order():
    backwards = Fault("none", gradients=lambda g: replace(g, parameters=dict(reversed(g.parameters.items()))))
    rows = measured(Clipping(), backwards, gains=[5])
    assert {claim.verdict for claim in Clipping().claims(rows)} == {"holds"}


def test_units_are_rows_and_whole_vectors():
    vectors = units({"w": np.arange(6.0).reshape(2, 3), "b": np.arange(2.0)})
    assert [list(unit) for unit in vectors] == [[0, 1, 2], [3, 4, 5], [0, 1]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_claims_hold_in_both_precisions(dtype):
    rows = measured(Clipping(), dtype=[dtype], gains=[5], limit=[0.01, 1.0])
    assert {claim.verdict for claim in Clipping().claims(rows)} == {"holds"}


def test_the_title_says_what_came_out():
    experiment, titles = Clipping(), []
    for fault in (RIGHT, LOOSE):
        rows = measured(experiment, fault)
        with style.context():
            (figure,) = experiment.figures(rows, list(verdicts(experiment, rows).values()))
        titles.append(figure.figure.get_suptitle().replace("\n", " "))
    assert titles[0].endswith("claims hold")
    assert "not on numpy" in titles[1]


@pytest.mark.parametrize("rule", ["norm", "unit", "value"])
@pytest.mark.parametrize("changes", [{"length": [1]}, {"hidden_size": [1]}, {"limit": [1e9]}])
def test_a_part_of_the_gradient_that_is_zero_breaks_no_claim(rule, changes):
    rows = measured(Clipping(), rule=[rule], gains=[2], **changes)  # after one step W_hh has the gradient 0: h_0 is 0
    assert {claim.verdict for claim in Clipping().claims(rows)} == {"holds"}


@pytest.mark.parametrize("rule", ["norm", "unit", "value"])
def test_a_limit_below_the_least_number_fails_without_an_error(rule):
    rows = measured(Clipping(), rule=[rule], gains=[2], limit=[1e-200])
    assert "fails" in {claim.verdict for claim in Clipping().claims(rows)}
