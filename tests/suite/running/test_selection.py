"""Globs over experiments and trials: what they match, and what is said of those that match nothing."""

import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Trial
from gradsuite.running.selection import Selection, words

TRIALS = [
    Trial(experiment, backend, "cpu", {"cell": cell, "gain": gain})
    for experiment in ("gates", "gradient-time")
    for backend in ("numpy", "torch@tuned")
    for cell in ("lstm", "rnn")
    for gain in (0.5, 2.0)
]


def chosen(select=(), exclude=()):
    selection = Selection(select, exclude)
    return [trial for trial in TRIALS if trial in selection]


def test_a_trial_is_a_line_of_its_words():
    assert words(TRIALS[5]) == ["torch@tuned", "gates", "torch", "cell=lstm", "gain=2", "gates torch cell=lstm gain=2"]


@pytest.mark.parametrize(
    ("select", "exclude", "matched"),
    [
        ((), (), lambda trial: True),
        (("grad*",), (), lambda trial: trial.experiment == "gradient-time"),
        (("torch",), (), lambda trial: trial.backend == "torch@tuned"),
        (("torch@tuned",), (), lambda trial: trial.backend == "torch@tuned"),
        (("gain=2",), (), lambda trial: trial.settings["gain"] == 2.0),
        (("gain=0.5", "cell=rnn"), (), lambda trial: trial.settings["gain"] == 0.5 or trial.settings["cell"] == "rnn"),
        (("gates * gain=2",), (), lambda trial: trial.experiment == "gates" and trial.settings["gain"] == 2.0),
        ((), ("numpy",), lambda trial: trial.backend != "numpy"),
        (("gates",), ("*=lstm",), lambda trial: trial.experiment == "gates" and trial.settings["cell"] == "rnn"),
        (("gat",), (), lambda trial: False),  # a glob is the whole word
    ],
)
def test_what_a_glob_matches(select, exclude, matched):
    assert chosen(select, exclude) == [trial for trial in TRIALS if matched(trial)]


def test_a_glob_that_selects_nothing_is_refused_with_the_nearest_words():
    Selection(["gates", "cell=*"]).require(TRIALS)
    with pytest.raises(UserError, match=r"-k 'gain=3' matches no experiment, backend or trial; the nearest: gain=2"):
        Selection(["gates", "gain=3"]).require(TRIALS)


def test_a_glob_that_leaves_out_nothing_is_known():
    assert Selection((), ["torch", "troch"]).useless(TRIALS) == ["troch"]
