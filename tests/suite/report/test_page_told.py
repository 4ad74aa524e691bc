"""What the page tells of whatever a run holds: what was found, what was claimed, and what went wrong."""

import re

import numpy as np
from gradsuite.experiment import Result

from tests.suite.report.fakes import ok, page, trial


def test_what_failed_is_grouped_counted_and_shown_with_settings_and_messages(tmp_path):
    lost = [(trial("jax", size=k), Result("error", reason="it fell over", stderr="last words")) for k in range(2, 9)]
    other = (trial("torch"), Result("unsupported", reason="torch has no cell 'x'"))
    read, _ = page(tmp_path, other, *lost, (trial(), ok(1.0)))
    problems = read.text[read.text.index("Not measured, and why") :]
    assert problems.count("it fell over") == 1
    assert re.search(r"error\s*7\s*fake\s*jax\s*it fell over", problems)
    assert re.search(r"unsupported\s*1\s*fake\s*torch\s*torch has no cell 'x'", problems)
    assert problems.index("it fell over") < problems.index("torch has no cell")
    assert "size=2" in problems
    assert "and 4 more" in problems
    assert "last words" in problems
    assert "1 ok, 1 unsupported, 7 error" in " ".join(read.text.split())


def test_an_experiment_that_fails_to_draw_costs_that_part_of_its_section(tmp_path):
    read, _ = page(tmp_path, (trial(experiment="broken"), ok(1.0)))
    assert "Its figures could not be made: KeyError: 'no such <column>'" in read.text
    assert (tmp_path / "figures" / "broken-fake-sizes.png").exists()  # what came before is kept
    assert "The largest is 1" in read.text
    assert "vanishing, 7" in read.text


def test_an_experiment_that_measured_nothing_is_not_asked_what_it_shows(tmp_path):
    read, _ = page(tmp_path, (trial(experiment="broken"), Result("error", reason="it fell over")))
    assert "could not be made" not in read.text
    assert "it fell over" in read.text
    assert not list((tmp_path / "figures").iterdir())


def test_an_experiment_that_is_not_installed_has_a_section_that_says_so(tmp_path):
    read, _ = page(tmp_path, (trial(experiment="fakes"), ok(1.0)))
    assert "This experiment cannot be loaded here: unknown experiment 'fakes'; did you mean 'fake'?" in read.text


def test_claims_are_counted_and_those_that_fail_come_first(tmp_path):
    read, text = page(tmp_path, (trial(), ok(1.0)), (trial("jax"), ok(1.0)))
    assert "2 of 4 claims hold" in read.text
    assert "2 of 4 claims hold." in read.text
    assert read.text.index("it is 2") < read.text.index("it is 1")
    assert text.index("it is 2") < text.index('<details class="holding">') < text.index("it is 1")
    assert {"fake/1", "fake/2"} <= set(read.ids)  # claims have permalinks
    assert "#fake/2" in read.links
    assert "A & B 1999" in read.text
    assert text.count('class="number fails"') == 2


def test_the_run_is_described(tmp_path):
    read, _ = page(
        tmp_path,
        (trial(), ok(1.0)),
        preset="quick",
        started="2026-01-02T03:04:05+00:00",
        finished="2026-01-02T03:06:05+00:00",
        settings={"size": [1, 2]},
        backends={"numpy": {"versions": {"numpy": "9.9"}, "devices": ["cpu"], "dtypes": ["float64"]}},
        unavailable=[{"name": "torch", "reason": "torch not installed", "install": "pip install torch"}],
        machine={"cpu": "A Fast One", "cores": 2, "memory": 2**34, "features": ["avx"] * 90, "git": None},
    )
    told = " ".join(read.text.split())
    for fact in ("quick · 2.0 minutes", "2026-01-02 03:04:05 UTC", "numpy 9.9", "A Fast One", "16.0 GiB", "size1, 2"):
        assert fact in told
    assert "torchtorch not installedpip install torch" in told
    assert "did not come to its end" not in told
    assert "None" not in told


def test_a_run_that_was_stopped_says_how_to_go_on(tmp_path):
    read, _ = page(tmp_path, (trial(), ok(1.0)), started="2026-01-02T03:04:05+00:00")
    assert f"gradsuite run --resume {tmp_path}" in read.text


def test_nothing_at_all_is_a_page_too(tmp_path):
    read, _ = page(tmp_path)
    assert "nothing was measured" in read.text
    assert "Nothing was measured that could answer a question" in read.text


def test_all_failed_is_a_page_that_says_why(tmp_path):
    read, _ = page(tmp_path, (trial(), Result("timeout", reason="no answer within 5 s")), experiments=["fake"])
    assert "no answer within 5 s" in read.text
    assert "1 timeout" in read.text


def test_numbers_that_are_not_finite(tmp_path):
    read, _ = page(tmp_path, (trial(), ok(np.nan, np.inf, -np.inf, 1e300, 5e-324, 1.0)))
    assert "The largest is inf" in read.text


def test_a_source_that_was_not_read_is_said_so_once(tmp_path):
    read, text = page(tmp_path, (trial(), ok(1.0)), (trial("jax"), ok(1.0)))
    assert text.count('id="page/unchecked"') == 1
    assert read.links.count("#page/unchecked") == 1  # of two claims one was read
    assert "fake/1" in read.text
