"""Cells whose Jacobian is diagonal: what each step multiplies a unit's gradient by, written out in NumPy.

Gates that see inputs alone leave the state linear, with factors of its own for each unit. So do those of an LSTM or GRU
without recurrent weights.
"""

from collections.abc import Callable, Mapping

import numpy as np
from gradsuite.cells import Parameter, find
from gradsuite.parameters import Parameters
from scipy.special import expit

from gradsuite_experiments.common.networks import silent


def weights_between(cell: str) -> Parameter | None:
    """Return the matrix that maps a cell's states to its states; None where there is none."""
    return next((p for p in find(cell).parameters(1, 1).values() if p.between_states), None)


def without_recurrence(cell: str, network: Parameters) -> Parameters:
    """Return the network with its matrices between states zero."""
    for name, parameter in find(cell).parameters(1, 1).items():
        network = silent(network, name) if parameter.between_states else network
    return network


def gates(network: Parameters, inputs: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the pre-activations of `count` gates, (T, H) each, from the inputs alone."""
    biases = sum(network[name] for name in ("bias_ih_l0", "bias_hh_l0") if name in network)
    return np.split(inputs @ network["weight_ih_l0"].T + biases, count, axis=1)


def lstm(network: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return f."""
    return expit(gates(network, inputs, 4)[1])


def gru(network: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return z."""
    return expit(gates(network, inputs, 3)[1])


def coupled(network: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return f."""
    return expit(gates(network, inputs, 3)[0])


def peephole(network: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return dc'/dc = f + c df/dc + tanh(g) di/dc: a peephole is a path through its gate."""
    of_i, of_f, of_g, _ = gates(network, inputs, 4)
    to_i, to_f, _ = np.split(network["weight_ch_l0"], 3)
    c, factors = np.zeros(len(to_i)), []
    for zi, zf, g in zip(of_i, of_f, np.tanh(of_g), strict=True):
        i, f = expit(zi + to_i * c), expit(zf + to_f * c)
        factors.append(f + c * f * (1 - f) * to_f + g * i * (1 - i) * to_i)
        c = f * c + i * g
    return np.array(factors)


def normalised_lstm(network: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return f, of normalised inputs."""
    a = inputs @ network["weight_ih_l0"].T
    centred = a - a.mean(axis=1, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    return expit(np.split(network["norm_ih_l0"] * normal + network["bias_l0"], 4, axis=1)[1])


def mingru(network: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return 1 - z."""
    return expit(-gates(network, inputs, 2)[0])


def minlstm(network: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return f / (f + i)."""
    f, i, _ = gates(network, inputs, 3)
    return expit(f) / (expit(f) + expit(i))


def lru(network: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return |lambda|, of both parts of a state."""
    moduli = np.exp(-np.exp(network["nu_log_l0"]))
    return np.tile(moduli, (len(inputs), 2))


FACTORS: Mapping[str, Callable[[Parameters, np.ndarray], np.ndarray]] = {
    "lstm": lstm,
    "gru": gru,
    "coupled": coupled,
    "peephole": peephole,
    "ln-lstm": normalised_lstm,
    "mingru": mingru,
    "minlstm": minlstm,
    "lru": lru,
}
PASSED = {  # what the singular values are products of
    "lstm": "f",
    "gru": "z",
    "coupled": "f",
    "peephole": "f + c df/dc + tanh(g) di/dc",
    "ln-lstm": "f",
    "mingru": "1 - z",
    "minlstm": "f / (f + i)",
}


def kept(cell: str, network: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return, by lag, the products of the last steps' factors, (T, states), from the inputs (T, I)."""
    factors = FACTORS[cell](network, inputs)
    return np.cumprod(np.concatenate([np.ones_like(factors[:1]), factors[:0:-1]]), axis=0)
