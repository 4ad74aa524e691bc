"""Targets against peers and against the products alone: what is timed, and what is said of rows made by hand."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.measuring import memory, timing
from gradsuite.measuring.cost import Product
from gradsuite.measuring.intervals import Interval
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite.running.plan import study
from gradsuite_experiments.speed import limit, workloads
from gradsuite_experiments.speed.experiment import Speed
from gradsuite_experiments.speed.findings import labelled
from gradsuite_experiments.speed.metrics import PRODUCT
from gradsuite_experiments.speed.targets import LIMIT, Outcome, outcomes, target_findings
from gradsuite_numpy.backend import NumpyBackend

ROUNDS = 7


SIZES = {"cell": ["mlp"], "batch_size": [8], "hidden_size": [64], "fraction": [1]}


def settings(workload):
    experiment = Speed()
    return next(iter(experiment.trials(experiment.grid("peers", {"workload": [workload]} | SIZES))))


def frame(workload, times):
    """Return rows: `times` maps (backend, metric) to the seconds of its rounds; a product's metric is (K, library)."""
    common = settings(workload) | {"experiment": "speed", "status": "ok", "device": "cpu", "unit": "s", "layer": None}
    lines = []
    for (backend, metric), samples in times.items():
        member, library = (None, "") if isinstance(metric, str) else metric
        place = {"metric": metric if member is None else PRODUCT, "member": member, "note": library}
        for index, value in enumerate(samples):
            lines.append(common | place | {"backend": backend, "value": value, "index": index, "key": backend})
    return pd.DataFrame(lines)


def reached(workload, times):
    return {(outcome.sentence, outcome.backend): outcome for outcome in outcomes(frame(workload, times))}


def test_the_preset_measures_the_named_workloads_and_brings_the_peers():
    planned = study(load(), ["speed"], "peers", {})
    assert planned.peers() == ["torch-nn", "torch-autograd", "torch-compile", "jax-scan", "flax", "autograd"]
    planned_workloads = [group[0].settings["workload"] for group in planned.groups(["any"], "cpu")]
    assert planned_workloads == [*workloads.NAMED, *["sizes"] * 16]
    assert study(load(), ["speed"], "quick", {}).peers() == []


def test_the_sizes_are_those_of_the_preset_standard():
    def labels(preset, workload):
        experiment = Speed()
        trials = experiment.trials(experiment.grid(preset, {"workload": [workload]}))
        return {workloads.label(trial) for trial in trials}

    assert labels("peers", "sizes") == labels("standard", "sizes")


