"""Runs that several machines of a cluster measured: what is compared with what; and which worker is asked next."""

import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement
from gradsuite.running.executors.fleet import Fleet
from gradsuite.runs.merge import merge

from tests.stored import run_of

FACTS = {mark: {"cpu": "a processor", "cores": 2, "threads": 2, "mark": mark} for mark in ("one", "two")}
NAMES = {mark: f"a processor, 2 cores ({mark})" for mark in FACTS}


def of(experiment, number, mark):
    rows = (Measurement("number", number),)
    return Trial(experiment, "numpy", "cpu", {"number": number}), Result("ok", rows).on(NAMES[mark])


@pytest.fixture
def run(tmp_path):
    outcomes = [of(name, number, mark) for name in ("timed", "untimed") for number, mark in enumerate(FACTS)]
    hosts = {NAMES[mark]: facts for mark, facts in FACTS.items()}
    about = {"configuration": {}, "started": "2026-01-01", "machine": FACTS["one"], "together": ["untimed"]}
    return run_of(tmp_path / "run", outcomes, hosts=hosts, **about)


def test_rows_say_which_machine_they_are_of(run):
    assert dict(zip(run.measurements()["value"][:2], run.measurements()["machine"], strict=False)) == {
        0.0: NAMES["one"], 1.0: NAMES["two"],
    }  # fmt: skip


def test_what_is_timed_is_compared_within_a_machine_and_all_else_as_a_whole(run):
    timed, untimed = run.parts("timed"), run.parts("untimed")
    assert [part.machine for part in timed] == list(NAMES.values())
    assert [list(part.frame("timed")["value"]) for part in timed] == [[0.0], [1.0]]
    assert [list(part.frame("untimed")["value"]) for part in untimed] == [[0.0, 1.0]]


def test_such_a_run_is_resumed_but_not_merged(run, tmp_path):
    run.require_resumable()
    other = run_of(tmp_path / "other", [of("timed", 5, "one")], started="2026-01-01")
    with pytest.raises(UserError, match="was measured by several machines: merge takes runs of one machine each"):
        merge([run, other], tmp_path / "merged")


def test_a_cluster_on_one_machine_makes_a_run_like_any_other(tmp_path):
    run = run_of(tmp_path / "run", [of("timed", 0, "one")], hosts={NAMES["one"]: FACTS["one"]}, machine=FACTS["one"])
    assert not run.merged
    assert len(run.parts("timed")) == 1


@pytest.fixture
def fleet():
    fleet = Fleet(None, 2, print)
    fleet.cores = {"a": 1, "b": 2, "c": 1}
    fleet.facts = {"a": FACTS["one"], "b": FACTS["one"], "c": FACTS["two"]}
    return fleet


def test_untimed_trials_go_to_whoever_has_least_to_do_and_one_more_waits(fleet):
    assert list(fleet.idle([], alone=False)) == ["a", "b", "c", "b", "a", "b", "c"]
    assert list(fleet.idle(["a", "b", "c"], alone=False)) == ["b", "a", "b", "c"]
    assert list(fleet.idle(["a", "b", "b", "c"], alone=False, ahead=2)) == ["a", "b", "c", "b", "a", "c"]
    assert list(fleet.idle(["a", "a", "b", "b", "b", "c", "c"], alone=False)) == []


def test_each_machine_times_one_group_at_a_time(fleet):
    first, second = fleet.idle([], alone=True)
    assert {fleet.machine(first), fleet.machine(second)} == set(NAMES.values())
    assert list(fleet.idle([first, second], alone=True)) == []
    assert list(fleet.idle(["a"], alone=True)) == ["c"]
