"""Agreement: claims that hold and bite; the twin against the oracle; the slope of a known exponential."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import Initialisation, initialise
from gradsuite.report import style
from gradsuite_experiments.agreement.experiment import Agreement
from gradsuite_experiments.agreement.laws import growth
from gradsuite_experiments.agreement.twin import twin
from gradsuite_experiments.common.networks import driven

from tests.experiments.laboratory import RIGHT, Fault, measured, not_biting, states, verdicts, weights

WEIGHTS = Fault("recurrent weights wrong in the fifth digit", parameters=weights(1 + 1e-4, only="weight_hh"))
GRADIENTS = Fault("state gradients wrong in the fourth digit", gradients=states(lambda g: g * (1 + 1e-3)))
HALF = Fault("recurrent weights half as large", parameters=weights(0.5, only="weight_hh"))
FAULTS = {
    "agreement/states": WEIGHTS,
    "agreement/state-gradients": GRADIENTS,
    "agreement/lyapunov/2": HALF,
    "agreement/lyapunov/3": HALF,
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
    exact, gradients = twin(network, batch)
    answer = differentiate(model, network, batch)
    np.testing.assert_allclose(exact[-1].astype(float), answer.outputs[-1], rtol=1e-13)
    np.testing.assert_allclose(gradients.astype(float), answer.states[:, 0], rtol=1e-13)


def test_growth_is_the_slope_between_rounding_and_saturation():
    distances = np.minimum(1e-16 * np.exp(0.3 * np.arange(200)), 0.5)
    assert growth(distances, "float64") == pytest.approx(0.3)
    assert np.isnan(growth(np.full(50, 0.5), "float64"))


def test_the_figure_has_a_row_for_each_precision():
    experiment, axes, titles = Agreement(), [], []
    for fault, dtypes in ((RIGHT, ["float64"]), (WEIGHTS, ["float64", "float32"])):
        rows = measured(experiment, fault, dtype=dtypes, hidden_size=[16])
        with style.context():
            (figure,) = experiment.figures(rows, list(verdicts(experiment, rows).values()))
        axes.append(len(figure.figure.axes))
        titles.append(figure.figure.get_suptitle())
    assert axes == [2, 4]
    assert "not those of rounding" in titles[1]