def test_of_sizes_the_step_alone_is_timed(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    first, _, *samples = Speed().measure(NumpyBackend(), "cpu", settings("sizes") | {"rounds": 2})
    assert [row.metric for row in first] == ["step_first"]
    assert [[row.metric for row in rows] for rows in samples] == [["step"], ["step"]]


def test_gradients_are_timed_alone_with_norms_and_as_products(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    small = settings("W3") | {"length": 3, "rounds": 2}
    first, warm, *samples, last = Speed().measure(NumpyBackend(), "cpu", small)
    assert [row.metric for row in first] == ["gradient_first", "step_first"]
    assert warm == []
    products = [("product", member) for member in range(len(limit.different(workloads.model(small), small)))]
    expected = [("gradient", None), ("gradient_states", None), ("step", None), *products]
    assert [[(row.metric, row.member) for row in rows] for rows in samples] == [expected, expected]
    assert {row.note for rows in samples for row in rows if row.metric == "product"} == {"library 0"}
    assert [row.metric for row in last] == (["peak_memory"] if memory.reset_peak() else [])


def test_ratios_are_to_the_better_peer_and_paired():
    drift = np.linspace(1, 3, ROUNDS)
    times = {("jax", "gradient"): 2 * drift, ("jax-scan", "gradient"): 5 * drift, ("flax", "gradient"): 4 * drift}
    outcome = reached("W1", times)["jax against the better of jax-scan and flax", "jax"]
    assert outcome.ratio == Interval(*[pytest.approx(0.5)] * 3)
    assert (outcome.bound, outcome.verdict) == (0.85, "met")


def test_a_tuned_backend_stands_for_itself():
    times = {("numpy", "gradient"): [9.0] * ROUNDS, ("numpy@tuned", "gradient"): [1.0] * ROUNDS}
    by_name = reached("W1", times | {("torch-nn", "gradient"): [2.0] * ROUNDS})
    assert by_name["numpy against torch-nn", "numpy@tuned"].ratio.median == pytest.approx(0.5)
    assert ("numpy against torch-nn", "numpy") not in by_name


def test_norms_are_held_against_the_same_backend_and_against_retain_grad():
    times = {("torch", "gradient"): [1.0] * ROUNDS, ("torch", "gradient_states"): [1.2] * ROUNDS,
             ("torch-autograd", "gradient_states"): [3.0] * ROUNDS}  # fmt: skip
    by_name = reached("W2", times)
    assert by_name["norms of state gradients, against none", "torch"].ratio.median == pytest.approx(1.2)
    assert by_name["norms of state gradients, against none", "torch"].verdict == "missed"
    against = by_name["norms of state gradients in torch, against retain_grad", "torch"]
    assert (against.ratio.median, against.verdict) == (pytest.approx(0.4), "met")


@pytest.mark.parametrize(("workload", "label"), [("W5", "W5"), ("sizes", "mlp B8 H64")])
def test_whole_steps_are_held_against_the_best_peer_in_the_same_framework(workload, label):
    drift = np.linspace(1, 3, ROUNDS)
    times = {("torch", "step"): 0.9 * drift, ("torch-nn", "step"): 2 * drift, ("torch-compile", "step"): drift,
             ("jax", "step"): 5 * drift, ("flax", "step"): 4 * drift, ("numpy", "step"): 0.1 * drift}  # fmt: skip
    of_torch, of_jax = outcomes(frame(workload, times))
    assert (of_torch.workload, of_torch.backend, of_torch.other) == (label, "torch", "torch-compile")
    assert of_torch.ratio == Interval(*[pytest.approx(0.9)] * 3)
    assert of_torch.times == (pytest.approx(0.9 * 2), pytest.approx(2))
    assert (of_torch.bound, of_torch.verdict) == (1.0, "met")
    assert (of_jax.backend, of_jax.other, of_jax.verdict) == ("jax", "flax", "")  # shown, and nothing asked of it
    assert of_jax.ratio.median == pytest.approx(1.25)


def test_sizes_without_a_name_have_no_targets_for_gradients():
    times = {("torch", "gradient"): [1.0] * ROUNDS, ("torch-nn", "gradient"): [2.0] * ROUNDS}
    assert not outcomes(frame("sizes", times))
    assert [outcome.backend for outcome in outcomes(frame("W5", times))] == ["torch"]


def test_whole_steps_have_a_table_and_a_figure_of_their_own():
    steps = {("torch", "step"): [0.002] * ROUNDS, ("torch-nn", "step"): [0.001] * ROUNDS}
    rows = pd.concat([frame("sizes", steps), frame("W5", steps)])
    assert list(target_findings(rows)) == [
        "0 of 2 targets are met.",
        "Missed: whole steps: torch against the best PyTorch peer in W5 (2.00); "
        "whole steps: torch against the best PyTorch peer in mlp B8 H64 (2.00).",
    ]
    with style.context():
        assert [figure.name for figure in Speed().figures(rows, [])] == ["speed", "speed-steps"]
    whole, speed = Speed().tables(rows, [])
    assert whole.rows.to_dict("records")[1] == {
        "workload": "mlp B8 H64",
        "backend": "torch",
        "step": "2 ms",
        "best peer": "torch-nn",
        "its step": "1 ms",
        "ratio": "2.00",
        "95% interval": "2.00 to 2.00",
        "target": "at most 1",
        "verdict": "missed",
    }
    assert not {"forward", "backward", "update"} & set(speed.rows)  # not timed by themselves


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
    times = {(name, (k, library)): [(k + 1) * factor] * ROUNDS
             for k in range(len(counts))
             for name, library, factor in (("numpy", "a", 3.0), ("torch", "a", 4.0), ("torch", "b", 2.0))}  # fmt: skip
    expected = sum(2.0 * (k + 1) * count for k, count in enumerate(counts))
    assert limit.limits(labelled(frame("W5", times))) == {"W5": pytest.approx(expected)}
    times |= {("torch", "gradient"): [2 * expected] * ROUNDS, ("numpy", "gradient"): [4 * expected] * ROUNDS}
    assert reached("W5", times)[LIMIT, "torch"].ratio.median == pytest.approx(0.5)


def test_a_product_that_was_not_timed_leaves_no_limit():
    assert limit.limits(labelled(frame("W5", {("numpy", (0, "a")): [1.0]}))) == {}


def test_products_of_one_step_are_done_one_after_the_other():
    sizes = settings("W3")
    counts = limit.different(workloads.model(sizes), sizes)
    assert counts[Product(1, 32, 128, times=100)] == counts[Product(1, 128, 32, times=100)] == 1


def test_findings_figures_and_tables():
    sizes = settings("W1")
    products = range(len(limit.different(workloads.model(sizes), sizes)))
    times = {("torch", "gradient"): [1.0] * ROUNDS, ("torch-nn", "gradient"): [1.05] * ROUNDS}
    times |= {("torch", (k, "a")): [0.01] * ROUNDS for k in products}
    rows = frame("W1", times)
    sentences = list(target_findings(rows))
    assert sentences[0] == "0 of 2 targets are met."
    assert "torch against torch-nn in W1 (0.95)" in sentences[1]
    with style.context():
        assert [figure.name for figure in Speed().figures(rows, [])] == ["speed-peers", "speed-limit"]
    targets, limits = Speed().tables(rows, [])
    assert targets.rows["verdict"].tolist() == ["missed", "missed"]
    assert limits.rows.loc[0, "torch"].startswith("1 s (")
    empty = rows.assign(status="error", metric=None)
    assert not [*Speed().figures(empty, []), *Speed().tables(empty, []), *Speed().findings(empty, [])]
