"""Batches made ahead: in order, few at a time, and what `make` raises is raised at its step; no thread stays behind."""

import threading

import numpy as np
import pytest
from gradsuite.batch import Batch
from gradsuite.training.feed import AHEAD, MOST, TRAY, bytes_of, feed


def batch(step, width=1):
    return Batch(np.full((1, 1, width), step), np.zeros((1, 1)))


def feeders():
    return [thread for thread in threading.enumerate() if thread.name == "gradsuite-feed"]


def steps_of(batches):
    return [int(one.inputs[0, 0, 0]) for one in batches]


def test_every_step_has_its_batch_in_order():
    assert steps_of(feed(batch, range(3, 40))) == list(range(3, 40))
    assert steps_of(feed(batch, range(0))) == []
    assert not feeders()


@pytest.mark.parametrize("fault", [ValueError("no such data"), KeyboardInterrupt(), MemoryError()])
def test_what_make_raises_is_raised_at_its_step(fault):
    def make(step):
        if step == 7:
            raise fault
        return batch(step)

    got = []
    with pytest.raises(type(fault)) as raised:
        got.extend(feed(make, range(20)))
    assert raised.value is fault
    assert steps_of(got) == list(range(7))
    assert not feeders()


@pytest.mark.parametrize(("width", "most"), [(TRAY, 1), (TRAY // 16 - 1, 2), (1, MOST)])
def test_no_more_than_a_few_batches_are_made_ahead(width, most):
    # The reader has the first tray, AHEAD wait, and the thread holds one; trays double until they are full.
    made, held, there = [], threading.Event(), sum(min(2**tray, most) for tray in range(AHEAD + 2))

    def make(step):
        made.append(step)
        if len(made) == there:
            held.set()
        return batch(step, width)

    assert bytes_of(batch(0, width)) == 8 * (width + 1)
    batches = feed(make, range(1000))
    next(batches)
    assert held.wait(60)
    batches.close()
    assert len(made) == there
    assert not feeders()


def test_a_reader_that_stops_leaves_no_thread():
    for taken in (1, 3):
        batches = feed(batch, range(100))
        for _ in range(taken):
            next(batches)
        assert len(feeders()) == 1
        batches.close()
        assert not feeders()
