"""Targets against peers and against the products alone: what is timed, and what is said of rows made by hand."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.measuring import timing
from gradsuite.measuring.cost import Product
from gradsuite.measuring.timing import Interval
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite.running.plan import study
from gradsuite_experiments.speed import limit, workloads
from gradsuite_experiments.speed.experiment import Speed
from gradsuite_experiments.speed.findings import labelled
from gradsuite_experiments.speed.targets import LIMIT, Outcome, outcomes, target_findings
from gradsuite_numpy.backend import NumpyBackend

ROUNDS = 7


def settings(workload):
    experiment = Speed()
    (found,) = experiment.trials(experiment.grid("peers", {"workload": [workload]}))
    return found


def frame(workload, times):
    """Return rows: `times` maps (backend, metric) to the seconds of its rounds."""
    own = settings(workload) | {"experiment": "speed", "status": "ok", "device": "cpu", "unit": "s", "layer": None}
    return pd.DataFrame(
        own | {"backend": backend, "metric": metric, "value": value, "index": index, "key": backend}
        for (backend, metric), samples in times.items()
        for index, value in enumerate(samples)
    )


def found(workload, times):
    return {(o.sentence, o.backend): o for o in outcomes(frame(workload, times))}


def test_the_preset_measures_the_named_workloads_and_brings_the_peers():
    planned = study(load(), ["speed"], "peers", {})
    assert planned.peers() == ["torch-nn", "torch-autograd", "torch-compile", "jax-scan", "flax", "autograd"]
    assert [cell[0].settings["workload"] for cell in planned.groups(["any"], "cpu")] == list(workloads.NAMED)
    assert study(load(), ["speed"], "quick", {}).peers() == []


def test_gradients_are_timed_alone_with_norms_and_as_products(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    small = settings("W3") | {"length": 3, "rounds": 2}
    first, warm, *samples, last = Speed().measure(NumpyBackend(), "cpu", small)
    assert [row.metric for row in first] == ["gradient_first"]
    assert warm == []
    products = limit.different(workloads.model(small), small)
    expected = {"gradient", "gradient_states", *(f"product_{k}_0" for k in range(len(products)))}
    assert [{row.metric for row in one if "disturbed" not in row.metric} for one in samples] == [expected, expected]
    assert last[0].metric == "peak_memory"


def test_ratios_are_to_the_better_peer_and_paired():
    drift = np.linspace(1, 3, ROUNDS)
    times = {("jax", "gradient"): 2 * drift, ("jax-scan", "gradient"): 5 * drift, ("flax", "gradient"): 4 * drift}
    outcome = found("W1", times)["jax against the better of jax-scan and flax", "jax"]
    assert outcome.ratio == Interval(*[pytest.approx(0.5)] * 3)
    assert (outcome.bound, outcome.verdict) == (0.85, "met")


def test_a_tuned_backend_stands_for_itself():
    times = {("numpy", "gradient"): [9.0] * ROUNDS, ("numpy@tuned", "gradient"): [1.0] * ROUNDS}
    by_name = found("W1", times | {("torch-nn", "gradient"): [2.0] * ROUNDS})
    assert by_name["numpy against torch-nn", "numpy@tuned"].ratio.median == pytest.approx(0.5)
    assert ("numpy against torch-nn", "numpy") not in by_name


def test_norms_are_held_against_the_same_backend_and_against_retain_grad():
    times = {("torch", "gradient"): [1.0] * ROUNDS, ("torch", "gradient_states"): [1.2] * ROUNDS,
             ("torch-autograd", "gradient_states"): [3.0] * ROUNDS}  # fmt: skip
    by_name = found("W2", times)
    assert by_name["norms of state gradients, against none", "torch"].ratio.median == pytest.approx(1.2)
    assert by_name["norms of state gradients, against none", "torch"].verdict == "missed"
    against = by_name["norms of state gradients in torch, against retain_grad", "torch"]
    assert (against.ratio.median, against.verdict) == (pytest.approx(0.4), "met")


@pytest.mark.parametrize(
    ("ratio", "at_most", "verdict"),
    [
        (Interval(0.9, 0.8, 1.2), True, "met"),
        (Interval(1.1, 0.9, 1.2), True, "within noise"),
        (Interval(1.2, 1.1, 1.3), True, "missed"),
        (Interval(1.1, 0.9, 1.2), False, "met"),
        (Interval(0.9, 0.8, 1.2), False, "within noise"),
        (Interval(0.8, 0.7, 0.9), False, "missed"),
    ],
)
def test_verdicts(ratio, at_most, verdict):
    assert Outcome("s", "numpy", "W1", ratio, 1.0, at_most).verdict == verdict
    assert Outcome("s", "numpy", "W1", ratio, float("nan"), at_most).verdict == ""


def test_the_limit_adds_up_the_best_of_each_product_as_often_as_it_occurs():
    counts = list(limit.different(workloads.model(settings("W5")), settings("W5")).values())
    assert counts[:2] == [19, 10]  # ten layers: forward and to the inputs of all but the first, and weight gradients
    times = {(name, f"product_{k}_{library}"): [(k + 1) * factor] * ROUNDS
             for k in range(len(counts))
             for name, library, factor in (("numpy", 0, 3.0), ("torch", 0, 4.0), ("torch", 1, 2.0))}  # fmt: skip
    expected = sum(2.0 * (k + 1) * count for k, count in enumerate(counts))
    assert limit.limits(labelled(frame("W5", times))) == {"W5": pytest.approx(expected)}
    times |= {("torch", "gradient"): [2 * expected] * ROUNDS, ("numpy", "gradient"): [4 * expected] * ROUNDS}
    assert found("W5", times)[LIMIT, "torch"].ratio.median == pytest.approx(0.5)


def test_a_product_that_nobody_timed_leaves_no_limit():
    assert limit.limits(labelled(frame("W5", {("numpy", "product_0_0"): [1.0]}))) == {}


def test_products_of_one_step_are_done_one_after_the_other():
    sizes = settings("W3")
    found = limit.different(workloads.model(sizes), sizes)
    assert found[Product(1, 32, 128, times=100)] == found[Product(1, 128, 32, times=100)] == 1


def test_findings_figures_and_tables():
    sizes = settings("W1")
    products = range(len(limit.different(workloads.model(sizes), sizes)))
    times = {("torch", "gradient"): [1.0] * ROUNDS, ("torch-nn", "gradient"): [1.05] * ROUNDS}
    times |= {("torch", f"product_{k}_0"): [0.01] * ROUNDS for k in products}
    rows = frame("W1", times)
    told = list(target_findings(rows))
    assert told[0] == "0 of 2 targets are met."
    assert "torch against torch-nn in W1 (0.95)" in told[1]
    with style.context():
        assert [figure.name for figure in Speed().figures(rows)] == ["speed-peers", "speed-limit"]
    targets, limits = Speed().tables(rows)
    assert targets.rows["verdict"].tolist() == ["missed", "missed"]
    assert limits.rows.loc[0, "torch"].startswith("1 s (")
    empty = rows.assign(status="error", metric=None)
    assert not [*Speed().figures(empty), *Speed().tables(empty), *Speed().findings(empty)]
