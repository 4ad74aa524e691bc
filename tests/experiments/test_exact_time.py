"""Exact laws of time: each claim holds, and fails with a fault; the figures say which."""

import numpy as np
import pytest
from gradsuite.claims import decisive
from gradsuite.report import style
from gradsuite_experiments.exact_time.experiment import ExactTime
from gradsuite_experiments.exact_time.matrices import KINDS, matrix

from tests.experiments.laboratory import (
    RIGHT,
    Fault,
    blind,
    measured,
    not_biting,
    state_gradients,
    states,
    verdicts,
    weights,
)

NINTH = Fault("recurrent weights wrong in the ninth digit", parameters=weights(1 + 1e-9, only="weight_hh"))
# Beyond what may be left of the start after 1000 steps, 0.007.
GAIN = Fault("recurrent weights 2% too large", parameters=weights(1.02, only="weight_hh"))


def growing(g):
    """Make the gradient grow tenfold per step back in time, faster than any W here allows."""
    return g * 10.0 ** np.minimum(np.arange(len(g))[::-1], 200.0)[:, None, None, None]


FAULTS = {
    "exact-time/lengths": NINTH,
    **{f"exact-time/powers/{kind}": NINTH for kind in KINDS},
    "exact-time/bound": Fault("gradients ten times larger per step back", gradients=states(growing)),
    **{f"exact-time/radius/{kind}": GAIN for kind in KINDS},
    "exact-time/peak": NINTH,
}


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    assert blind(ExactTime(), dict.fromkeys(FAULTS, state_gradients), lags=[200]) == []


def test_every_claim_holds_and_bites():
    assert not_biting(ExactTime(), FAULTS) == []


def test_claims_hold_in_single_precision():
    rows = measured(ExactTime(), dtype=["float32"], lags=[100])
    assert {claim.verdict for claim in ExactTime().claims(rows)} == {"holds"}


def test_one_length_that_changes_is_seen():
    # The largest singular value stays 1: only the smallest tells.
    halved = states(lambda g: g * np.where(np.arange(g.shape[-2]) == 0, 0.5, 1.0)[:, None])
    rows = measured(ExactTime(), Fault("one gradient of many halved", gradients=halved), matrix=["orthogonal"])
    judged = {name: claim.verdict for name, claim in verdicts(ExactTime(), rows).items()}
    assert judged.pop("exact-time/lengths") == "fails"
    assert set(judged.values()) == {"holds"}


@pytest.mark.parametrize("kind", KINDS)
def test_matrices_have_the_spectral_radius_asked_for(kind):
    weight = matrix(kind, 7, 0.9)
    # Rounding splits a double eigenvalue by the root of itself.
    assert max(abs(np.linalg.eigvals(weight))) == pytest.approx(0.9, abs=1e-7)
    normal = np.allclose(weight @ weight.T, weight.T @ weight, rtol=0, atol=1e-14)
    assert normal == (kind in ("orthogonal", "symmetric"))


@pytest.mark.parametrize("only", [KINDS, ("symmetric",)])
def test_the_titles_say_what_came_out(only):
    titles = []
    for fault in (RIGHT, GAIN):
        rows = measured(ExactTime(), fault, matrix=only, radius=[0.98])
        with style.context():
            figures = ExactTime().figures(rows, decisive(ExactTime().claims(rows)))
            titles.append([figure.figure.get_suptitle() for figure in figures])
    assert all(title.endswith("claims hold") for title in titles[0])
    assert all("not on numpy" in title for title in titles[1])


def test_no_point_is_above_the_dashes_of_its_own_colour():
    experiment = ExactTime()
    rows = measured(experiment, lags=[200])
    with style.context():
        roots = list(experiment.figures(rows, list(verdicts(experiment, rows).values())))[1]
    right = roots.figure.axes[1]
    lines = {line.get_linestyle(): [] for line in right.lines}
    for line in right.lines:
        lines[line.get_linestyle()].append(line)
    assert len(lines["-"]) == len(lines["--"]) == 2
    bounds = {line.get_color(): line for line in lines["--"]}
    assert len(bounds) == 2
    for line in lines["-"]:
        assert (line.get_ydata() <= bounds[line.get_color()].get_ydata() * (1 + 1e-12)).all()
