"""Iterators side by side: nothing is lost, none runs ahead, and none is left behind."""

import threading
from collections.abc import Iterator

import pytest
from gradsuite.running.executors.lanes import side_by_side


def counted(name: str, count: int) -> Iterator[tuple[str, int]]:
    for number in range(count):
        yield name, number


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_every_item_of_every_lane_comes_in_its_lanes_order(at_once):
    sizes = {"a": 7, "b": 0, "c": 3}
    came = list(side_by_side([counted(name, size) for name, size in sizes.items()], at_once))
    for name, size in sizes.items():
        assert [number for lane, number in came if lane == name] == list(range(size))
    assert len(came) == sum(sizes.values())


def test_lanes_run_at_the_same_time():
    meeting = threading.Barrier(2, timeout=60)  # neither passes unless both are there

    def lane() -> Iterator[int]:
        yield meeting.wait()

    assert sorted(side_by_side([lane(), lane()], 2)) == [0, 1]


def test_no_more_lanes_run_than_asked_for():
    running, most = 0, 0

    def lane() -> Iterator[int]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        yield from range(3)
        running -= 1

    assert len(list(side_by_side([lane() for _ in range(4)], 1))) == 12
    assert most == 1


def test_a_lane_goes_on_once_its_item_was_taken():
    made = []

    def lane() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            yield number

    running = side_by_side([lane()], 1)
    assert (next(running), made) == (0, [0])
    assert (next(running), made[:2]) == (1, [0, 1])


def test_what_a_lane_raises_is_raised():
    def lane() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("in a lane")

    running = side_by_side([lane()], 1)
    assert next(running) == 1
    with pytest.raises(ZeroDivisionError, match="in a lane"):
        next(running)


def test_lanes_that_nobody_asks_any_more_end():
    before = set(threading.enumerate())
    running = side_by_side([counted(name, 5) for name in "abc"], 2)
    next(running)
    lanes = set(threading.enumerate()) - before
    assert all(thread.daemon for thread in lanes)
    running.close()
    for thread in lanes:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_other_work_is_done_while_fewer_lanes_are_left_than_could_run():
    events: list[str] = []
    worked = threading.Event()

    def short() -> Iterator[str]:
        yield "short"

    def long() -> Iterator[str]:
        assert worked.wait(60)  # that other work has begun, though this lane has more to do
        yield "long"

    def meanwhile() -> bool:
        events.append("work")
        worked.set()
        return True

    for item in side_by_side([short(), long()], 2, meanwhile):
        events.append(item)
    assert events[0] == "short"
    assert "work" in events[1 : events.index("long")]


def test_the_last_lane_waits_for_other_work_that_has_begun():
    begun, done = threading.Event(), []

    def meanwhile() -> bool:
        if begun.is_set():
            return False
        begun.set()
        last.wait(60)
        done.append("work")
        return True

    last = threading.Event()

    def long() -> Iterator[int]:
        begun.wait(60)
        yield 1
        last.set()

    assert list(side_by_side([iter([0]), long()], 2, meanwhile)) == [0, 1]
    assert done == ["work"]


def test_no_other_work_is_done_while_every_lane_that_could_run_does():
    done = []
    assert len(list(side_by_side([counted(name, 5) for name in "abc"], 1, lambda: done.append(1) is None))) == 15
    assert done == []


def test_other_work_is_not_waited_for_once_nobody_asks_for_items():
    begun, release = threading.Event(), threading.Event()

    def meanwhile() -> bool:
        begun.set()
        return release.wait(60)

    def long() -> Iterator[int]:
        begun.wait(60)
        yield from range(9)

    running = side_by_side([iter([0]), long()], 2, meanwhile)
    assert [next(running), next(running)] == [0, 0]
    running.close()  # as Ctrl-C does: it would wait for a minute if it waited for the work
    assert not release.is_set()
    release.set()
