"""Precision: claims that hold and bite, and a loss scale that there is no number for."""

import pytest
from gradsuite.claims import decisive
from gradsuite.errors import UserError
from gradsuite.report import style
from gradsuite_experiments.precision.experiment import Precision

from tests.experiments.laboratory import RIGHT, Fault, blind, measured, not_biting, states, verdicts, weights

DTYPES = ["float64", "float32", "float16"]  # NumPy has no bfloat16


def names(dtype, scale):
    suffix = f"{dtype}/scale-{scale}" if scale else dtype
    return f"precision/halved/{suffix}", f"precision/doubled/{suffix}"


FAULTS = {
    name: Fault("weights half as large", parameters=weights(0.5, only="weight_hh"))
    for dtype in DTYPES
    for scale in (0, 10)
    for name in names(dtype, scale)
}
UNSCALED = Fault("loss not scaled", batch=lambda batch: type(batch)(batch.inputs, batch.targets * 0 + 1))


def test_every_claim_holds_and_bites():
    assert not_biting(Precision(), FAULTS, dtype=DTYPES) == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_claim_notices_a_fault_of_the_size_that_it_states(dtype):
    def flow(factor):
        return Fault(f"state gradients x {factor}", gradients=states(lambda g: g * g.dtype.type(factor)))

    faults = {name: flow for scale in (0, 10) for name in names(dtype, scale)}
    assert blind(Precision(), faults, dtype=[dtype]) == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_computing_in_another_precision_is_noticed(dtype):
    other = "float32" if dtype != "float32" else "float64"
    fault = Fault("another precision", options=lambda options: {**options, "dtype": other})
    judged = verdicts(Precision(), measured(Precision(), fault, dtype=[dtype]))
    assert {claim.verdict for claim in judged.values()} == {"fails"}


def test_a_loss_that_is_not_scaled_is_noticed():
    judged = verdicts(Precision(), measured(Precision(), UNSCALED, dtype=["float16"]))
    assert {name for name, claim in judged.items() if claim.verdict == "fails"} == {*names("float16", 10)}


def test_flushing_subnormal_numbers_is_a_finding_and_no_failure():
    def flushed(gradients):
        states = gradients.states
        states[abs(states) < 2.0**-126] = 0
        return gradients

    for fault, losses in ((RIGHT, []), (Fault("flushed", gradients=flushed), ["23 steps in float32"])):
        rows = measured(Precision(), fault, dtype=["float32"], loss_scale=[0])
        assert {claim.verdict for claim in Precision().claims(rows)} == {"holds"}
        assert [finding.split("by ")[-1].rstrip(".") for finding in Precision().findings(rows, [])] == losses


def test_a_loss_scale_that_is_infinite_is_refused():
    allowed = r"loss_scale must be less than 16, for 2\^16 is infinite in float16, not 16"
    with pytest.raises(UserError, match=allowed):
        measured(Precision(), dtype=["float16"], loss_scale=[16])


def test_the_title_says_what_came_out():
    rows = measured(Precision())
    with style.context():
        (figure,) = Precision().figures(rows, decisive(Precision().claims(rows)))
    assert figure.figure.get_suptitle().endswith("8 of 8 claims hold")
