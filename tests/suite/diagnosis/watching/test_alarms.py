"""Each alarm begins when it should, is raised once, and ends."""

import pytest
from gradsuite.diagnosis.patient import Trouble
from gradsuite.diagnosis.watching import Reading
from gradsuite.diagnosis.watching.alarms import FEWEST, Alarms, Limits
from gradsuite.errors import UserError


def seen(alarms, step, horizon, longest=50.0, place=("lstm", 0)):
    readings = [Reading("horizon", horizon, *place), Reading("longest_horizon", longest, *place)]
    return [alarm.message for alarm in alarms.judge(step, readings)]


def test_a_gradient_has_vanished_only_after_so_many_steps_on_end():
    alarms = Alarms(Limits())
    assert [seen(alarms, step, 4.0) for step in (100, 200, 300, 400, 500)] == [[]] * 5
    message = "gradient vanished before lag 10 for 501 steps: lstm, layer 0, horizon 4 time steps at step 600"
    assert seen(alarms, 600, 4.0) == [message]
    assert seen(alarms, 700, 4.0) == []  # it lasts
    assert [(alarm.kind, alarm.step, alarm.ended) for alarm in alarms.raised] == [("vanished", 600, None)]
    assert seen(alarms, 800, 30.0) == []
    assert alarms.raised[0].ended == 800
    assert [seen(alarms, step, 4.0) for step in (900, 1300)] == [[], []]  # it is counted anew
    assert len(seen(alarms, 1400, 4.0)) == 1


def test_a_gradient_that_comes_back_in_between_has_not_vanished():
    alarms = Alarms(Limits(vanish_steps=200))
    assert [seen(alarms, step, horizon) for step, horizon in ((100, 4.0), (200, 11.0), (300, 4.0), (400, 4.0))] == [
        []
    ] * 4


def test_short_sequences_are_no_alarm():
    alarms = Alarms(Limits(vanish_steps=1))
    assert [seen(alarms, step, 6.0, longest=6.0) for step in (1, 100)] == [[], []]
    assert len(seen(alarms, 200, 3.0, longest=6.0)) == 1


def test_a_horizon_that_is_not_known_neither_begins_nor_ends_an_alarm():
    alarms = Alarms(Limits(vanish_steps=100))
    assert seen(alarms, 100, 4.0) == []
    assert seen(alarms, 200, float("nan")) == []
    assert len(seen(alarms, 300, 4.0)) == 1


def test_each_layer_has_its_own():
    alarms = Alarms(Limits(vanish_steps=100))
    for layer, horizon in ((0, 4.0), (1, 40.0)):
        seen(alarms, 100, horizon, place=("lstm", layer))
    readings = [Reading(name, value, "lstm", layer) for layer, horizon in ((0, 4.0), (1, 4.0))
                for name, value in (("horizon", horizon), ("longest_horizon", 50.0))]  # fmt: skip
    assert [alarm.place for alarm in alarms.judge(200, readings)] == ["lstm, layer 0"]


def norm(alarms, step, value):
    return [alarm.message for alarm in alarms.judge(step, [Reading("gradient_norm", value)])]


def test_a_norm_explodes_against_the_median_of_those_before():
    alarms = Alarms(Limits())
    assert [norm(alarms, step, 2.0) for step in range(FEWEST)] == [[]] * FEWEST
    assert norm(alarms, 10, 199.0) == []  # below 100 times 2
    assert norm(alarms, 20, 300.0) == ["gradient norm 300 at step 20 is 150 times the median of 6 looks before, 2"]
    assert norm(alarms, 30, 300.0) == []
    assert norm(alarms, 40, 2.0) == []
    assert alarms.raised[0].ended == 40
    assert len(norm(alarms, 50, 300.0)) == 1


def test_nothing_is_unusual_before_there_is_a_usual():
    alarms = Alarms(Limits())
    assert [norm(alarms, step, 10.0**step) for step in range(FEWEST)] == [[]] * FEWEST


def test_dead_units():
    alarms = Alarms(Limits(dead_share=0.5))
    assert alarms.judge(1, [Reading("dead", 0.4, "rnn", 0)]) == []
    (alarm,) = alarms.judge(2, [Reading("dead", 0.75, "rnn", 0)])
    assert alarm.message == "75% of the units are dead at step 2: rnn, layer 0"


def test_the_first_number_that_is_not_finite():
    alarms = Alarms(Limits())
    assert alarms.not_finite(6, None) == []
    (alarm,) = alarms.not_finite(7, Trouble("backward", "gradient by lstm.weight_hh_l0"))
    assert (
        alarm.message
        == "first number that is not finite at step 7, in the backward pass: gradient by lstm.weight_hh_l0"
    )
    assert alarms.not_finite(8, Trouble("forward", "")) == []
    alarms.not_finite(9, None)
    assert alarm.ended == 9


@pytest.mark.parametrize("name", ["vanish_lag", "vanish_steps", "explode_factor", "dead_share"])
def test_limits_are_above_zero(name):
    with pytest.raises(UserError, match=f"{name} must be above 0, not 0"):
        Limits(**{name: 0})
