"""The speed experiment: what is timed and when, on a fake clock; what is said of timings, on rows made by hand."""

from dataclasses import asdict
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from gradsuite.measuring import memory, timing
from gradsuite.measuring.contention import Watch
from gradsuite.report import style
from gradsuite.rows import Measurement
from gradsuite_experiments.speed import workloads
from gradsuite_experiments.speed.experiment import LEARNING, Speed
from gradsuite_experiments.speed.findings import ratios, rounds, seconds, unstable
from gradsuite_experiments.speed.metrics import CALLS, FIRST
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments import laboratory

SMALL = {"length": [3], "batch_size": [2], "hidden_size": [4], "input_size": [3], "rounds": [2]}


def trials(**changes):
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
    assert [trial["length"] for trial in trials(cell=["mlp"], length=[3, 5])] == [1]
    (named,) = trials(workload=["W4"], cell=["rnn", "lstm"], length=[3, 5])
    assert named == named | workloads.NAMED["W4"]


def test_one_combination_of_sizes_in_two_still_pairs_every_value_with_every_other():
    sizes = {"length": [20, 80], "batch_size": [8, 64], "hidden_size": [64, 256]}
    half = trials(**sizes, cell=["lstm", "mlp"], fraction=[2])
    assert not any("fraction" in trial for trial in half)  # it is no part of what is measured
    lstm = [trial for trial in half if trial["cell"] == "lstm"]
    for first, second in combinations(sizes, 2):
        assert {(trial[first], trial[second]) for trial in lstm} == set(product(sizes[first], sizes[second]))
    assert len(lstm) == 4
    assert len(half) == 4 + 4  # mlp has no length, and so all four


def test_a_language_model_is_read_out_at_every_step():
    assert [workloads.model(trial).readout for trial in trials(workload=["W1", "W6"], cell=["lstm"])] == ["last", "all"]


def test_rounds_are_first_calls_warm_up_samples_and_memory():
    (settings,) = trials(cell=["lstm"])
    first, warm, *samples, last = measured(settings)
    assert [row.metric for row in first] == ["forward_first", "backward_first", "update_first", "step_first"]
    assert warm == []
    phases = ["forward", "backward", "update", "step", "gradient"]
    assert [[row.metric for row in rows] for rows in samples] == [phases, phases]
    assert [{row.index for row in rows} for rows in samples] == [{0}, {1}]
    assert all(row.value > 0 and row.unit == "s" for rows in samples for row in rows)
    assert [(row.metric, row.unit) for row in last] == ([("peak_memory", "B")] if memory.reset_peak() else [])


@pytest.mark.skipif(not memory.reset_peak(), reason="this system does not reset the peak")
def test_the_memory_of_a_step_is_what_it_takes_whatever_ran_before(monkeypatch):
    monkeypatch.setattr("gradsuite_experiments.speed.experiment.one_round", lambda *arguments: [])
    sizes = {"length": [60], "hidden_size": [64], "rounds": [1]}
    (settings,), (larger,) = (
        trials(**sizes, cell=["lstm"], batch_size=[32]),
        trials(**sizes, cell=["gru"], batch_size=[128]),
    )
    needed = [measured(trial)[-1][0].value for trial in (settings, larger, settings)]
    states = 4 * 60 * 32 * 64  # bytes of one of h, c, i, f, g, o, of which backward reads 6
    assert 6 * states < needed[0] < 30 * states
    assert needed[1] > 1.5 * needed[0]
    assert needed[2] == pytest.approx(needed[0], rel=0.15)


def test_the_first_calls_are_the_first_and_every_clock_waits_for_the_device():
    backend = Counting()
    (settings,) = trials(cell=["gru"])
    rounds = Speed().measure(backend, "cpu", settings)
    next(rounds)
    learning = ["forward", "backward", "update"]
    # forward; a tape made for backward; gradients made for update; a step, in which this backend calls all three
    expected = ["forward", "forward", "backward", *learning, "step", *learning]
    assert [name for name in backend.calls if name != "synchronize"] == expected
    assert backend.calls[0] == backend.calls[-1] == "synchronize"
    assert backend.calls.count("synchronize") == 2 * len(LEARNING)


def frame(times, disturbed=()):
    """Return rows of one workload: `times` maps a backend to the seconds of its rounds."""
    (settings,) = trials(cell=["lstm"])
    lines = []
    for backend, values in times.items():
        note = "other processes" if backend in disturbed else ""
        rows = [
            Measurement(call, value, "s", index, note=note) for call in CALLS[:5] for index, value in enumerate(values)
        ]
        rows += [Measurement(FIRST[call], 1.0, "s") for call in LEARNING]
        rows += [Measurement("peak_memory", 5e7, "B")]
        common = {
            **settings,
            "experiment": "speed",
            "backend": backend,
            "key": backend,
            "status": "ok",
            "device": "cpu",
        }
        lines += [{**common, **asdict(row)} for row in rows]
    return pd.DataFrame(lines)


def test_ratios_are_paired_by_round():
    drift = np.array([1.0, 10.0, 3.0, 7.0, 2.0])
    ((name, samples),) = rounds(frame({"numpy": 3 * drift, "torch": drift}), "step")
    assert name == "lstm T3 B2 H4"
    assert ratios(samples)["numpy"].median == pytest.approx(3.0)
    assert ratios(samples)["numpy"].low == pytest.approx(3.0)


def test_findings_name_the_fastest_and_by_how_much():
    rows = frame({"numpy": [0.002] * 5, "torch": [0.001] * 5, "jax": [0.006] * 5})
    text = " ".join(Speed().findings(rows, []))
    assert "of 1 workload: torch in 1." in text
    assert "A step of jax takes 6.00 times" in text
    assert "takes 3 s with numpy" in text  # three first calls of a second each


