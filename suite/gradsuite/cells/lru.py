"""The linear recurrent unit (Orvieto et al. 2023): a diagonal complex recurrence, stable whatever its parameters."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradsuite.cells.cell import Array
from gradsuite.cells.linear import Coefficients, Linear
from gradsuite.cells.parameter import Parameter, Shape

R_MIN, R_MAX = 0.0, 1.0  # the ring that eigenvalues start in: the paper's defaults
MAX_PHASE = 2 * np.pi


def ring(rng: np.random.Generator, shape: Shape, before: Mapping[str, Any]) -> np.ndarray:
    """Return ln(-ln|lambda|) of eigenvalues uniform on the ring (lemma 3.2)."""
    return np.log(-0.5 * np.log(rng.uniform(size=shape) * (R_MAX**2 - R_MIN**2) + R_MIN**2))


def phase(rng: np.random.Generator, shape: Shape, before: Mapping[str, Any]) -> np.ndarray:
    """Return ln of a uniform phase."""
    return np.log(MAX_PHASE * rng.uniform(size=shape))


def normaliser(rng: np.random.Generator, shape: Shape, before: Mapping[str, Any]) -> np.ndarray:
    """Return ln gamma with gamma = sqrt(1 - |lambda|^2), under which the state's size is that of B u (sec. 3.4)."""
    return 0.5 * np.log1p(-np.exp(-2 * np.exp(before["nu_log"])))


class LRU(Linear):
    """s' = lambda s + gamma B x with lambda = exp(-exp(nu) + i exp(theta)), and y = phi(Re(C s') + D x).

    s is complex: its real and imaginary parts are the states `h` and `c`. With `identity` for phi this is the paper's
    layer, whose nonlinearity is the block that it stands in.
    """

    name = "lru"
    source = "Orvieto et al. 2023"
    states = ("h", "c")
    activations = ("tanh", "relu", "identity")

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return nu_log, theta_log and gamma_log (H), B (H, I) and C (H, H) by their parts, and D (H, I)."""
        read, written = Parameter((units, inputs), 2 * inputs), Parameter((units, units), 2 * units)
        return {
            "nu_log": Parameter((units,), units, start=ring),
            "theta_log": Parameter((units,), units, start=phase),
            "gamma_log": Parameter((units,), units, start=normaliser),
            "B_re": read,
            "B_im": read,
            "C_re": written,
            "C_im": written,
            "D": Parameter((units, inputs), inputs),
        }

    def recurrence(self, xp: Any, p: Any, x: Array) -> Coefficients:
        """Return lambda and gamma B x."""
        modulus, angle, gamma = xp.exp(-xp.exp(p.nu_log)), xp.exp(p.theta_log), xp.exp(p.gamma_log)
        eigenvalues = modulus * xp.cos(angle), modulus * xp.sin(angle)
        return eigenvalues, (gamma * xp.linear(x, p.B_re), gamma * xp.linear(x, p.B_im))

    def output(self, xp: Any, p: Any, x: Array, re: Array, im: Array) -> Array:
        """Return y."""
        return xp.phi(xp.linear(re, p.C_re) - xp.linear(im, p.C_im) + xp.linear(x, p.D))
