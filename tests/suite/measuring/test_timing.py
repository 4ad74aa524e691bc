"""Timers against a clock of their own. No test looks at the time."""

from itertools import count

import pytest
from gradsuite.measuring import timing
from gradsuite.measuring.timing import Budget, Timer


class Device:
    """A clock that moves only when a call has been waited for: what is not synchronized has not happened."""

    def __init__(self, monkeypatch, seconds):
        self.now, self.pending, self.seconds, self.calls = 0.0, 0.0, iter(seconds), 0
        monkeypatch.setattr(timing.time, "perf_counter", lambda: self.now)

    def call(self, _=None):
        self.calls += 1
        self.pending += next(self.seconds)

    def synchronize(self):
        self.now, self.pending = self.now + self.pending, 0.0


def constant(seconds):
    while True:
        yield seconds


def compiling():
    yield 5.0
    yield from (1.0, 0.5, 0.25, 0.011, 0.010)
    yield from constant(0.01)


def test_the_first_call_is_apart_and_samples_are_steady(monkeypatch):
    device = Device(monkeypatch, compiling())
    timer = Timer(device.call, device.synchronize)
    assert timer.first() == 5.0
    timer.warm_up()
    assert timer.sample().seconds == pytest.approx(0.01)


def test_a_sample_is_long_enough_for_the_timer(monkeypatch):
    device = Device(monkeypatch, constant(0.003))
    timer = Timer(device.call, device.synchronize, sample_seconds=0.02)
    timer.warm_up()
    sample = timer.sample()
    assert sample.repetitions == 7  # the least number of calls of 3 ms that last 20 ms
    assert sample.seconds == pytest.approx(0.003)


def test_calls_after_others_had_the_caches_are_not_in_a_sample(monkeypatch):
    # Eight calls of 2 ms fill .016 s; half as many run before the clock starts, and are the cold ones.
    device = Device(monkeypatch, (0.002 if n > 3 else 0.1 for n in count()))
    timer = Timer(device.call, device.synchronize, sample_seconds=0.016)
    timer.repetitions = 8
    assert timer.sample().seconds == pytest.approx(0.002)
    assert device.calls == 4 + 8


def test_a_call_longer_than_a_sample_runs_once_before_its_clock_starts(monkeypatch):
    device = Device(monkeypatch, (0.1 if n else 0.2 for n in count()))
    assert Timer(device.call, device.synchronize).sample().seconds == pytest.approx(0.1)
    assert device.calls == 1 + 1


def test_a_call_of_seconds_is_neither_warmed_up_nor_run_in_vain(monkeypatch):
    # Five seconds to a call: waking the cores is a thousandth of it, and three backends are to be told apart in 30 s.
    device = Device(monkeypatch, constant(5.0))
    timer = Timer(device.call, device.synchronize)
    assert timer.warm_up() == 1
    assert [timer.sample().seconds for _ in range(3)] == [5.0] * 3
    assert device.calls == 1 + 3


def test_samples_grow_where_the_warm_up_was_slowed(monkeypatch):
    device = Device(monkeypatch, constant(0.002))
    timer = Timer(device.call, device.synchronize, sample_seconds=0.02)
    timer.repetitions = 5  # enough of 4 ms
    assert [timer.sample().repetitions for _ in range(3)] == [5, 10, 10]


def test_what_ran_before_a_sample_is_not_in_it(monkeypatch):
    device = Device(monkeypatch, constant(0.5))
    timer = Timer(device.call, device.synchronize)
    device.call()  # still running on the device when the sample begins
    assert timer.sample().seconds == 0.5


def test_what_is_prepared_is_made_anew_for_each_call_and_not_timed(monkeypatch):
    device = Device(monkeypatch, constant(0.005))
    given = []
    tapes = iter(range(1000))

    def prepare():
        device.now += 100.0
        return next(tapes)

    timer = Timer(lambda tape: (given.append(tape), device.call()), device.synchronize, prepare=prepare)
    timer.warm_up()
    assert timer.sample().seconds == pytest.approx(0.005)
    assert given == list(range(len(given)))


def test_a_disturbed_sample_is_taken_again_within_a_budget(monkeypatch):
    device = Device(monkeypatch, constant(0.4))
    timer = Timer(device.call, device.synchronize)
    monkeypatch.setattr(timing.time, "sleep", lambda seconds: None)
    verdicts = iter(["a neighbour", "a neighbour", None])
    monkeypatch.setattr(timing.Conditions, "disturbance", lambda self: next(verdicts))
    budget = Budget()
    budget.earn(50)
    timer.sample(budget)
    assert device.calls == 3 * 2  # one before the clock starts, one after
    monkeypatch.setattr(timing.Conditions, "disturbance", lambda self: "a neighbour")
    # Samples of two calls, .8 s: a tenth of a second at first and a fifth of its own pay for a part of one more.
    budget = Budget()
    assert timer.sample(budget).disturbance() == "a neighbour"
    assert (device.calls, budget.left) == ((3 + 2) * 2, pytest.approx(0.1 + 0.2 * 0.8 - 0.8))
    timer.sample()  # nothing was said of taking it again
    assert device.calls == (3 + 2 + 1) * 2


def test_a_slow_core_before_or_after_disturbs_a_sample(monkeypatch):
    device = Device(monkeypatch, constant(0.5))
    timer = Timer(device.call, device.synchronize)
    monkeypatch.setattr(timing.Conditions, "disturbance", lambda self: None)
    for paces, disturbed in (((1.0, 0.9), False), ((0.55, 1.0), True), ((1.0, 0.55), True)):
        monkeypatch.setattr(timing.Pace, "now", lambda self, paces=iter(paces): next(paces))
        sample = timer.sample()
        assert sample.pace == min(paces)
        assert bool(sample.disturbance()) is disturbed


def test_warm_up_ends_even_if_calls_go_on_getting_faster(monkeypatch):
    device = Device(monkeypatch, (0.9**n for n in range(10_000)))
    timer = Timer(device.call, device.synchronize)
    timer.warm_up()
    # The sum of 0.9^n passes the two seconds of warm-up within the first STEADY_CALLS calls.
    assert device.calls == timing.STEADY_CALLS
