"""Networks that show what a linear recurrence does: eigenvalues on a ring, or one for all; gates driven by noise.

Sequences of white noise that are an orthonormal basis, times sqrt(T), have the noise's second moments exactly: what is
linear in them has the mean square of the law, not only nearly.
"""

import math
from typing import Any

import numpy as np
from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.parameters import Parameters
from gradsuite.settings import Settings

from gradsuite_experiments.common.sweep import orthonormal

PHASES = 2.0 * math.pi
NO_PHASE = -800.0  # ln of an angle that is zero in every dtype
SHAPE: dict[str, Any] = {"readout": "none", "loss": "inner_product"}


def moduli(settings: "Settings | Any", seed: int) -> np.ndarray:
    """Return the moduli of one network's eigenvalues, (H), uniform on the ring, in order."""
    shares = np.random.default_rng([seed, 0]).uniform(size=settings["hidden_size"])
    a, b = settings["r_min"] ** 2, settings["r_max"] ** 2
    return np.sort(np.sqrt(a + (b - a) * shares))


def ring(settings: Settings, seed: int, *, gamma: bool) -> list[Parameters]:
    """Return one network twice, its outputs the real and the imaginary parts of its states; all read one input."""
    radius = moduli(settings, seed)
    phases = np.random.default_rng([seed, 1]).uniform(0.0, PHASES, len(radius))
    zero, one = np.zeros((len(radius), len(radius))), np.eye(len(radius))
    normalised = 0.5 * np.log1p(-(radius**2)) if gamma else np.zeros_like(radius)
    network = lru(np.log(-np.log(radius)), np.log(phases), normalised, np.ones((len(radius), 1)))
    return [network | {"C_re_l0": re, "C_im_l0": im} for re, im in ((one, zero), (zero, -one))]


def alike(eigenvalue: float, size: int) -> Parameters:
    """Return a network of units that all have one real eigenvalue, each with an input of its own."""
    nu, none = np.full(size, math.log(-math.log(eigenvalue))), np.zeros(size)
    network = lru(nu, np.full(size, NO_PHASE), none, np.eye(size))
    return network | {"C_re_l0": np.eye(size), "C_im_l0": np.zeros((size, size))}


def lru(nu: np.ndarray, theta: np.ndarray, gamma: np.ndarray, read: np.ndarray) -> Parameters:
    """Return the parameters of an LRU but for C: its input weights are real, and it has no direct path."""
    vectors = {"nu_log_l0": nu, "theta_log_l0": theta, "gamma_log_l0": gamma}
    return {**vectors, "B_re_l0": read, "B_im_l0": np.zeros_like(read), "D_l0": np.zeros_like(read)}


def basis(steps: int) -> np.ndarray:
    """Return T sequences of T steps that are white noise exactly, (T, sequences)."""
    return math.sqrt(steps) * orthonormal(np.random.default_rng(0), steps, steps).T


def noise_for_all(settings: Settings) -> tuple[Model, Batch]:
    """Return a network's model and the basis as a batch, one sequence an example."""
    T, H = settings["length"], settings["hidden_size"]
    return Model("lru", 1, H, activation="identity", **SHAPE), Batch(basis(T)[:, :, None], np.ones((T, H)))


def noise_for_each(steps: int) -> tuple[Model, Batch]:
    """Return a network's model and the basis as one example, one sequence a unit."""
    model = Model("lru", steps, steps, activation="identity", **SHAPE)
    return model, Batch(basis(steps)[:, None, :], np.ones((1, steps)))


def driven_gates(settings: Settings, biases: tuple[float, ...], noise: float) -> tuple[Model, Parameters, Batch]:
    """Return a network whose gates, but for the candidate's, are noise of this deviation around their biases."""
    H, T, size = settings["hidden_size"], settings["length"], 8 * settings["seeds"]
    gates = len(biases)
    model = Model(settings["cell"], gates * H, H, **SHAPE)
    weights = np.zeros(((gates + 1) * H, gates * H))
    weights[: gates * H] = noise * np.eye(gates * H)
    network = {"weight_ih_l0": weights, "bias_ih_l0": np.repeat([*biases, 0.0], H)}
    inputs = np.random.default_rng(0).standard_normal((T, size, gates * H))
    return model, network, Batch(inputs, np.ones((size, H)))
