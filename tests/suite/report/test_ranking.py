"""The answer to which backend is best: close calls are called so, clear ones are not."""

import json

import numpy as np
import pytest
from gradsuite.report.ranking import shown
from gradsuite.running.best import Best, ranking
from gradsuite.runs.workloads import Sampled


def best(**factors):
    """Return the answer for backends whose calls take these factors times a second, each with 1% of noise."""
    rng = np.random.default_rng(0)
    sampled = {
        name: Sampled(np.arange(15), np.log(factor) + 0.01 * rng.standard_normal(15), np.zeros(15, dtype=bool))
        for name, factor in factors.items()
    }
    return Best({"cell": "lstm"}, "step", "cpu", 2, 9.0, tuple(ranking(sampled, "fixed")), {"gone": "not installed"})


def test_a_clear_answer_says_how_far_the_next_is():
    found = best(torch=1.3, numpy=1.0, jax=2.0)
    assert found.close == ["numpy"]
    text = shown(found, "table")
    assert "numpy: torch, the next, takes 1.3" in text
    assert "too close" not in text
    assert "not installed" in text


def test_what_may_be_as_fast_is_too_close_to_call():
    found = best(torch=1.005, numpy=1.0, jax=2.0)
    assert sorted(found.close) == ["numpy", "torch"]
    text = shown(found, "table")
    assert "Too close to call: " in text
    assert [line.split()[0] for line in text.splitlines() if line.endswith("too close to call")] == [found.close[1]]


def test_one_backend_is_compared_with_nothing():
    assert "numpy, with nothing to compare it with." in shown(best(numpy=1.0), "table")


def test_json_has_the_settings_and_every_ratio():
    found = json.loads(shown(best(torch=1.3, numpy=1.0), "json"))
    assert found["settings"] == {"cell": "lstm"}
    assert found["timed"][0]["ratio"] is None
    assert found["timed"][1]["ratio"]["ratio"] == pytest.approx(1.3, rel=0.02)
