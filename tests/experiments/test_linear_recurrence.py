"""Linear recurrences: claims that hold and bite, and what is drawn and written of them."""

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.report import style
from gradsuite.theory import linear_recurrence as theory
from gradsuite_experiments.linear_recurrence.experiment import LinearRecurrence
from gradsuite_experiments.linear_recurrence.laws import EIGENVALUES
from gradsuite_experiments.linear_recurrence.networks import basis

from tests.experiments.laboratory import (
    Fault,
    blind,
    measured,
    not_biting,
    parameter_gradients,
    state_gradients,
    verdicts,
)

SMALL = {"hidden_size": [16], "length": [24], "seeds": [2]}


def named(prefix, factor):
    """Multiply the parameters whose names begin so."""
    return lambda parameters: {n: p * factor if n.startswith(prefix) else p for n, p in parameters.items()}


def read(factor):
    """Multiply what an LRU reads."""
    return Fault(f"B x {factor}", parameters=named("B_", factor))


def by_nu(factor):
    return parameter_gradients(factor, "nu_log*")


def saturated(parameters):
    """Make gates' pre-activations twice as large."""
    return {name: p * 2.0 if name == "bias_ih_l0" else p for name, p in parameters.items()}


LARGER = Fault("gates that are further from a half", parameters=saturated)
OF_LRU = {
    "linear-recurrence/mean-square/lru": state_gradients,
    "linear-recurrence/energy/lru": state_gradients,
    "linear-recurrence/size/lru": read,
    "linear-recurrence/normalised/lru": read,
    "linear-recurrence/ring/lru/0.9": read,
    **{f"linear-recurrence/sensitivity/{eigenvalue:g}": by_nu for eigenvalue in EIGENVALUES},
}
OF_GATES = [f"linear-recurrence/{law}/{cell}" for law in ("mean-square", "typical") for cell in ("mingru", "minlstm")]
FAULTS = {
    **{name: Fault("B 10% too large", parameters=named("B_", 1.1)) for name in OF_LRU},
    **dict.fromkeys(OF_GATES, LARGER),
    "linear-recurrence/mean-square/lru": state_gradients(1.05),
    "linear-recurrence/energy/lru": state_gradients(1.05),
    **{f"linear-recurrence/sensitivity/{eigenvalue:g}": by_nu(1 + 1e-6) for eigenvalue in EIGENVALUES},
}


def test_every_claim_holds_and_bites():
    assert not_biting(LinearRecurrence(), FAULTS) == []


def test_every_claim_about_an_lru_notices_a_fault_of_the_size_that_it_states():
    assert blind(LinearRecurrence(), OF_LRU, cell=["lru"], **SMALL) == []


def test_every_claim_about_gates_notices_a_fault_of_the_size_that_it_states():
    assert (
        blind(LinearRecurrence(), dict.fromkeys(OF_GATES, state_gradients), cell=["mingru", "minlstm"], **SMALL) == []
    )


def test_claims_hold_in_single_precision():
    claims = verdicts(LinearRecurrence(), measured(LinearRecurrence(), dtype=["float32"], **SMALL))
    assert [claim.name for claim in claims.values() if claim.verdict == "fails"] == []


def test_the_noise_is_white_exactly():
    noise = basis(12)
    np.testing.assert_allclose(noise @ noise.T / 12, np.eye(12), atol=1e-14)


def test_a_ring_has_its_radii_in_order_and_within_the_circle():
    for changes in ({"r_min": [0.9]}, {"r_max": [1.0]}):
        with pytest.raises(UserError, match="r_min < r_max < 1 is a ring"):
            list(LinearRecurrence().trials(LinearRecurrence().grid("quick", changes)))


def test_the_figure_the_table_and_the_finding_say_what_was_measured():
    experiment = LinearRecurrence()
    rows = measured(experiment, **SMALL)
    claims = list(verdicts(experiment, rows).values())
    with style.context():
        (figure,) = experiment.figures(rows, claims)
    assert figure.figure.get_suptitle().endswith(f"{len(claims)} of {len(claims)} claims hold")
    assert all(axes.collections for axes in figure.figure.axes)
    (table,) = experiment.tables(rows, claims)
    assert list(table.rows["numpy"]) == pytest.approx([theory.sensitivity(one) for one in EIGENVALUES], rel=0.3)
    (finding,) = experiment.findings(rows, claims)
    assert "no gradient explodes" in finding
    gated = measured(experiment, cell=["mingru"], **SMALL)
    assert list(experiment.tables(gated, [])) == list(experiment.findings(gated, [])) == []
