"""The scalar latch: each claim holds, and fails with a fault; the published values come out."""

import pytest
from gradsuite.claims import decisive
from gradsuite.report import style
from gradsuite_experiments.common.frames import value, where
from gradsuite_experiments.latch.experiment import Latch
from gradsuite_experiments.latch.laws import FACTOR, KEPT

from tests.experiments.laboratory import RIGHT, Fault, activation, blind, measured, not_biting, state_gradients, weights

GAIN = Fault("recurrent weight 1% too large", parameters=weights(1.01, only="weight_hh"))
LINEAR = Fault("no activation", model=activation("identity"))
FAULTS = {
    "latch/keeps": GAIN,
    "latch/forgets": GAIN,
    "latch/factor": GAIN,
    "latch/vanishes": LINEAR,
}


def test_every_claim_holds_and_bites():
    assert not_biting(Latch(), FAULTS) == []


def recurrent(factor):
    return Fault(f"recurrent weight x {factor}", parameters=weights(factor, only="weight_hh"))


SIZES = {
    "latch/keeps": recurrent,
    "latch/forgets": recurrent,
    "latch/factor": state_gradients,
    "latch/vanishes": state_gradients,
}


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    assert blind(Latch(), SIZES) == []


@pytest.mark.parametrize(("weight", "state", "slope"), [(1.25, 0.71041178, 0.61914387), (2.0, 0.95750402, 0.16637209)])
def test_golden_latches(weight, state, slope):
    rows = where(measured(Latch(), weight=[weight]), weight=weight)
    assert value(rows, KEPT) == pytest.approx(state, abs=6e-9)
    assert value(rows, FACTOR) == pytest.approx(slope, abs=6e-9)


def test_claims_hold_in_single_precision():
    assert {claim.verdict for claim in Latch().claims(measured(Latch(), dtype=["float32"]))} == {"holds"}


def test_the_critical_weight_is_neither_kept_nor_forgotten():
    # h_T falls like sqrt(3 / 2T) at w = 1: no claim but on the gradient.
    rows = measured(Latch(), weight=[1.0])
    assert value(rows, KEPT) == pytest.approx((3 / 400) ** 0.5, rel=0.02)
    assert {claim.verdict for claim in Latch().claims(rows)} == {"holds"}


def test_the_title_says_what_came_out():
    titles = []
    for fault in (RIGHT, LINEAR):
        rows = measured(Latch(), fault)
        with style.context():
            (figure,) = Latch().figures(rows, decisive(Latch().claims(rows)))
        titles.append(figure.figure.get_suptitle())
    assert titles[0].endswith("4 of 4 claims hold")
    assert "not on numpy" in titles[1]
