"""Networks whose truncated gradients have a law: units that keep a share a of their state, and driven tanh RNNs.

With no weights between units an RNN is h_t = a h_(t-1) + x in each of them, an LSTM's cell state c_t = f c_(t-1) + i g
and a GRU h_t = z h_(t-1) + (1 - z) n: one linear recurrence, whose factor is the weight, sigma(b_f) or sigma(b_z).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gradsuite.model import GATES, Model, parameter_shapes
from gradsuite.parameters import KEEP_GATE, Initialisation, Parameters
from gradsuite.theory import driven_rnn, linear
from scipy.special import logit

from gradsuite_experiments.common.networks import driven
from gradsuite_experiments.common.sweep import draws

SMALL = 2.0**-60  # what every unit adds in a step: tanh of numbers this small is the identity in every bit
CANDIDATE = {"rnn": 0, "lstm": 2, "gru": 2}  # the gate block that adds it
NOISE = 0.25
GAINS = (0.75, driven_rnn.critical_gain(NOISE), 2.0)  # of the driven RNNs: below, at and above criticality


@dataclass(frozen=True, slots=True)
class Law:
    """The relative bias of one gradient in a linear recurrence: `bias(a, T, k)`.

    A unit's own gradient is on the diagonal of `parameter` where that is a matrix, else in its gate block.
    """

    sentence: str
    parameter: str
    block: int
    largest: float
    bias: Callable[[float, int, int], float]

    def factors(self, size: int) -> np.ndarray:
        """Return the factors a of the units, from 0.05 to the largest."""
        return np.linspace(0.05, self.largest, size)

    def own(self, gradient: np.ndarray, size: int) -> np.ndarray:
        """Return the gradient by each unit's own parameter."""
        return np.diag(gradient) if gradient.ndim == 2 else gradient.reshape(-1, size)[self.block]


LAWS = {
    "rnn": Law(
        "RNN h = a h + x: dh_T/da through k steps is off by a^k times the gradient of T - k steps.",
        "weight_hh_l0", 0, 1.1, linear.truncation_bias,
    ),
    "lstm": Law(
        "LSTM, a = sigma(b_f): dc_T/db_f through k steps is off by a^k times the gradient of T - k steps.",
        "bias_ih_l0", KEEP_GATE["lstm"], 0.98, linear.truncation_bias,
    ),
    "gru": Law(
        "GRU, a = sigma(b_z): dh_T/db_n through k steps is off by (a^k - a^T) / (1 - a^T).",
        "bias_ih_l0", CANDIDATE["gru"], 0.98, linear.input_truncation_bias,
    ),
}  # fmt: skip


def model(cell: str, size: int) -> Model:
    """Return the model of all networks of a cell: the loss is the sum of the last state, averaged over the batch."""
    return Model(cell, size, size, readout="none", loss="inner_product")


def networks(cell: str, size: int, seeds: int) -> list[Parameters]:
    """Return the network that has a law, then random ones: for `rnn` driven by noise, `seeds` of each gain."""
    drawn = draws(model(cell, size), Initialisation("normal"), seeds)
    if cell == "rnn":
        return [linear_units(cell, size), *(driven(network, gain, NOISE) for gain in GAINS for network in drawn)]
    return [linear_units(cell, size), *drawn]


def linear_units(cell: str, size: int) -> Parameters:
    """Return a network of units that do not see each other or the inputs, each with a factor of its own."""
    parameters = {name: np.zeros(shape) for name, shape in parameter_shapes(model(cell, size)).items()}
    bias = parameters["bias_ih_l0"].reshape(GATES[cell], size)
    bias[CANDIDATE[cell]] = SMALL
    factors = LAWS[cell].factors(size)
    if cell == "rnn":
        np.fill_diagonal(parameters["weight_hh_l0"], factors)
    else:
        bias[KEEP_GATE[cell]] = logit(factors)
    return parameters
