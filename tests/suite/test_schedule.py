"""Schedules: what is allowed, what each needs of a backend, and for which models they make sense."""

import numpy as np
import pytest
from gradsuite.backend import FEATURES
from gradsuite.errors import UserError
from gradsuite.model import CELLS, Model
from gradsuite.schedule import Schedule


@pytest.mark.parametrize(
    ("schedule", "features"),
    [
        (Schedule(), ()),
        (Schedule(truncation=(1, 1)), ("truncation",)),
        (Schedule(truncation=(np.int64(2), 3)), ("truncation",)),
        (Schedule(checkpoint=1), ("checkpoint",)),
        (Schedule(scan="parallel"), ("scan",)),
    ],
)
def test_each_says_which_features_it_needs(schedule, features):
    assert schedule.features == features
    assert set(features) <= set(FEATURES)


@pytest.mark.parametrize("truncation", [(3, 2), (0, 2), (1, 2, 3), (1,), [1, 2], 5, (1.0, 2), ("1", "2")], ids=repr)
def test_a_truncation_that_is_no_window_is_refused(truncation):
    with pytest.raises(UserError) as refused:
        Schedule(truncation=truncation)
    expected = f"truncation must be a pair (k1, k2) of steps with 1 <= k1 <= k2, not {truncation!r}"
    assert str(refused.value) == expected


@pytest.mark.parametrize("checkpoint", [0, -1, 2.0, "3"], ids=repr)
def test_a_checkpoint_that_is_no_number_of_steps_is_refused(checkpoint):
    with pytest.raises(UserError) as refused:
        Schedule(checkpoint=checkpoint)
    assert str(refused.value) == f"checkpoint must be a whole number of steps, at least 1, not {checkpoint!r}"


def test_a_scan_that_there_is_not_is_refused():
    with pytest.raises(UserError, match=r"^unknown scan 'paralel'; did you mean 'parallel'\?"):
        Schedule(scan="paralel")


@pytest.mark.parametrize("other", [{"truncation": (1, 2)}, {"checkpoint": 2}], ids=lambda other: next(iter(other)))
def test_they_exclude_each_other(other):
    with pytest.raises(UserError, match=r"^give scan or (truncation|checkpoint), not both"):
        Schedule(scan="loop", **other)
    with pytest.raises(UserError, match=r"^give truncation or checkpoint, not both"):
        Schedule(truncation=(1, 2), checkpoint=2)


def test_a_scan_is_for_cells_that_are_linear_in_their_state():
    Schedule(scan="serial").check(Model("mingru", 1, 1, 1))
    for cell in ("rnn", "peephole"):
        with pytest.raises(UserError, match=rf"^scan is for cells that are linear in their state, not for {cell}$"):
            Schedule(scan="serial").check(Model(cell, 1, 1, 1))


def test_a_schedule_is_for_models_with_time_steps():
    for cell in CELLS:
        Schedule().check(Model(cell, 1, 1, 1))
        if cell != "mlp":
            Schedule(truncation=(1, 2)).check(Model(cell, 1, 1, 1))
    with pytest.raises(UserError, match=r"^truncation is for recurrent cells, not for mlp$"):
        Schedule(truncation=(1, 2)).check(Model("mlp", 1, 1, 1))


def test_equal_schedules_are_one_key_of_what_is_compiled():
    assert len({Schedule(truncation=(1, 2)), Schedule(truncation=(1, 2)), Schedule(checkpoint=2)}) == 2
