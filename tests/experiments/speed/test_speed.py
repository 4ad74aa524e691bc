"""The speed experiment: what is timed and when, on a fake clock; what is said of timings, on rows made by hand."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from gradsuite.measuring import timing
from gradsuite.measuring.contention import Watch
from gradsuite.report import style
from gradsuite.rows import Measurement
from gradsuite_experiments.speed import experiment as speed
from gradsuite_experiments.speed import workloads
from gradsuite_experiments.speed.experiment import Speed
from gradsuite_experiments.speed.findings import ratios, rounds, seconds, unstable
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments import laboratory

SMALL = {"length": [3], "batch_size": [2], "hidden_size": [4], "input_size": [3], "rounds": [2]}


def cells(**changes):
    experiment = Speed()
    return list(experiment.trials(experiment.grid("quick", SMALL | changes)))


def measured(settings, backend=None):
    return list(Speed().measure(backend or NumpyBackend(), "cpu", settings))


class Counting(NumpyBackend):
    """Counts what is called, in order."""

    def __init__(self):
        self.calls = []

    def build(self, *args, **kwargs):
        network = super().build(*args, **kwargs)
        for name in ("forward", "backward", "update", "step", "synchronize"):
            setattr(network, name, self.counted(name, getattr(network, name)))
        return network

    def counted(self, name, call):
        def counting(*args, **kwargs):
            self.calls.append(name)
            return call(*args, **kwargs)

        return counting


@pytest.fixture(autouse=True)
def short_samples(monkeypatch):
    # One call a sample: these tests look at what is timed, not at how long it takes.
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)


def test_an_mlp_has_no_length_and_named_workloads_have_their_own_sizes():
    assert [c["length"] for c in cells(cell=["mlp"], length=[3, 5])] == [1]
    (named,) = cells(workload=["W4"], cell=["rnn", "lstm"], length=[3, 5])
    assert named == named | workloads.NAMED["W4"]


def test_one_combination_of_sizes_in_two_still_pairs_every_value_with_every_other():
    sizes = {"length": [20, 80], "batch_size": [8, 64], "hidden_size": [64, 256]}
    half = cells(**sizes, cell=["lstm", "mlp"], fraction=[2])
    assert not any("fraction" in c for c in half)  # it is no part of what is measured
    lstm = [c for c in half if c["cell"] == "lstm"]
    for first, second in combinations(sizes, 2):
        assert {(c[first], c[second]) for c in lstm} == set(product(sizes[first], sizes[second]))
    assert len(lstm) == 4
    assert len(half) == 4 + 4  # mlp has no length, and so all four


def test_a_language_model_is_read_out_at_every_step():
    assert [workloads.model(c).readout for c in cells(workload=["W1", "W6"], cell=["lstm"])] == ["last", "all"]


def test_rounds_are_first_calls_warm_up_samples_and_memory():
    (settings,) = cells(cell=["lstm"])
    first, warm, *samples, last = measured(settings)
    assert [row.metric for row in first] == ["forward_first", "backward_first", "update_first", "step_first"]
    assert warm == []
    phases = ["forward", "backward", "update", "step", "gradient"]
    assert [[row.metric for row in one if row.metric in phases] for one in samples] == [phases, phases]
    assert [{row.index for row in one} for one in samples] == [{0}, {1}]
    assert all(row.value > 0 and row.unit == "s" for one in samples for row in one if row.metric in phases)
    assert [(row.metric, row.unit) for row in last] == [("peak_memory", "B")]
    assert last[0].value > 2**20  # an interpreter alone takes more than a megabyte


def test_the_first_calls_are_the_first_and_every_clock_waits_for_the_device():
    backend = Counting()
    (settings,) = cells(cell=["gru"])
    rounds = Speed().measure(backend, "cpu", settings)
    next(rounds)
    learning = ["forward", "backward", "update"]
    # forward; a tape made for backward; gradients made for update; a step, in which this backend calls all three
    expected = ["forward", "forward", "backward", *learning, "step", *learning]
    assert [name for name in backend.calls if name != "synchronize"] == expected
    assert backend.calls[0] == backend.calls[-1] == "synchronize"
    assert backend.calls.count("synchronize") == 2 * len(speed.FIRST)


def frame(times, disturbed=()):
    """Return rows of one workload: `times` maps a backend to the seconds of its rounds."""
    settings = cells(cell=["lstm"])[0]
    rows = []
    for backend, values in times.items():
        found = [Measurement(phase, t, "s", k) for phase in ("forward", "backward", "update", "step", "gradient")
                 for k, t in enumerate(values)]  # fmt: skip
        found += [Measurement(f"{phase}_first", 1.0, "s") for phase in speed.FIRST]
        found += [Measurement("peak_memory", 5e7, "B")]
        if backend in disturbed:
            found += [Measurement(f"{m.metric}_disturbed", 1.0, "other processes", m.index) for m in found[:20]]
        for m in found:
            row = {"metric": m.metric, "value": m.value, "unit": m.unit, "index": m.index, "layer": None}
            rows.append({**settings, **row, "experiment": "speed", "backend": backend, "key": backend, "status": "ok",
                         "device": "cpu"})  # fmt: skip
    return pd.DataFrame(rows)


def test_ratios_are_paired_by_round():
    drift = np.array([1.0, 10.0, 3.0, 7.0, 2.0])
    ((name, samples),) = rounds(frame({"numpy": 3 * drift, "torch": drift}), "step")
    assert name == "lstm T3 B2 H4"
    assert ratios(samples)["numpy"].median == pytest.approx(3.0)
    assert ratios(samples)["numpy"].low == pytest.approx(3.0)


def test_findings_name_the_fastest_and_by_how_much():
    rows = frame({"numpy": [0.002] * 5, "torch": [0.001] * 5, "jax": [0.006] * 5})
    found = " ".join(Speed().findings(rows))
    assert "of 1 workloads: torch in 1." in found
    assert "A step of jax takes 6.00 times" in found
    assert "takes 3 s with numpy" in found  # three first calls of a second each


def test_the_fastest_is_the_one_that_ratios_are_to():
    # By their medians (3 and 4 ms) numpy is faster, by most of the rounds torch: too close to call, and said once.
    rows = frame({"numpy": [0.001, 0.005, 0.002, 0.006, 0.003], "torch": [0.0009, 0.0049, 0.0031, 0.0059, 0.004]})
    assert next(Speed().findings(rows)) == "Fastest at a whole step, of 1 workloads: numpy in 1 (1 too close to call)."


def test_disturbed_cells_are_called_unstable():
    rows = frame({"numpy": [0.002] * 5, "torch": [0.001] * 5}, disturbed=["torch"])
    assert unstable(rows.assign(label="lstm")) == {"lstm on torch"}
    assert "Unstable, not to be trusted: lstm T3 B2 H4 on torch." in " ".join(Speed().findings(rows))
    assert not any("Unstable" in text for text in Speed().findings(frame({"numpy": [0.002] * 5})))


def test_disturbed_products_make_no_cell_unstable():
    rows = frame({"numpy": [0.002] * 5}, disturbed=["numpy"])
    marks = rows["metric"].str.endswith("_disturbed")
    of_products = rows.assign(metric=rows["metric"].where(~marks, "product_0_0_disturbed"))
    assert any("disturbed" in text for text in Speed().findings(rows))
    assert not any("disturbed" in text for text in Speed().findings(of_products))
    assert not unstable(of_products.assign(label="lstm"))


def neighbours(monkeypatch, cores):
    """Let other processes keep so many cores busy, and this one's threads wait for them, on a clock of its own."""
    clock = iter(range(10**6))

    def read(self):
        now = 0.05 * next(clock)  # each reading is 50 ms after the one before
        return now, now, 0.5 * now * (cores > 0), 0.0, now * (1 + cores), 0

    monkeypatch.setattr(Watch, "_read", read)


