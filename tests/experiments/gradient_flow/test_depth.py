"""gradient-depth against a backward pass written out here, and against the gain at which ReLU layers are critical."""

import math

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.parameters import Initialisation, initialise
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite.tasks.task import flatten
from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.gradient_flow.depth import GradientDepth
from gradsuite_experiments.gradient_flow.laws import NORM_MEAN, RATE, VERDICT

from tests.stored import measured, results_of, rows_of, small

PLUGINS = load()
DEPTH = GradientDepth(PLUGINS)


def one(**changes):
    (settings,) = small(DEPTH, **{"task": ["noise"], "activation": ["tanh"], "initialiser": ["orthogonal"], **changes})
    return settings


def test_norms_by_distance_are_those_of_a_plain_network():
    settings = one(num_layers=[6], hidden_size=[10], batch_size=[4])
    task = PLUGINS.task("noise")
    model = task.model("mlp", 10, num_layers=6, length=8)
    parameters = initialise(model, Initialisation("orthogonal"), seed=0)
    batch = flatten(task.batch(batch_rng(0), model, size=4, length=8))
    h, states = batch.inputs, []
    for layer in range(6):
        h = np.tanh(h @ parameters[f"layers.{layer}.weight"].T)
        states.append(h)
    gradient, expected = batch.targets, []
    for layer in reversed(range(6)):
        expected.append(np.linalg.norm(gradient, axis=-1).mean())
        gradient = (gradient * (1 - states[layer] ** 2)) @ parameters[f"layers.{layer}.weight"]
    found = {row.index: row.value for row in measured(DEPTH, settings) if row.metric == NORM_MEAN}
    np.testing.assert_allclose([found[k] for k in range(6)], expected, rtol=1e-12)


def test_he_keeps_relu_gradients_and_half_the_variance_halves_their_square():
    # He et al. 2015: with variance 2/N a layer keeps the mean of |dL/dh|^2, with 1/N it halves it: the slope of
    # ln|dL/dh| is 0 or -ln 2 / 2. A layer's ln|dL/dh|^2 varies by 5/N, ln|dL/dh| by a quarter of that, and the slope
    # fitted to a random walk of L such steps by 6/5 of it over L: sd sqrt(6/5 x 5/256/4 / 30) = .014; five of them.
    # The mean log is lower than the log of the mean by half its variance, 5/256/4 a layer = .005.
    for initialiser, slope in (("he", 0.0), ("normal", -math.log(2) / 2)):
        settings = one(activation=["relu"], initialiser=[initialiser], num_layers=[30], hidden_size=[256])
        (rate,) = [row.value for row in measured(DEPTH, settings) if row.metric == RATE]
        assert rate == pytest.approx(slope, abs=5 * 0.014 + 0.005)


def test_orthogonal_identity_layers_keep_every_norm():
    rows = measured(DEPTH, one(activation=["identity"], num_layers=[40], hidden_size=[16]))
    norms = [row.value for row in rows if row.metric == NORM_MEAN]
    np.testing.assert_allclose(norms, 1.0, rtol=1e-12)
    (verdict,) = [row for row in rows if row.metric == VERDICT]
    assert (verdict.value, verdict.unit, verdict.note) == (0.0, "", "stable")


def test_one_target_per_sequence():
    with pytest.raises(UserError, match="task 'copy' has one at every step"):
        small(DEPTH, task=["copy"])


def test_findings_figure_and_table(tmp_path):
    trials = small(DEPTH, hidden_size=[24], batch_size=[3], num_layers=[12])
    rows = rows_of(tmp_path, DEPTH, results_of(DEPTH, trials, ("numpy", "torch")))
    agreed, *sentences = DEPTH.findings(rows, [])
    assert agreed.startswith("In float64, the gradient norms of numpy and torch differ by at most 0 where")
    assert any("relu gradients vanish with default" in sentence for sentence in sentences)
    with style.context():
        (figure,) = DEPTH.figures(rows, [])
    assert "relu with he" in figure.figure.get_suptitle().replace("\n", " ")
    assert len(figure.figure.axes) == 4
    (table,) = DEPTH.tables(rows, [])
    assert list(table.rows.columns) == ["task", "activation", "default", "he"]
