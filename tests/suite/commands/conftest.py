"""What tests of commands share: a command line as it is typed, in a folder of its own; backends asked only once."""

import sys

import gradsuite.running.availability
import pytest
from gradsuite.__main__ import main


@pytest.fixture
def type_line(tmp_path, monkeypatch, capsys):
    """Return a function that types a line in an empty folder and returns exit status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def typed(line):
        monkeypatch.setattr(sys, "argv", ["gradsuite", *line.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        output, errors = capsys.readouterr()
        return ended.value.code, output, errors

    return typed


@pytest.fixture
def surveyed_once(monkeypatch):
    """Let the commands of a test share what the backends answered the first: each starts a worker to ask it."""
    survey, answers = gradsuite.running.availability.survey, []

    def shared(*asked):
        if not answers:
            answers.append(survey(*asked))
        return answers[0]

    monkeypatch.setattr(gradsuite.running.availability, "survey", shared)
