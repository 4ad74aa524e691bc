"""Networks whose truncated gradients have a law: units that keep a share a of their state, and driven tanh RNNs.

With no weights between units, an RNN is h_t = a h_(t-1) + x in each of them, an LSTM's cell state c_t = f c_(t-1) + i g
and a GRU h_t = z h_(t-1) + (1 - z) n: one linear recurrence, whose factor is the weight, sigma(b_f) or sigma(b_z).
"""

from typing import NamedTuple

import numpy as np
from gradsuite.model import GATES, Model, parameter_shapes
from gradsuite.parameters import KEEP_GATE, Initialisation, Parameters
from gradsuite.precision import rounded
from scipy.special import logit

from gradsuite_experiments.common.networks import driven
from gradsuite_experiments.common.sweep import draws
from gradsuite_experiments.truncation.laws import CANDIDATE, GAINS, LAWS, NOISE, SMALL


class Member(NamedTuple):
    """A random network and, if it is driven by noise, its regime."""

    regime: str
    parameters: Parameters


def model(cell: str, size: int) -> Model:
    """Return the model of all networks of a cell: the loss is the sum of the last state, averaged over the batch."""
    return Model(cell, size, size, readout="none", loss="inner_product")


def random_networks(cell: str, size: int, seeds: int, dtype: str = "float64") -> list[Member]:
    """Return `seeds` random networks in numbers of `dtype`; for `rnn` as many per regime, driven by noise."""
    networks = draws(model(cell, size), Initialisation("normal"), seeds)
    if cell != "rnn":
        members = [Member("", network) for network in networks]
    else:
        members = [
            Member(regime, driven(network, gain, NOISE)) for regime, gain in GAINS.items() for network in networks
        ]
    return [Member(regime, {name: rounded(p, dtype) for name, p in network.items()}) for regime, network in members]


def linear_units(cell: str, size: int) -> Parameters:
    """Return a network of units that see neither each other nor the inputs, each with its own factor."""
    parameters = {name: np.zeros(shape) for name, shape in parameter_shapes(model(cell, size)).items()}
    bias = parameters["bias_ih_l0"].reshape(GATES[cell], size)
    bias[CANDIDATE[cell]] = SMALL
    factors = LAWS[cell].factors(size)
    if cell == "rnn":
        np.fill_diagonal(parameters["weight_hh_l0"], factors)
    else:
        bias[KEEP_GATE[cell]] = logit(factors)
    return parameters
