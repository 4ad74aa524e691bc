"""Exact laws of time: each claim holds, and fails with a fault; the figures say which."""

import numpy as np
import pytest
from gradsuite.report import style
from gradsuite_experiments.exact_time.experiment import ExactTime, matrix

from tests.experiments.laboratory import RIGHT, Fault, measured, not_biting, states, verdicts, weights

KINDS = ("orthogonal", "symmetric", "gaussian", "jordan")
NINTH = Fault("recurrent weights wrong in the ninth digit", parameters=weights(1 + 1e-9, only="weight_hh"))
# Beyond what may be left of the start after 1000 steps, 0.007.
GAIN = Fault("recurrent weights 2% too large", parameters=weights(1.02, only="weight_hh"))


def growing(g):
    """Make the gradient grow tenfold a step back in time, faster than any W here allows."""
    return g * 10.0 ** np.minimum(np.arange(len(g))[::-1], 200.0)[:, None, None, None]


FAULTS = {
    "Linear RNN, orthogonal W of radius 1: every gradient keeps its length, at every lag.": NINTH,
    **{f"Linear RNN, {kind} W: the largest singular value of dh_T/dh_t is that of W^(T-t).": NINTH for kind in KINDS},
    "Linear RNN: no gradient grows faster a step than the largest singular value of W.": Fault(
        "gradients ten times larger a step back", gradients=states(growing)
    ),
    **{f"Linear RNN, {kind} W: that singular value's k-th root tends to the spectral radius.": GAIN for kind in KINDS},
    "Linear RNN, jordan W of radius below 1: gradients grow first, to the peak of sigma_max(W^k).": NINTH,
}


def test_every_claim_holds_and_bites():
    assert not_biting(ExactTime(), FAULTS) == []


def test_claims_hold_in_single_precision():
    rows = measured(ExactTime(), dtype=["float32"], lags=[100])
    assert {claim.verdict for claim in ExactTime().claims(rows)} == {"holds"}


def test_one_length_that_changes_is_seen():
    # The largest singular value stays 1: only the smallest tells.
    halved = states(lambda g: g * np.where(np.arange(g.shape[-2]) == 0, 0.5, 1.0)[:, None])
    rows = measured(ExactTime(), Fault("one gradient of many halved", gradients=halved), matrix=["orthogonal"])
    found = {sentence: claim.verdict for sentence, claim in verdicts(ExactTime(), rows).items()}
    assert found.pop("Linear RNN, orthogonal W of radius 1: every gradient keeps its length, at every lag.") == "fails"
    assert set(found.values()) == {"holds"}


@pytest.mark.parametrize("kind", KINDS)
def test_matrices_have_the_spectral_radius_asked_for(kind):
    found = matrix(kind, 7, 0.9)
    # Rounding splits a double eigenvalue by the root of itself.
    assert max(abs(np.linalg.eigvals(found))) == pytest.approx(0.9, abs=1e-7)
    normal = np.allclose(found @ found.T, found.T @ found, rtol=0, atol=1e-14)
    assert normal == (kind in ("orthogonal", "symmetric"))


@pytest.mark.parametrize("only", [KINDS, ("symmetric",)])
def test_the_titles_say_what_came_out(only):
    titles = []
    for fault in (RIGHT, GAIN):
        rows = measured(ExactTime(), fault, matrix=only, radius=[0.98])
        with style.context():
            titles.append([figure.figure.get_suptitle() for figure in ExactTime().figures(rows)])
    assert all(title.endswith("claims hold") for title in titles[0])
    assert all("not on numpy" in title for title in titles[1])
