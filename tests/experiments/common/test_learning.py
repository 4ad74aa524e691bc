"""What is measured of a training: its end, its update, its curve."""

import math

import pytest
from gradsuite.training.curve import Curve, Look
from gradsuite_experiments.common.learning import LOSS, SHOWN, SOLVED, SOLVED_AFTER, fewer, more, of_curve


def look(step, loss):
    return Look(step=step, loss=loss, gradient_norm=1.0, horizon=1.0, score=0.5, rate=0.1, seconds=1.0)


def of(curve):
    return {m.metric: m for m in of_curve(curve, 3)}


def test_a_training_that_solved_its_task_says_after_which_update():
    found = of(Curve([1.0] * 70, [look(70, 1.0)], "solved"))
    assert (found[SOLVED].value, found[SOLVED_AFTER].value) == (1.0, 70)
    assert {m.member for m in found.values()} == {3}


def test_a_training_that_did_not_never_solved_it():
    found = of(Curve([1.0] * 70, [look(70, 1.0)], "done"))
    assert (found[SOLVED].value, found[SOLVED_AFTER].value, found[SOLVED].note) == (0.0, math.inf, "")


def test_a_training_that_diverged_says_at_which_step():
    found = of(Curve([1.0] * 12, [look(100, math.nan)], "diverged"))
    assert (found[SOLVED].value, found[SOLVED].note) == (0.0, "diverged at step 12")


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    looks = [look(step, float(step)) for step in range(1, 401)]
    losses = [m for m in of_curve(Curve([1.0] * 400, looks, "done"), 0) if m.metric == LOSS]
    assert len(losses) == SHOWN
    assert (losses[0].index, losses[-1].index) == (1, 400)
    assert all(m.index == m.value for m in losses)


@pytest.mark.parametrize(("seeds", "lost"), [(5, 2), (1, 1), (10, 3), (3, 1)])
def test_four_of_five_notices_the_first_network_too_few(seeds, lost):
    assert fewer(0.8, seeds).size == pytest.approx(lost / seeds)
    assert (seeds - lost) / seeds < 0.8 <= (seeds - lost + 1) / seeds


def test_none_notices_the_first_network():
    assert more(0.0, 5).size == pytest.approx(0.2)