def test_a_planted_neighbour_is_noticed_and_named(monkeypatch):
    sizes = {name: values for name, values in SMALL.items() if name != "rounds"}
    neighbours(monkeypatch, 2)
    found = " ".join(Speed().findings(laboratory.measured(Speed(), cell=["rnn"], rounds=[3], **sizes)))
    assert "100% of the samples were disturbed even when taken again, because other processes kept 2.0 cores" in found
    assert "Unstable, not to be trusted: rnn T3 B2 H4 on numpy. More than half of their samples were taken" in found
    neighbours(monkeypatch, 0)
    found = " ".join(Speed().findings(laboratory.measured(Speed(), cell=["rnn"], rounds=[3], **sizes)))
    assert "disturbed" not in found


def test_a_neighbour_too_slight_for_a_sample_is_seen_in_the_round(monkeypatch):
    # Without waiting, a reading of 50 ms is too short to tell; a round of five phases is long enough.
    neighbours(monkeypatch, 0.5)
    monkeypatch.setattr("gradsuite.measuring.contention.WAITING_SHARE", 1.0)
    rows = laboratory.measured(Speed(), cell=["rnn"], **SMALL)
    assert set(rows[rows["metric"].str.endswith("_disturbed")]["unit"]) == {"other processes kept 0.5 cores busy"}
    assert unstable(rows.assign(label="rnn")) == {"rnn on numpy"}


def test_figures_and_table_from_one_backend_two_and_none():
    for times in ({"numpy": [0.002, 0.003]}, {"numpy": [0.002, 0.003], "torch": [0.001, 0.004]}):
        with style.context():
            assert [figure.name for figure in Speed().figures(frame(times))] == ["speed", "speed-phases"]
        (table,) = Speed().tables(frame(times))
        assert list(table.rows["backend"]) == list(times)
    empty = frame({"numpy": [0.002]}).assign(status="error", metric=None)
    assert not [*Speed().figures(empty), *Speed().tables(empty), *Speed().findings(empty)]


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "2 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 µs"), (0.0, "0 s"), (float("nan"), "nan s")]
)
def test_seconds_are_written_with_a_unit(value, text):
    assert seconds(value) == text
