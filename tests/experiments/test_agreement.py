"""Agreement: claims that hold and bite; the twin against the oracle; the slope of a known exponential."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import Initialisation, initialise
from gradsuite.report import style
from gradsuite_experiments.agreement.experiment import GAINS, Agreement, growth, twin
from gradsuite_experiments.common.networks import driven

from tests.experiments.laboratory import Fault, measured, not_biting, states, weights

WEIGHTS = Fault("recurrent weights wrong in the fifth digit", parameters=weights(1 + 1e-4, only="weight_hh"))
GRADIENTS = Fault("state gradients wrong in the fourth digit", gradients=states(lambda g: g * (1 + 1e-3)))
HALF = Fault("recurrent weights half as large", parameters=weights(0.5, only="weight_hh"))
FAULTS = {
    "Below criticality states differ from exact ones by rounding, however long the sequence.": WEIGHTS,
    "Below criticality state gradients differ by at most sqrt(lag) times a step's rounding.": GRADIENTS,
    **{
        f"Above criticality, gain {gain:g}: the distance of states grows at the Lyapunov rate.": HALF
        for gain in GAINS[2:]
    },
}


def test_every_claim_holds_and_bites():
    assert not_biting(Agreement(), FAULTS) == []


def test_the_twin_is_the_oracle():
    T, B, N = 6, 2, 3
    model = Model("rnn", N, N, N, readout="all", loss="inner_product")
    network = driven(initialise(model, Initialisation("normal")), 1.2, 0.1)
    network |= {"readout.weight": np.eye(N), "readout.bias": np.zeros(N)}
    targets = np.zeros((T, B, N))
    targets[-1] = 1.0
    batch = Batch(np.random.default_rng(0).standard_normal((T, B, N)), targets)
    found, gradients = twin(network, batch)
    answer = differentiate(model, network, batch)
    np.testing.assert_allclose(found[-1].astype(float), answer.outputs[-1], rtol=1e-13)
    np.testing.assert_allclose(gradients.astype(float), answer.states[:, 0], rtol=1e-13)


def test_growth_is_the_slope_between_rounding_and_saturation():
    distances = np.minimum(1e-16 * np.exp(0.3 * np.arange(200)), 0.5)
    assert growth(distances, "float64") == pytest.approx(0.3)
    assert np.isnan(growth(np.full(50, 0.5), "float64"))


def test_the_figure_has_a_row_for_each_precision():
    with style.context():
        (one,) = Agreement().figures(measured(Agreement(), dtype=["float64"], hidden_size=[16]))
        (two,) = Agreement().figures(measured(Agreement(), WEIGHTS, hidden_size=[16]))
    assert (len(one.figure.axes), len(two.figure.axes)) == (2, 4)
    assert "not those of rounding" in two.figure.get_suptitle()
