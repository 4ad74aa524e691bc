"""Verdicts at and beyond the tolerance, one-sided, and with numbers that are not finite."""

import math
from dataclasses import replace

import numpy as np
import pytest
from gradsuite.claims import Claim, Resolution, Source, decisive


def claim(expected: float, measured: float, tolerance: float, relation: str = "=") -> Claim:
    return Claim(
        name="experiment/claim",
        backend="backend",
        sentence="It is so.",
        source=Source("a paper", checked=False),
        expected=expected,
        measured=measured,
        tolerance=tolerance,
        resolution=Resolution(0.02, "the gradient"),
        relation=relation,
    )


@pytest.mark.parametrize(
    ("expected", "measured", "tolerance", "relation", "verdict"),
    [
        (1.0, 1.5, 0.5, "=", "holds"),
        (1.0, 0.5, 0.5, "=", "holds"),
        (1.0, 1.5625, 0.5, "=", "fails"),
        (1.0, 0.4375, 0.5, "=", "fails"),
        (1.0, -9.0, 0.0, "<=", "holds"),
        (1.0, 1.25, 0.25, "<=", "holds"),
        (1.0, 1.5, 0.25, "<=", "fails"),
        (1.0, 9.0, 0.0, ">=", "holds"),
        (1.0, 0.75, 0.25, ">=", "holds"),
        (1.0, 0.5, 0.25, ">=", "fails"),
        (0.0, 0.0, 0.0, "=", "holds"),
        (0.0, 5e-324, 0.0, "=", "fails"),
        (1.0, math.nan, 100.0, "=", "fails"),
        (1.0, math.nan, 100.0, "<=", "fails"),
        (1.0, math.nan, 100.0, ">=", "fails"),
        (1.0, math.inf, 100.0, "=", "fails"),
        (1.0, math.inf, 100.0, "<=", "fails"),
        (1.0, math.inf, 0.0, ">=", "holds"),
        (math.inf, math.inf, 0.0, "=", "holds"),
        (math.inf, -math.inf, 1.0, "=", "fails"),
    ],
)
def test_verdict(expected, measured, tolerance, relation, verdict):
    assert claim(expected, measured, tolerance, relation).verdict == verdict


def test_of_what_is_said_of_many_settings_the_worst_decides():
    good, strained, broken = claim(1.0, 1.0, 0.1), claim(1.0, 1.05, 0.1), claim(1.0, math.nan, 0.1)
    assert decisive([good, strained]) == [strained]
    assert decisive([strained, broken, good]) == [broken]


def test_of_many_settings_the_finest_resolution_counts():
    coarse, fine = (replace(claim(1.0, 1.0, 0.1), resolution=Resolution(size, "it")) for size in (0.2, 0.02))
    worst = replace(coarse, measured=1.05)
    assert decisive([worst, fine, coarse]) == [replace(worst, resolution=fine.resolution)]


def test_names_and_backends_are_judged_apart():
    first = claim(1.0, 2.0, 0.1)
    second = replace(first, name="experiment/other", sentence="Nor is it otherwise.")
    elsewhere = replace(first, backend="other")
    assert decisive([first, second, elsewhere]) == [first, second, elsewhere]


def test_one_name_has_one_sentence():
    first = claim(1.0, 2.0, 0.1)
    with pytest.raises(ValueError, match=r"two claims are called .experiment/claim.: .It is so\.. and .No\.."):
        decisive([first, replace(first, sentence="No.")])


@pytest.mark.parametrize("name", ["claim", "Experiment/claim", "experiment/", "/claim", "experiment/a claim", "e//c"])
def test_a_name_has_its_form(name):
    with pytest.raises(ValueError, match="a claim's name is EXPERIMENT/CLAIM"):
        replace(claim(1.0, 2.0, 0.1), name=name)


def test_a_row_has_everything_by_name():
    assert claim(1.0, 1.0, 0.1).row() == {
        "name": "experiment/claim",
        "experiment": "experiment",
        "backend": "backend",
        "sentence": "It is so.",
        "source": "a paper",
        "checked": False,
        "expected": 1.0,
        "measured": 1.0,
        "tolerance": 0.1,
        "resolution": 0.02,
        "quantity": "the gradient",
        "relation": "=",
        "verdict": "holds",
    }


def test_a_rows_numbers_are_pythons_own():
    row = claim(np.int64(4), np.float32(4.0), 0.0).row()
    assert [type(row[name]) for name in ("expected", "measured", "tolerance")] == [float] * 3


def test_what_two_tolerances_are_is_noticed_by_a_claim_of_a_value_of_an_error_and_of_a_logarithm():
    assert Resolution.linear(-4.0, 0.1, "the norm").size == pytest.approx(0.05)
    assert Resolution.linear(0.0, 1e-6, "the norm").size == pytest.approx(2e-6)
    # ln |g|^2, twice the logarithm of the norm: a norm longer by e^0.1 moves it by 0.2.
    assert Resolution.logarithmic(0.1, "the norm", power=2.0).size == pytest.approx(math.expm1(0.1))


@pytest.mark.parametrize(
    ("size", "text"),
    [(0.012, "1.2% in the norm"), (3.1e-12, "3.1e-10% in the norm"), (1.5, "150% in the norm"), (math.nan, "")],
)
def test_a_resolution_is_read_as_a_percentage(size, text):
    assert str(Resolution(size, "the norm")) == text
