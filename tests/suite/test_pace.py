"""The pace of cores, on a fixed computation whose time is made up."""

import os

import pytest
from gradsuite import pace
from gradsuite.pace import Pace, fixed

NOW = Pace.now  # as it is; other tests have none


@pytest.fixture(autouse=True)
def measured_pace(steady_cores, monkeypatch):
    monkeypatch.setattr(Pace, "now", NOW)


@pytest.fixture
def cores(monkeypatch):
    """Two cores that take the times given, without moving this thread."""
    at = {"core": None}
    seconds = {0: [], 1: []}
    monkeypatch.setattr(pace.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)

    def move(_, cores):
        at["core"] = min(cores)

    monkeypatch.setattr(pace.os, "sched_setaffinity", move, raising=False)
    monkeypatch.setattr(pace, "fixed", lambda: seconds[at["core"]].pop(0))
    return seconds


def test_pace_is_that_of_the_slowest_core_as_a_share_of_its_fastest_so_far(cores):
    one = Pace()
    cores[0], cores[1] = [2.0, 2.0, 2.0], [4.0, 4.0, 4.0]
    assert one.now() == 1  # all that is known
    cores[0], cores[1] = [2.0, 2.0, 2.0], [5.0, 5.0, 5.0]
    assert one.now() == 0.8
    cores[0], cores[1] = [1.0, 1.0, 1.0], [4.0, 4.0, 4.0]
    assert one.now() == 1
    cores[0], cores[1] = [2.0, 2.0, 2.0], [4.0, 4.0, 4.0]
    assert one.now() == 0.5


def test_one_interrupt_does_not_slow_the_pace(cores):
    one = Pace()
    cores[0], cores[1] = [2.0, 9.0, 9.0], [9.0, 2.0, 9.0]
    one.now()
    cores[0], cores[1] = [9.0, 9.0, 2.0], [2.0, 9.0, 9.0]
    assert one.now() == 1


def test_the_fixed_computation_takes_time_and_leaves_this_thread_where_it_was():
    assert fixed() > 0
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    assert 0 < Pace().now() <= 1
    assert allowed is None or os.sched_getaffinity(0) == allowed
