"""Critical gains of gated cells: each claim holds, and fails with a fault; what a crossing and a distance are."""

import math

import numpy as np
import pytest
from gradsuite_experiments.critical_gain.experiment import CriticalGain, crossing, distance

from tests.experiments.laboratory import Fault, not_biting, weights

GAIN = Fault("recurrent weights twice as large", parameters=weights(2.0, "weight_hh"))
ROUNDING = Fault("recurrent weights wrong in the tenth digit", parameters=weights(1 + 1e-10, "weight_hh"))
FAULTS = {}
for cell, jacobian, name, critical in (
    ("lstm", "f0 + i0 o0 eig(W_g)", "W_g", {0: "2", 1: "1.07577"}),
    ("gru", "z0 + (1 - z0) r0 eig(W_n)", "W_n", {0: "2", 1: "2"}),
):
    for bias, gain in critical.items():
        subject = f"{cell}, forget bias {bias}"
        FAULTS |= {
            f"{subject}: the eigenvalues of the step's Jacobian are {jacobian}.": ROUNDING,
            f"{subject}, orthogonal {name}: the spectral radius crosses 1 at gain {gain}.": GAIN,
            f"{subject}, Gaussian {name}: the spectral radius crosses 1 at gain {gain}.": GAIN,
            f"{subject}: the mean squared gradient changes by the finite-k law over 1 to 10 steps.": GAIN,
        }


def test_every_claim_holds_and_bites():
    assert not_biting(CriticalGain(), FAULTS) == []


def test_crossing_is_interpolated_and_not_invented():
    assert crossing(np.array([0.8, 0.9, 1.1])) == pytest.approx(1.15)
    assert math.isnan(crossing(np.array([0.7, 0.8, 0.9])))


def test_distance_sees_an_eigenvalue_that_either_spectrum_lacks():
    assert distance(np.array([1.0, 1.0]), np.array([1.0, 3.0])) == 2.0
    assert distance(np.array([1.0, 3.0]), np.array([1.0, 1.0])) == 2.0
