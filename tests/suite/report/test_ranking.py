"""The answer to which backend is best: close calls are called so, clear ones are not."""

import json
import re

import numpy as np
import pytest
from gradsuite.report.ranking import shown
from gradsuite.running.best import Best
from gradsuite.running.race import Behind
from gradsuite.running.timed import ranking
from gradsuite.runs.workloads import Sampled


def best(rounds=15, behind=(), **factors):
    """Return the answer for backends whose calls take these factors times a second, each with 1% of noise."""
    rng = np.random.default_rng(0)
    sampled = {
        name: Sampled(
            np.arange(rounds), np.log(factor) + 0.01 * rng.standard_normal(rounds), np.zeros(rounds, dtype=bool)
        )
        for name, factor in factors.items()
    }
    timed = tuple(ranking(sampled, 0.007))
    settings = {"cell": "lstm", "length": 200}
    return Best(settings, "step", "cpu", 2, 9.0, timed, behind, {"gone": "not installed"}, length=50, advised=45)


def test_a_clear_answer_says_how_far_the_next_is():
    found = best(torch=1.3, numpy=1.0, jax=2.0)
    assert found.close == ["numpy"]
    text = shown(found, "table")
    # Medians of 15 samples with 1% of noise each are off by .5%; the assumed noise, for so few backends, is 2%.
    (low, high), ratio = re.search(r"\[(.*), (.*)\]", text).groups(), found.timed[1].ratio
    assert f"numpy, {ratio.ratio:.2f} times as fast as torch [" in text
    assert 1.2 < float(low) < 1.3 < float(high) < 1.4
    assert "too close" not in text
    assert "not installed" in text


def test_what_may_be_as_fast_is_too_close_to_call():
    found = best(torch=1.005, numpy=1.0, jax=2.0)
    assert sorted(found.close) == ["numpy", "torch"]
    text = shown(found, "table")
    assert f"{found.close[0]} or {found.close[1]}: too close to call." in text
    assert [line.split()[0] for line in text.splitlines() if line.endswith("too close to call")] == [found.close[1]]


def test_few_rounds_give_estimates_and_the_budget_that_has_room_for_more():
    found = best(torch=1.3, numpy=1.0, rounds=2)
    assert found.close == ["numpy", "torch"]
    text = shown(found, "table")
    assert f"numpy, {found.timed[1].times:.2f} times as fast as torch by 2 rounds: too few for an interval." in text
    assert found.timed[1].times == pytest.approx(1.3, rel=0.05)
    assert "--budget 45" in text


def test_a_shorter_length_is_said_with_what_to_multiply_by():
    assert "Measured at length=50: for length=200 multiply the times by 4." in shown(
        best(torch=1.3, numpy=1.0), "table"
    )


def test_who_left_is_said_with_the_least_that_its_sample_says():
    behind = (Behind("jax", "numpy", 5.0, 12), Behind("torch", "numpy", 3.0, 12))
    text = shown(best(numpy=1.0, behind=behind), "table")
    assert "numpy, at least 1.5 times as fast as torch (1 sample)." in text
    assert "5.0 times as long as numpy at length=12: at least 2.5 times, however disturbed" in text


def test_one_backend_is_compared_with_nothing():
    assert "numpy, with nothing to compare it with." in shown(best(numpy=1.0), "table")


def test_json_has_the_settings_and_every_ratio():
    found = json.loads(shown(best(torch=1.3, numpy=1.0), "json"))
    assert found["settings"] == {"cell": "lstm", "length": 200}
    assert found["timed"][0]["ratio"] is None
    assert found["timed"][1]["ratio"]["ratio"] == pytest.approx(1.3, rel=0.02)
