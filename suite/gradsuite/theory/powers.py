"""Powers of a matrix: what a linear RNN, h_t = W h_(t-1) + ..., multiplies gradients by, dh_T/dh_t = W^(T-t)."""

import numpy as np


def norms(weight: np.ndarray, count: int) -> np.ndarray:
    """Return sigma_max(W^k) for k = 0 ... count, of W (N, N)."""
    power, norms = np.eye(len(weight)), [1.0]
    for _ in range(count):
        power = power @ weight
        norms.append(float(np.linalg.norm(power, 2)))
    return np.array(norms)


def jordan_norms(eigenvalue: float, coupling: float, count: int) -> np.ndarray:
    """Return sigma_max(W^k) for k = 0 ... count, of W = [[a, c], [0, a]] with a > 0, in closed form.

    W^k = a^(k-1) [[a, k c], [0, a]], whose singular values have the product a^2k and the difference k |c| a^(k-1).
    """
    k = np.arange(count + 1)
    half = k * abs(coupling) / 2.0
    return eigenvalue ** (k - 1.0) * (half + np.hypot(half, eigenvalue))


def jordan_excess(eigenvalue: float, coupling: float, k: np.ndarray) -> np.ndarray:
    """Return the most by which ln sigma_max(W^k) / k is above ln a: sigma_max(W^k) <= a^k + k |c| a^(k-1)."""
    return np.log1p(k * abs(coupling) / eigenvalue) / k


def excess(weight: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Return the most by which ln sigma_max(W^k) / k is above ln rho(W): ln cond(V) / k for W = V D V^-1.

    It is never below (Gelfand 1941), and equal for orthogonal eigenvectors, those of a normal W.
    """
    return np.log(np.linalg.cond(np.linalg.eig(weight)[1])) / k


def rounding(norms: np.ndarray, width: int, eps: float) -> np.ndarray:
    """Return the relative error of sigma_max(W^k), k = 0 ... count, when W^k is multiplied up step by step.

    Step j rounds sums of `width` products, sqrt(width) eps sigma_max(W) sigma_max(W^(j-1)), and the k - j steps that
    follow scale that by at most sigma_max(W^(k-j)): k sqrt(width) eps for a normal W, and more where powers cancel.
    The decomposition into singular values rounds once more.
    """
    steps = np.convolve(norms, norms)[: len(norms) - 1]  # over j = 1 ... k of sigma_max(W^(j-1)) sigma_max(W^(k-j))
    return np.sqrt(width) * eps * (1.0 + norms[1] * np.concatenate([[0.0], steps]) / norms)
