"""How long a run would take: what former runs tell of each trial, and what is made of trials that none has."""

from dataclasses import replace

import pytest
from gradsuite.commands._forecast import sentences, spell
from gradsuite.experiment import Result, Trial
from gradsuite.running.forecast import Forecast, Part, identity, lengths_of, look_back

from tests.stored import run_of

HERE = {"cpu": "one", "cores": 2, "threads": 2}


def trial(size, backend="numpy", experiment="probe"):
    return Trial(experiment, backend, "cpu", {"size": size})


def took(*seconds, status="ok", backend="numpy"):
    return [(trial(size, backend), Result(status, seconds=one)) for size, one in enumerate(seconds)]


def test_the_newest_run_that_has_a_trial_tells_its_seconds(tmp_path):
    times = {"started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:00:09+00:00"}
    run_of(tmp_path / "older", took(1.0, 2.0, 3.0), machine={**HERE, "cpu": "another"}, **times)
    run_of(tmp_path / "newer", [*took(7.0), (trial(9), Result("error", seconds=5.0))], machine=HERE)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.sqlite").write_text("no database")
    former = look_back(tmp_path, HERE)
    assert [former.seconds.get(identity(trial(size))) for size in (0, 1, 2, 9)] == [7.0, 2.0, 3.0, None]
    assert former.source[identity(trial(0))] == str(tmp_path / "newer")
    assert former.elsewhere == {str(tmp_path / "older"): "another, 2 cores"}
    assert former.pace == {str(tmp_path / "older"): 9.0 / 6.0}  # the newer one has not ended


def test_a_trial_that_no_run_has_is_as_long_as_others_of_its_experiment(tmp_path):
    run_of(tmp_path / "run", [*took(1.0, 2.0), *took(9.0, backend="jax")], machine=HERE)
    former = look_back(tmp_path, HERE)
    asked = [trial(1), trial(5), trial(5, "torch"), trial(5, experiment="other")]
    assert list(lengths_of(asked, former).values()) == [2.0, 1.5, 4.0, None]


def test_it_says_where_its_seconds_are_from():
    found = Forecast(
        [Part("probe", "numpy", 4, 1, 0, 30.0)], {}, [], {"results/a": 2}, 1, 1, 2.0, {"results/a": "x, 8 cores"}
    )
    assert (found.trials, found.seconds) == (4, 60.0)
    assert list(sentences(found)) == [
        "4 trials to measure: 60 s",
        "2 trials as they took in results/a, on another machine (x, 8 cores)",
        "1 trial as others of their experiment took at other settings, which may be far off",
        "1 trial of unknown length: no former run that is there has any like it, not counted",
        "these add up to the time above, times 2.00 for what came between them; judging and drawing come after",
    ]
    unknown = replace(found, parts=[Part("probe", "numpy", 1, 0, 0, None)], sources={}, alike=0, pace=None)
    assert unknown.seconds is None
    assert next(sentences(unknown)) == "1 trial to measure: of unknown length"


@pytest.mark.parametrize(("seconds", "text"), [(0.123, "0.12 s"), (42, "42 s"), (960, "16 min"), (9000, "2.5 h")])
def test_durations_are_said_as_one_would(seconds, text):
    assert spell(seconds) == text
