"""`gradsuite merge`: what it says, and the page of two machines."""

import pytest
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement
from gradsuite.runs.store import Run

BOX = {"cpu": "Box <i>", "cores": 2, "threads": 2, "mark": "0a1b2c3d"}


@pytest.fixture
def runs(tmp_path):
    for name, mark in (("one", "0a1b2c3d"), ("two", "4e5f6a7b"), ("three", "0a1b2c3d")):
        run = Run.create(
            tmp_path / name,
            {
                "machine": {**BOX, "mark": mark},
                "experiments": ["gone"],
                "started": f"2026-01-0{len(name)}T00:00:00+00:00",
            },
        )
        run.add(Trial("gone", "numpy", "cpu", {}), "key", Result("ok", (Measurement("norm", 1.0),)))


def test_it_says_which_runs_are_of_which_machine_and_what_was_replaced(runs, type_line):
    status, output, errors = type_line("merge one two three --out both")
    assert (status, output) == (1, "both\n")  # the experiment is not installed: its claims cannot be judged
    *lines, report = errors.splitlines()
    assert lines[:3] == [
        "Box <i>, 2 cores (0a1b2c3d): one, three",
        "Box <i>, 2 cores (4e5f6a7b): two",
        "1 trial was measured more than once on one machine: the last that is ok counts",
    ]
    assert [line.split("; did")[0] for line in lines[3:]] == [
        f"gone-machine-{number}: This experiment cannot be loaded here: unknown experiment 'gone'" for number in (1, 2)
    ]
    assert report == "report: both/report.html"
    page = (Run.open("both").path / "report.html").read_text("utf-8")
    assert "Box &lt;i&gt;, 2 cores (4e5f6a7b)" in page
    assert "Box <i>" not in page
    assert (Run.open("both").path / "measurements.csv").read_text("utf-8").count("\n") == 3


@pytest.mark.parametrize("line", ["merge one --out both", "merge one one --out both", "merge one nowhere --out both"])
def test_what_cannot_be_merged_is_refused_in_one_line(runs, type_line, line):
    status, output, errors = type_line(line)
    assert (status, output, errors.count("\n")) == (2, "", 1)
