"""Claims as a reader sees them: what was expected of a backend stands beside what was measured on it."""

from dataclasses import replace
from pathlib import Path

from gradsuite.claims import Claim, Resolution, Source
from gradsuite.report.verdicts import expectation, hold, judged, measurement
from gradsuite.runs.store import Run

REFERENCE = Path(__file__).parents[3] / "results" / "reference"
CLAIM = Claim(
    name="question/so",
    backend="numpy",
    sentence="It is so.",
    source=Source("a paper"),
    expected=-3.48519,
    measured=-3.48519,
    tolerance=8e-11,
    resolution=Resolution(0.01, "the gradient"),
)


def test_backends_whose_worst_setting_differs_have_expected_values_of_their_own():
    (one,) = judged([CLAIM, replace(CLAIM, backend="torch", expected=1.70724, measured=1.70724)])
    assert one.expected == ""
    assert [expectation(claim) for claim in one.by_backend.values()] == ["-3.48519 ± 8e-11", "1.70724 ± 8e-11"]
    assert one.holds


def test_an_expected_value_that_all_share_is_said_once():
    (one,) = judged([CLAIM, replace(CLAIM, backend="torch", measured=9.0)])
    assert one.expected == "-3.48519 ± 8e-11"
    assert one.failing == ["torch"]
    assert measurement(one.by_backend["torch"]) == "9 ✗ fails"


def test_claims_are_counted_in_words():
    assert [hold(3, 3), hold(2, 3), hold(1, 1), hold(0, 1)] == [
        "all 3 claims hold", "2 of 3 claims hold", "the one claim holds", "the one claim fails",
    ]  # fmt: skip


def test_in_the_reference_run_no_backend_stands_beside_an_expected_value_of_another():
    run = Run.open(REFERENCE)
    found = [one for name in run.claims()["experiment"].unique() for one in judged(run.claims_of(name))]
    apart = [one for one in found if not one.expected]
    assert apart  # there are such claims, and they are told
    for one in found:
        assert all(one.expected in ("", expectation(claim)) for claim in one.by_backend.values())
