"""Driven RNN: claims that hold and bite, and Lyapunov exponents of a product of known matrices."""

import numpy as np
import pytest
from gradsuite.report import style
from gradsuite_experiments.driven_rnn.experiment import DrivenRnn
from gradsuite_experiments.driven_rnn.laws import exponents

from tests.experiments.laboratory import Fault, blind, measured, not_biting, state_gradients, verdicts, weights

GAIN = Fault("recurrent weights 30% too large", parameters=weights(1.3, only="weight_hh"))
STEEP = state_gradients(1.1)
CLAIMS = [f"{law}/{{}}{gain:g}" for gain in (0.5, 1.5, 2.0) for law in ("rate", "lyapunov")]
FAULTS = {
    **{f"driven-rnn/{claim.format('')}": GAIN for claim in CLAIMS},
    **{f"driven-rnn/{claim.format('ln-rnn/')}": STEEP for claim in CLAIMS},
}


def squared_gradients(factor):
    """Multiply the squared gradient by a factor per step."""
    return state_gradients(factor**0.5)


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    resolved = {
        f"driven-rnn/{law}/{cell}1.5": fault
        for cell in ("", "ln-rnn/")
        for law, fault in (("rate", squared_gradients), ("lyapunov", state_gradients))
    }
    assert blind(DrivenRnn(), resolved, gain=[1.5]) == []


def test_normalisation_without_noise_is_left_out():
    experiment = DrivenRnn()
    trials = experiment.trials(experiment.grid("quick", {"noise": [0.0, 0.25]}))
    assert {(at["cell"], at["noise"]) for at in trials} == {("rnn", 0.0), ("rnn", 0.25), ("ln-rnn", 0.25)}


def test_every_claim_holds_and_bites():
    assert not_biting(DrivenRnn(), FAULTS) == []


def test_exponents_of_a_diagonal_map_are_its_logarithms():
    factors = np.array([1.2, 0.9, 0.5])
    gradients = np.array([np.diag(factors**k) for k in range(13)])
    assert exponents(gradients) == pytest.approx(np.log(factors))


def test_every_noise_has_a_row_of_panels_with_its_own_critical_gain():
    experiment = DrivenRnn()
    rows = measured(experiment, cell=["rnn"], noise=[0.05, 0.25], hidden_size=[32], lags=[4])
    with style.context():
        (figure,) = experiment.figures(rows, list(verdicts(experiment, rows).values()))
    titles = [axes.get_title() for axes in figure.figure.axes[1::2]]
    assert titles == ["vanishing below gain 1.327 (dotted)", "vanishing below gain 1.550 (dotted)"]


def test_every_cell_has_a_row_of_panels():
    experiment = DrivenRnn()
    rows = measured(experiment, hidden_size=[32], lags=[4])
    with style.context():
        (figure,) = experiment.figures(rows, list(verdicts(experiment, rows).values()))
    assert [axes.get_title() for axes in figure.figure.axes] == [
        "rnn, noise variance 0.25, N = 32",
        "vanishing below gain 1.550 (dotted)",
        "ln-rnn, noise variance 0.25, N = 32",
        "vanishing below gain 1.888 (dotted)",
    ]
