"""The pace of a core, on a fixed computation whose time is made up."""

import pytest
from gradsuite.measuring import pace
from gradsuite.measuring.pace import Pace, fixed

NOW = Pace.now  # as it is; other tests have none


@pytest.fixture(autouse=True)
def measured_pace(steady_cores, monkeypatch):
    monkeypatch.setattr(Pace, "now", NOW)


@pytest.fixture
def core(monkeypatch):
    """Let the fixed computation take the times given in turn, the last for ever, on a clock of its own."""
    clock = {"now": 0.0}
    seconds = []

    def computed():
        taken = seconds.pop(0) if len(seconds) > 1 else seconds[0]
        clock["now"] += taken
        return taken

    monkeypatch.setattr(pace, "fixed", computed)
    monkeypatch.setattr(pace.time, "perf_counter", lambda: clock["now"])
    return seconds


def test_pace_is_a_share_of_the_fastest_so_far(core):
    one, found = Pace(), []
    for taken in (4e-5, 5e-5, 2e-5, 2.5e-5, 4e-5):
        core[:] = [taken]
        found.append(one.now())
    assert found == pytest.approx([1, 0.8, 1, 0.8, 0.5])


def test_one_interrupt_does_not_slow_the_pace(core):
    one = Pace()
    core[:] = [2e-5, 9e-5, 2e-5, 9e-5, 2e-5, 2e-5]
    assert [one.now(), one.now()] == [1, 1]


def test_one_reading_of_a_clock_that_goes_wrong_is_not_the_fastest(core):
    one = Pace()
    core[:] = [2e-5, 0.0, 2e-5]
    assert [one.now(), one.now()] == [1, 1]


def test_a_clock_too_coarse_to_tell_slows_nobody(core):
    core[:] = [0.0]
    assert Pace().now() == 1


def test_a_core_that_was_idle_has_time_to_wake_and_no_more(core):
    one = Pace()
    core[:] = [pace.WAKE / 20]
    one.now()
    asleep = [pace.WAKE / 10] * 3  # three tries take .3 of the time that it has
    core[:] = [*asleep * 3, pace.WAKE / 20]
    assert one.now() == 1
    core[:] = [*asleep * 4, pace.WAKE / 20]
    assert one.now() == 0.5


def test_the_fixed_computation_takes_the_time_of_its_sum(monkeypatch):
    once, tenfold = (min(times(monkeypatch, numbers)) for numbers in (pace.NUMBERS, range(10 * len(pace.NUMBERS))))
    assert 5 <= tenfold / once <= 20
    assert 0 < Pace().now() <= 1


def times(monkeypatch, numbers):
    monkeypatch.setattr(pace, "NUMBERS", numbers)
    return [fixed() for _ in range(50)]
