import pytest
from gradsuite.runs.machines import machine_name, same

BOX = {"cpu": "Box", "cores": 2, "threads": 2, "memory": 8, "mark": "0a1b2c3d", "git": None}


def test_a_name_says_what_the_machine_is_and_which():
    assert machine_name(BOX) == "Box, 2 cores (0a1b2c3d)"
    assert machine_name({**BOX, "threads": 1}) == "Box, 2 cores, 1 thread (0a1b2c3d)"
    assert machine_name({"cpu": "Box", "cores": 1, "threads": 1}, "mine") == "Box, 1 core (of mine)"
    assert machine_name({}) == ""


def test_a_machine_is_the_same_whichever_checkout_was_run_on_it():
    assert same(BOX, {**BOX, "git": {"commit": "c", "changed": True}})


@pytest.mark.parametrize("change", [{"mark": "ffffffff"}, {"threads": 1}, {"cores": 4}, {"memory": 16}])
def test_whatever_a_time_depends_on_makes_it_another(change):
    assert not same(BOX, {**BOX, **change})


def test_without_marks_machines_that_look_alike_are_not_taken_for_one():
    unmarked = {name: value for name, value in BOX.items() if name != "mark"}
    assert not same(unmarked, unmarked)
