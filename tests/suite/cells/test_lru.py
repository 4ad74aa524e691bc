"""The linear recurrent unit: its complex recurrence, its first values, and two published laws of its states."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.cells import lru
from gradsuite.comparator import compare
from gradsuite.model import Model
from gradsuite.oracle import evaluate, slopes_by_example
from gradsuite.parameters import initialise

R_MIN, R_MAX = 0.4, 0.9  # an inner ring: with the paper's r_max = 1 the mean of |x|^2 without gamma is infinite


@pytest.fixture
def inner_ring(monkeypatch):
    monkeypatch.setattr(lru, "R_MIN", R_MIN)
    monkeypatch.setattr(lru, "R_MAX", R_MAX)


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
def test_it_is_a_complex_recurrence(activation):
    phi = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "identity": np.copy}[activation]
    model = Model("lru", 3, 5, activation=activation, readout="none")
    rng = np.random.default_rng(0)
    parameters = {name: p + 0.3 * rng.standard_normal(p.shape) for name, p in initialise(model).items()}
    x = rng.standard_normal((7, 4, 3))
    p = {name.removesuffix("_l0"): value for name, value in parameters.items()}
    eigenvalues = np.exp(-np.exp(p["nu_log"]) + 1j * np.exp(p["theta_log"]))
    read, written = p["B_re"] + 1j * p["B_im"], p["C_re"] + 1j * p["C_im"]
    s = np.zeros((4, 5), complex)
    for now in x:
        s = eigenvalues * s + np.exp(p["gamma_log"]) * (now @ read.T)
    expected = phi((s @ written.T).real + x[-1] @ p["D"].T)
    _, found = evaluate(model, parameters, Batch(x, np.zeros((4, 5))))
    # A hundred roundings in float64; phases of a few turns, whose sine is off by as many units as they have radians.
    assert compare(found, expected).within(1e-13)


def moduli(parameters):
    return np.exp(-np.exp(parameters["nu_log_l0"]))


@pytest.mark.parametrize("seed", range(3))
def test_eigenvalues_start_inside_the_unit_circle_and_gamma_normalises_exactly(seed):
    parameters = initialise(Model("lru", 2, 50, readout="none"), seed=seed)
    radius, gamma = moduli(parameters), np.exp(parameters["gamma_log_l0"])
    assert ((radius > 0) & (radius < 1)).all()
    angle = np.exp(parameters["theta_log_l0"])
    assert ((angle > 0) & (angle < 2 * np.pi)).all()
    # Both sides of gamma^2 + |lambda|^2 = 1 are exponentials of numbers of order 10: ten roundings of each.
    np.testing.assert_allclose(gamma**2 + radius**2, 1.0, rtol=0, atol=20 * np.finfo(float).eps)


def test_eigenvalues_are_uniform_on_the_ring(inner_ring):
    """Lemma 3.2: |lambda|^2 is uniform between the squares of the radii."""
    count = 100_000
    radius = np.exp(-np.exp(lru.ring(np.random.default_rng(0), (count,), {})))
    assert radius.min() >= R_MIN
    assert radius.max() <= R_MAX
    share = (radius**2 - R_MIN**2) / (R_MAX**2 - R_MIN**2)
    # Kolmogorov's distance of `count` draws is above 2.2 / sqrt(count) once in 8000 times.
    assert np.abs(np.sort(share) - np.arange(count) / count).max() < 2.2 / count**0.5


def proposition_3():
    """E|x|^2 / E|Bu|^2 without gamma (Orvieto et al. 2023): the mean of 1 / (1 - |lambda|^2) over the ring."""
    return np.log((1 - R_MIN**2) / (1 - R_MAX**2)) / (R_MAX**2 - R_MIN**2)


def test_the_ring_has_the_mean_of_proposition_3(inner_ring):
    count = 100_000
    found = 1 / (1 - np.exp(-2 * np.exp(lru.ring(np.random.default_rng(1), (count,), {}))))
    # E (1 - r)^-2 over r uniform on (a, b) is 1 / ((1 - a)(1 - b)): five standard deviations of the mean.
    variance = 1 / ((1 - R_MIN**2) * (1 - R_MAX**2)) - proposition_3() ** 2
    assert abs(found.mean() - proposition_3()) < 5 * (variance / count) ** 0.5


def sizes_of_states(*, gamma):
    """Return |s|^2 of every unit and sequence after white noise, B being the identity, and 1 / (1 - |lambda|^2)."""
    units, size, steps = 200, 200, 80  # what is left of the first step is .81^80 = 5e-8
    model = Model("lru", units, units, activation="identity", readout="none")
    parameters = initialise(model, seed=2)
    x = np.random.default_rng(3).standard_normal((steps, size, units))
    one, zero = np.eye(units), np.zeros((units, units))
    parameters |= {"B_re_l0": one, "B_im_l0": zero, "D_l0": zero}
    if not gamma:
        parameters["gamma_log_l0"] = np.zeros(units)

    def part(c_re, c_im):
        return evaluate(model, parameters | {"C_re_l0": c_re, "C_im_l0": c_im}, Batch(x, np.zeros((size, units))))[1]

    return part(one, zero) ** 2 + part(zero, -one) ** 2, 1 / (1 - moduli(parameters) ** 2)


def test_states_have_the_size_of_proposition_3(inner_ring):
    squares, of_units = sizes_of_states(gamma=False)
    # s is normal: the variance of |s|^2 is at most 2 (E|s|^2)^2, reached where lambda is real; the mean of (E|s|^2)^2
    # over the ring is 1 / ((1 - a)(1 - b)). So much from the noise, and as much as above from the units' eigenvalues.
    second = 1 / ((1 - R_MIN**2) * (1 - R_MAX**2))
    noise, ring = 2 * second / squares.size, (second - proposition_3() ** 2) / of_units.size
    assert abs(squares.mean() - of_units.mean()) < 5 * noise**0.5
    assert abs(squares.mean() - proposition_3()) < 5 * (noise + ring) ** 0.5


def test_gamma_gives_states_the_size_of_what_is_read(inner_ring):
    squares, _ = sizes_of_states(gamma=True)
    assert abs(squares.mean() - 1) < 5 * (2 / squares.size) ** 0.5
    # Of each unit too, whatever its eigenvalue: of 200, none is five standard deviations off.
    assert np.abs(squares.mean(axis=0) - 1).max() < 5 * (2 / len(squares)) ** 0.5


def test_sensitivity_to_an_eigenvalue_grows_as_zucchet_and_orvieto_say():
    """E h^2 = 1/(1 - l^2), and E (dh/dl)^2 = (1 + l^2)/(1 - l^2)^3 = 263.89 at l = .9 (Zucchet & Orvieto 2024)."""
    eigenvalue, steps, size = 0.9, 300, 20_000  # .9^600 300^2 = 3e-23 is left out
    model = Model("lru", 1, 1, activation="identity", readout="none", loss="inner_product")
    nu = np.log(-np.log(eigenvalue))
    values = {"nu_log": nu, "theta_log": -800.0, "gamma_log": 0.0, "B_re": 1, "B_im": 0, "C_re": 1, "C_im": 0, "D": 0}
    shapes = {name: p.shape for name, p in initialise(model).items()}
    parameters = {f"{name}_l0": np.full(shapes[f"{name}_l0"], float(value)) for name, value in values.items()}
    u = np.random.default_rng(4).standard_normal((steps, size, 1))
    batch = Batch(u, np.ones((size, 1)))
    _, h = evaluate(model, parameters, batch)
    # The loss is the batch's mean: each example's share is one of `size`. And dl/dnu = l ln l.
    by_nu = size * slopes_by_example(model, parameters, batch, "nu_log_l0", np.ones(1))
    by_eigenvalue = by_nu / (eigenvalue * np.log(eigenvalue))

    ago = np.arange(steps)[::-1, None]
    exact = (ago * eigenvalue ** (ago - 1.0) * u[..., 0]).sum(axis=0)
    # 300 steps of a few roundings each, carried on as the gradients are: in the root mean square 1e-13 at most.
    assert compare(by_eigenvalue, exact).within(1e-12)
    # Squares of normal numbers: five standard deviations of their mean.
    law = (1 + eigenvalue**2) / (1 - eigenvalue**2) ** 3
    assert round(law, 2) == 263.89
    tolerance = 5 * (2 / size) ** 0.5
    assert abs((by_eigenvalue**2).mean() / law - 1) < tolerance
    assert abs((h**2).mean() * (1 - eigenvalue**2) - 1) < tolerance