def test_the_fastest_is_the_one_that_ratios_are_to():
    # By their medians (3 and 4 ms) numpy is faster, by most of the rounds torch: too close to call, and said once.
    rows = frame({"numpy": [0.001, 0.005, 0.002, 0.006, 0.003], "torch": [0.0009, 0.0049, 0.0031, 0.0059, 0.004]})
    first = next(Speed().findings(rows, []))
    assert first == "Fastest at a whole step, of 1 workload: 1 too close to call."


def workloads_of(*frames):
    """Return the rows of several workloads, told apart by their hidden size."""
    sized = [rows.assign(hidden_size=4 + k, key=rows["key"] + str(k)) for k, rows in enumerate(frames)]
    return pd.concat(sized, ignore_index=True)


def test_what_is_won_what_is_close_and_what_was_disturbed_add_up_to_all_workloads():
    clear = frame({"numpy": [0.002] * 6, "torch": [0.001] * 6})
    close = frame({"numpy": [0.001, 0.005, 0.002], "torch": [0.0009, 0.0049, 0.0031]})
    rows = workloads_of(clear, close, clear, frame({"numpy": [0.001] * 6, "torch": [0.002] * 6}, disturbed=["torch"]))
    first, *others = Speed().findings(rows, [])
    counts = "torch in 2; 1 too close to call; 1 cannot be told, too disturbed"
    assert first == f"Fastest at a whole step, of 4 workloads: {counts}."
    assert "it is clearly fastest at: none." in others[0]


def test_no_backend_is_called_fastest_where_every_sample_was_disturbed():
    rows = frame({"numpy": [0.002] * 6, "torch": [0.001] * 6}, disturbed=["numpy", "torch"])
    first = next(Speed().findings(workloads_of(rows, rows), []))
    assert first.startswith("Which backend is fastest at a whole step cannot be told: in each of 2 workloads")
    assert first.endswith("As they are: torch in 2.")
    with style.context():
        figure = next(Speed().figures(rows, []))
    assert "cannot be told" in figure.figure.get_suptitle()


def test_disturbed_trials_are_called_unstable():
    rows = frame({"numpy": [0.002] * 5, "torch": [0.001] * 5}, disturbed=["torch"])
    assert unstable(rows.assign(label="lstm")) == {"lstm on torch"}
    text = " ".join(Speed().findings(rows, []))
    assert "Unstable, not to be trusted: lstm T3 B2 H4 on torch." in text
    assert "50% of the samples were disturbed even when taken again, mostly because other processes." in text
    assert not any("Unstable" in sentence for sentence in Speed().findings(frame({"numpy": [0.002] * 5}), []))


def test_disturbed_rounds_are_left_out():
    rows = frame({"numpy": [0.002] * 7, "torch": [0.001] * 7})
    slowed = (rows["backend"] == "torch") & (rows["index"] == 3)
    rows = rows.assign(value=rows["value"].where(~slowed, 1.0), note=slowed.map({True: "a neighbour", False: ""}))
    ((_, samples),) = rounds(rows, "step")
    assert list(samples.index.get_level_values("index")) == [0, 1, 2, 4, 5, 6]


def test_products_make_no_trial_unstable_or_disturbed():
    # The note of a product is its library.
    rows = frame({"numpy": [0.002] * 5}, disturbed=["numpy"])
    of_products = rows.assign(metric=rows["metric"].where(rows["note"] == "", "product"), member=0)
    assert any("disturbed" in sentence for sentence in Speed().findings(rows, []))
    assert not any("disturbed" in sentence for sentence in Speed().findings(of_products, []))
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
    text = " ".join(Speed().findings(laboratory.measured(Speed(), cell=["rnn"], rounds=[3], **sizes), []))
    assert "100% of the samples were disturbed even when taken again, mostly because other processes kept 2.0" in text
    assert "Unstable, not to be trusted: rnn T3 B2 H4 on numpy. More than half of their samples were taken" in text
    neighbours(monkeypatch, 0)
    text = " ".join(Speed().findings(laboratory.measured(Speed(), cell=["rnn"], rounds=[3], **sizes), []))
    assert "disturbed" not in text


def test_a_neighbour_too_slight_for_a_sample_is_seen_in_the_round(monkeypatch):
    # Without waiting, a reading of 50 ms is too short to tell; a round of five phases is long enough.
    neighbours(monkeypatch, 0.5)
    monkeypatch.setattr("gradsuite.measuring.contention.WAITING_SHARE", 1.0)
    rows = laboratory.measured(Speed(), cell=["rnn"], **SMALL)
    samples = rows[rows["metric"].isin(CALLS)]
    assert set(samples["note"]) == {"other processes kept 0.5 cores busy"}
    assert set(samples["unit"]) == {"s"}
    assert unstable(rows.assign(label="rnn")) == {"rnn on numpy"}


def test_figures_and_table_from_one_backend_two_and_none():
    for times in ({"numpy": [0.002, 0.003]}, {"numpy": [0.002, 0.003], "torch": [0.001, 0.004]}):
        with style.context():
            assert [figure.name for figure in Speed().figures(frame(times), [])] == ["speed", "speed-phases"]
        (table,) = Speed().tables(frame(times), [])
        assert list(table.rows["backend"]) == list(times)
        assert set(table.rows["peak memory"]) == {"50 MB"}
    empty = frame({"numpy": [0.002]}).assign(status="error", metric=None)
    assert not [*Speed().figures(empty, []), *Speed().tables(empty, []), *Speed().findings(empty, [])]


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "2 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 µs"), (0.0, "0 s"), (float("nan"), "nan s")]
)
def test_seconds_are_written_with_a_unit(value, text):
    assert seconds(value) == text
