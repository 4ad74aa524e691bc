"""`gradsuite history`: forms and bad input."""

import json

import numpy as np
import pytest

from tests.comparable import plugins, stored, timed


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """Store six runs, of which the last three are slower in one workload."""
    known = plugins()
    monkeypatch.setattr("gradsuite.plugins.load", lambda *blocked: known)
    rng = np.random.default_rng(0)
    for k in range(6):
        slower = {("jax", 64): 1.2 if k >= 3 else 1.0}
        stored(tmp_path / f"r{k}", timed(rng, slower=slower), started=f"2026-01-0{k + 1}T00:00:00+00:00")


def test_a_step_is_listed_with_the_first_run_after_it(type_line):
    status, output, errors = type_line("history r0 r1 r2 r3 r4 r5")
    assert (status, errors) == (0, "")
    assert "6 runs, 12 workloads: 1 step in 1." in output
    (line,) = [line for line in output.splitlines() if line.endswith(" r3")]
    assert line.split()[:4] == ["stopwatch", "call", "jax", "size=64"]


def test_json_has_every_series(type_line):
    found = json.loads(type_line("history r0 r1 r2 r3 r4 r5 --format json")[1])
    assert len(found["series"]) == 12
    assert [step["first"] for step in found["series"][0]["steps"]] == ["r3"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("history r0 r1", "a history takes at least 3 runs"),
        ("history r0 r1 gone", "unknown run 'gone'"),
        ("history r0 r1 r2 --out a.odt", "does not end like a format"),
    ],
)
def test_bad_input_is_one_line_and_status_2(type_line, line, said):
    status, output, errors = type_line(line)
    assert (status, output) == (2, "")
    assert said in errors
