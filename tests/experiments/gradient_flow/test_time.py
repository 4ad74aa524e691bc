"""gradient-time against a backward pass written out here, and what its findings and figures say."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.parameters import Initialisation, initialise
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.gradient_flow.findings import agreement, by_task, crossing, spans, thresholds
from gradsuite_experiments.gradient_flow.laws import NORM_MEAN, QUANTILES, VERDICT
from gradsuite_experiments.gradient_flow.time import GradientTime

from tests.stored import measured, results_of, rows_of, small

PLUGINS = load()
TIME = GradientTime(PLUGINS)


def settings_of(**changes):
    return small(TIME, **{"length": [20], "hidden_size": [12], "batch_size": [3], **changes})[0]


def expected_norms(settings):
    """dL/dh_t of the mean over the batch of <v, h_T>, times the batch: h_t = tanh(W h + U x_t), no biases."""
    task = PLUGINS.task("noise")
    model = task.model("rnn", settings["hidden_size"])
    parameters = initialise(model, Initialisation("normal", gain=settings["gain"]), seed=settings["seed"])
    batch = task.batch(batch_rng(settings["seed"]), model, size=settings["batch_size"], length=settings["length"])
    w, u = parameters["weight_hh_l0"], parameters["weight_ih_l0"]
    h, states = np.zeros((settings["batch_size"], settings["hidden_size"])), []
    for x in batch.inputs:
        h = np.tanh(h @ w.T + x @ u.T)
        states.append(h)
    gradient, norms = batch.targets, []
    for h in reversed(states):
        norms.append(np.linalg.norm(gradient, axis=-1))
        gradient = (gradient * (1 - h * h)) @ w
    return np.array(norms)


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_norms_by_lag_are_those_of_a_plain_rnn(gain):
    settings = settings_of(task=["noise"], cell=["rnn"], gain=[gain])
    found = {row.index: row.value for row in measured(TIME, settings) if row.metric == NORM_MEAN}
    # 20 steps of 12-term dot products in float64, at a condition number of some 10: 20 x 12 x 10 x 1e-16.
    np.testing.assert_allclose([found[k] for k in range(20)], expected_norms(settings).mean(axis=1), rtol=1e-12)
    assert found[0] == pytest.approx(1.0)


def test_every_layer_is_measured():
    rows = measured(TIME, settings_of(num_layers=[3], task=["noise"]))
    assert {row.layer for row in rows} == {0, 1, 2}
    start = {row.layer: row.value for row in rows if row.metric == NORM_MEAN and row.index == 0}
    assert start[2] == pytest.approx(1.0)  # the loss is of the top layer's last state
    assert start[0] != pytest.approx(1.0, rel=1e-3)


def test_a_task_of_one_length_has_it_and_others_the_one_asked_for():
    lengths = {(trial["task"], trial["length"]) for trial in small(TIME, task=["noise", "digits"], length=[9, 30])}
    assert lengths == {("noise", 9), ("noise", 30), ("digits", 8)}


def test_a_loss_at_every_step_has_no_lag():
    with pytest.raises(UserError, match="task 'copy' has one at every step"):
        small(TIME, task=["copy"])


def test_a_task_that_is_none_is_an_error_with_the_nearest_name():
    with pytest.raises(UserError, match="did you mean 'digits'"):
        small(TIME, task=["digit"])


def test_any_registered_cell_that_unrolls_over_time_can_be_set():
    assert {trial["cell"] for trial in small(TIME, cell=["lru", "ln-rnn"])} == {"lru", "ln-rnn"}
    with pytest.raises(UserError, match="unknown cell 'residual'"):
        small(TIME, cell=["residual"])


def test_every_preset_has_real_input_and_synthetic():
    for preset in TIME.presets:
        tasks = {trial["task"] for trial in TIME.trials(TIME.grid(preset, {}))}
        assert "noise" in tasks
        assert tasks & {"digits", "sunspots"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    trials = small(TIME, length=[40], hidden_size=[32], batch_size=[4])
    return rows_of(tmp_path_factory.mktemp("run"), TIME, results_of(TIME, trials, ("numpy", "jax", "other")))


def test_findings_say_where_gradients_vanish_and_explode(rows):
    agreed, *sentences = TIME.findings(rows, [])
    assert agreed.startswith("In float64, the gradient norms of numpy, jax and other differ by at most 0 where")
    assert any(sentence.startswith("On noise: rnn gradients vanish at gain 0.5") for sentence in sentences)
    flipped = rows.assign(value=rows["value"].where(rows["metric"] != VERDICT, -rows["value"]))
    assert any(
        sentence.startswith("On noise: rnn gradients") and "explode at gain 0.5" in sentence
        for sentence in by_task(flipped, "cell", "gain")
    )


def test_disagreement_is_found_and_given(rows):
    one = (rows["backend"] == "other") & (rows["metric"] == NORM_MEAN) & (rows["index"] == 6) & (rows["gain"] == 0.5)
    wrong = rows.assign(value=rows["value"].where(~one, rows["value"] * (1 + 3e-9)))
    (sentence,) = agreement(wrong)
    assert "differ by at most 3e-09 where gradients do not explode" in sentence
    (sentence,) = agreement(rows.assign(value=rows["value"].where(~one, np.nan)))
    assert "differ by at most inf where gradients do not explode" in sentence
    (sentence,) = agreement(rows[~one])
    assert "differ by at most 0 where gradients do not explode" in sentence


def test_titles_follow_from_the_data(rows):
    with style.context():
        first, second = TIME.figures(rows, [])
    assert first.figure.get_suptitle().replace("\n", " ").startswith("On noise, gradients vanish up to gain ")
    assert second.figure.get_suptitle().startswith("From vanishing to exploding: rnn at gain ")
    stable = rows.assign(value=rows["value"].where(rows["metric"] != VERDICT, 0.0))
    with style.context():
        still = next(TIME.figures(stable, []))
    assert "are stable at gain 0.5 to 4" in still.figure.get_suptitle().replace("\n", " ")


def test_swept_settings_have_panels_of_their_own_and_medians_over_seeds_are_said(tmp_path):
    sizes = {"length": [6, 9], "hidden_size": [4, 8], "batch_size": [2], "seed": [0, 1], "cell": ["rnn", "gru"]}
    trials = small(TIME, task=["noise", "digits"], **sizes)
    rows = rows_of(tmp_path, TIME, results_of(TIME, trials))
    with style.context():
        norms, rates = TIME.figures(rows, [])
    panels = [
        (cell, task, size, length)
        for cell in ("rnn", "gru")
        for task, lengths in (("noise", (6, 9)), ("digits", (8,)))
        for size in (4, 8)
        for length in lengths
    ]
    by_title = {axes.get_title(): axes for axes in norms.figure.axes}
    assert len(by_title) == len(norms.figure.axes) == len(panels)
    found = rows[(rows["metric"] == NORM_MEAN) & (rows["gain"] == 4.0)].sort_values("seed")
    for cell, task, size, length in panels:
        axes = by_title[f"{cell} on {task}\nhidden_size {size}, length {length}"]
        of_panel = found[found[["cell", "task", "hidden_size", "length"]].eq([cell, task, size, length]).all(axis=1)]
        at = {lag: of_panel[of_panel["index"] == lag]["value"].to_numpy() for lag in (0, 3)}
        assert len(at[3]) == 2  # two seeds, and no other network
        drawn = [line.get_ydata()[3] for line in axes.lines if len(line.get_ydata()) > 3]
        assert min(abs(np.array(drawn) / np.median(at[3] / at[0]) - 1)) < 1e-12
    (legend,) = norms.figure.legends
    assert legend.get_texts()[-1].get_text().endswith("median over seeds 0 and 1")
    (legend,) = rates.figure.legends
    assert legend.get_texts()[-1].get_text() == "median of backends, hidden_size, length and seed"


def test_the_table_has_a_row_for_each_task_and_cell(rows):
    (table,) = TIME.tables(rows, [])
    assert list(table.rows.columns) == ["task", "cell", "gain 0.5", "gain 4"]
    assert len(table.rows) == 2 * 3
    assert table.rows["gain 0.5"].iloc[0].startswith("vanishing, ")


def test_one_gain_on_one_backend_and_numbers_that_are_not_finite(tmp_path):
    trials = small(TIME, task=["noise"], cell=["rnn"], gain=[2], length=[12], hidden_size=[4], batch_size=[2])
    rows = rows_of(tmp_path, TIME, results_of(TIME, trials))
    for broken in (np.nan, np.inf, 0.0):
        norms = rows["metric"].isin([NORM_MEAN, *QUANTILES]) & (rows["index"] > 2)
        damaged = rows.assign(value=rows["value"].mask(norms, broken))
        with style.context():
            figures = list(TIME.figures(damaged, []))
            for figure in figures:
                figure.figure.canvas.draw()
        assert [figure.name for figure in figures] == ["gradient-time"]
        assert list(TIME.tables(damaged, []))


def test_nothing_measured_gives_nothing(tmp_path):
    trial = Trial(TIME.name, "numpy", "cpu", settings_of())
    rows = rows_of(tmp_path, TIME, [(trial, Result("error", reason="it fell over"))])
    assert isinstance(rows, pd.DataFrame)
    assert list(TIME.figures(rows, [])) == list(TIME.tables(rows, [])) == list(TIME.findings(rows, [])) == []


@pytest.mark.parametrize(
    ("values", "chosen", "text"),
    [
        ([0.5, 1.0, 2.0, 4.0], [True, True, False, False], "0.5 to 1"),
        ([4.0, 1.0, 2.0, 0.5], [True, False, True, True], "0.5 and 2 to 4"),
        (["he", "default"], [True, True], "he and default"),
        ([1, 2, 3], [False, False, False], ""),
    ],
)
def test_spans(values, chosen, text):
    assert spans(values, chosen) == text


def test_thresholds_only_where_verdicts_are_in_order():
    table = {"metric": VERDICT, "status": "ok", "cell": "rnn", "layer": pd.NA, "num_layers": 1}
    frame = pd.DataFrame([{**table, "gain": gain, "value": verdict} for gain, verdict in ((1, -1), (2, 0), (3, 1))])
    assert thresholds(frame, "cell", "gain") == "gradients vanish up to gain 1 (rnn) and explode from gain 3 (rnn)"
    assert thresholds(frame.assign(value=[1, 0, -1]), "cell", "gain") is None
    assert thresholds(frame.assign(value=0), "cell", "gain") is None


def test_crossing_is_interpolated():
    assert crossing(np.array([1.0, 2.0, 4.0]), np.array([-3.0, -1.0, 1.0])) == pytest.approx(3.0)
    assert np.isnan(crossing(np.array([1.0, 2.0]), np.array([-3.0, -1.0])))
