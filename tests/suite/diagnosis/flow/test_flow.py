"""Flows: lags from where the loss reads, horizon, rate and verdict; both directions, lengths, traced networks."""

import numpy as np
import pytest
from gradsuite.diagnosis.diagnosis import diagnose_patient
from gradsuite.diagnosis.flow import Flow, Passes, by_lag, first_sequences, of_traced, together
from gradsuite.diagnosis.patient import Traced
from gradsuite.parameters import Initialisation, initialise

from tests.suite.diagnosis.patients import batch_of, model_of, patient_of


def falling(factor, lags=30, size=8):
    return Flow("the layer", np.full((lags, size), 1.0) * factor ** np.arange(lags)[:, np.newaxis], 1)


@pytest.mark.parametrize(
    ("factor", "verdict", "horizon"),
    [
        (0.5, "vanishing", np.log(1000) / np.log(2)),
        (0.9, "stable", np.log(1000) / -np.log(0.9)),  # beyond the 29 lags seen: it falls on at its rate
        (1.0, "stable", np.inf),
        (1.5, "exploding", np.inf),
    ],
)
def test_a_gradient_with_one_factor(factor, verdict, horizon):
    flow = falling(factor)
    assert flow.verdict == verdict
    assert flow.horizon == pytest.approx(horizon, rel=1e-12)
    assert [flow.rate.value, flow.rate.low, flow.rate.high] == pytest.approx([np.log(factor)] * 3, abs=1e-12)


def test_the_interval_of_few_sequences_is_a_regressions():
    noise = np.random.default_rng(0).standard_normal((50, 1))
    lags = np.arange(50)[:, np.newaxis]
    rate = Flow("the layer", np.exp(-0.2 * lags + 0.1 * noise), 1).rate
    assert "regression" in rate.method
    slope, covariance = np.polyfit(np.arange(1, 50), (-0.2 * lags + 0.1 * noise)[1:, 0], 1, cov="unscaled")
    residuals = (-0.2 * lags + 0.1 * noise)[1:, 0] - np.polyval(slope, np.arange(1, 50))
    error = np.sqrt(covariance[0, 0] * residuals @ residuals / 47)
    assert rate.value == pytest.approx(slope[0])
    assert rate.high - rate.value == pytest.approx(1.96 * error)


@pytest.mark.parametrize("reverse", [False, True])
def test_lags_count_from_where_the_loss_reads(reverse):
    norms = np.random.default_rng(0).random((6, 4))
    lengths, last = np.array([6, 4, 5, 3]), np.array([5, 2, -1, 0])
    found = by_lag(norms, last, lengths, reverse=reverse)
    for sequence in range(4):
        step = 1 if reverse else -1
        end = lengths[sequence] if reverse else -1
        expected = norms[last[sequence] : end if end >= 0 else None : step, sequence] if last[sequence] >= 0 else []
        column = found[:, sequence]
        np.testing.assert_array_equal(column[~np.isnan(column)], expected)


@pytest.mark.parametrize("reverse", [False, True])
def test_each_direction_has_its_own_gradient(reverse):
    """Units that keep 1/2 forward and 3/4 backward: the loss reads every step, and lags do not mix."""
    model = model_of("rnn", activation="identity", bidirectional=True)
    drawn = initialise(model)
    for end, factor in (("", 0.5), ("_reverse", 0.75)):
        drawn[f"weight_hh_l0{end}"] = factor * np.eye(model.hidden_size)
    lengths = np.full(16, 9)
    lengths[8:] = 12
    batch = batch_of(model, 12, every=True, lengths=lengths)
    (flow,) = Passes.of(patient_of(model, drawn, batch)).flows(batch, reverse=reverse)
    assert flow.norms.shape == (12, 16)
    np.testing.assert_allclose(flow.left, (0.75 if reverse else 0.5) ** np.arange(12), rtol=1e-12)
    assert np.isnan(flow.norms[9:, :8]).all()


def test_a_backward_direction_read_at_its_first_step():
    model = model_of("gru", bidirectional=True)
    found = diagnose_patient(patient_of(model, initialise(model), batch_of(model, 10)))
    assert found.causes[0].name == "reading"
    assert found.findings[0].startswith("The backward direction is read where it has seen 1 of 10 steps")


def test_a_loss_that_does_not_read_the_layers():
    model = model_of("gru")
    found = diagnose_patient(patient_of(model, initialise(model), batch_of(model, 10, scale=0.0)))
    assert found.findings == ["No gradient reaches the layers: it is zero, or not a number, where the loss reads them."]


def test_several_layers_together():
    one, two = falling(0.5), falling(0.5)
    both = together([one, two], "all layers")
    np.testing.assert_allclose(both.norms, np.sqrt(2) * one.norms)
    assert both.numbers == 2


def test_a_traced_network_is_seen_from_its_end():
    gradients = 2.0 ** np.arange(-11, 1.0)[:, np.newaxis] * np.ones(3)
    gradients[8:, 1] = np.nan  # a sequence that ends earlier
    traced = Traced("a loop", "time step", tuple(map(str, range(12))), gradients, gradients, (1.0,), (2.0,))
    flow = of_traced(traced)
    np.testing.assert_allclose(flow.left, 0.5 ** np.arange(12))
    found = diagnose_patient(traced)
    assert [cause.name for cause in found.causes] == ["length"]
    assert found.frames["horizon"]["verdict"].item() == "vanishing"


def test_the_batch_keeps_its_gradient_in_what_is_looked_at():
    """A part of a batch has the gradients that it has in the whole: a loss is a mean over sequences and steps."""
    model = model_of("lstm")
    patient = patient_of(model, initialise(model, Initialisation(forget_bias=1.0)), batch_of(model, 9, every=True))
    batch = patient.seen[0].batch
    whole = Passes.of(patient).gradients(batch, states=True).states
    part = Passes.of(patient).gradients(first_sequences(batch, 5), states=True).states
    np.testing.assert_allclose(part, whole[:, :, :5], rtol=1e-12)
