"""Networks that several experiments measure: driven by noise, or with some weights set to zero."""

import math

import numpy as np
from gradsuite.claims import Source
from gradsuite.model import GATES
from gradsuite.parameters import KEEP_GATE, Parameters
from scipy.special import expit

CHEN = Source("Chen, Pennington & Schoenholz 2018, arXiv:1806.05394", checked=False)  # the abstract alone was read
BURN_IN = 25  # steps until the states no longer depend on having started at zero


def driven(network: Parameters, gain: float, noise: float) -> Parameters:
    """Return the network with W_hh times `gain`, each unit reading its own input times sqrt(noise)."""
    size = len(network["weight_hh_l0"])
    inputs = math.sqrt(noise) * np.eye(size, dtype=network["weight_hh_l0"].dtype)
    return {**network, "weight_ih_l0": inputs, "weight_hh_l0": gain * network["weight_hh_l0"]}


def silent(parameters: Parameters, kind: str = "weight") -> Parameters:
    """Return the parameters with those zero whose names start with `kind`."""
    return {name: p * 0.0 if name.startswith(kind) else p for name, p in parameters.items()}


def kept(parameters: Parameters, cell: str, inputs: np.ndarray) -> np.ndarray:
    """Return, by lag, the products of the gates that keep the state, (T, H), from the inputs (T, I) alone."""
    biases = parameters["bias_ih_l0"] + parameters["bias_hh_l0"]
    z = np.split(inputs @ parameters["weight_ih_l0"].T + biases, GATES[cell], axis=1)[KEEP_GATE[cell]]
    return np.cumprod(np.concatenate([np.ones_like(z[:1]), expit(z[:0:-1])]), axis=0)
