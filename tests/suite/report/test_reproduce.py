"""What a page says of how to have its run again: read back, it is the configuration of the run."""

import shlex

import pytest
from gradsuite.report.reproduce import recipe
from gradsuite.running.configuration import Configuration, parse_changes, read_toml

ASKED = Configuration(
    experiment=["gates", "speed"],
    backend=["numpy"],
    preset="quick",
    set={"gain": [0.5, 2], "task": ['it\'s "odd".csv']},
    threads=2,
    tuned=True,
    no_plugin=["jax"],
)


@pytest.fixture
def made():
    backends = {"torch": {"versions": {"torch": "9.9"}}, "torch-nn": {"versions": {"torch": "9.9"}}}
    return recipe({"configuration": ASKED.stored(), "gradsuite": "0.1.0", "backends": backends})


def test_the_study_read_back_is_what_was_asked(made, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(made.study, encoding="utf-8")
    assert Configuration.make(read_toml(str(path))).stored() == ASKED.stored()


def test_the_command_says_the_same(made):
    words = shlex.split(made.command)
    assert words[:4] == ["gradsuite", "run", "gates", "speed"]
    settings = [words[k + 1] for k, word in enumerate(words) if word == "--set"]
    assert parse_changes(settings) == {"gain": ["0.5", "2"], "task": ['it\'s "odd".csv']}
    for flag, value in (("--backend", "numpy"), ("--no-plugin", "jax"), ("--threads", "2"), ("--preset", "quick")):
        assert words[words.index(flag) + 1] == value
    assert "--tuned" in words


def test_versions_are_pinned_once(made):
    assert made.constraints == "gradsuite==0.1.0\ntorch==9.9\n"


def test_a_merged_run_was_not_asked_for_as_a_whole():
    assert recipe({"configuration": {"no-plugin": []}}) is None
