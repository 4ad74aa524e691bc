"""Mean-field theory against published values, quadrature by another method, and its own limits."""

import math

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.theory.activations import second_moment, slope_moment
from gradsuite.theory.mean_field import MeanField, Residual, critical_point
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

# activation, sigma_w, sigma_b, q*, chi_1: computed independently, rounded to ten digits.
POINTS = [
    ("tanh", 0.5, 0.3, 0.1134092225, 0.2085367000),
    ("tanh", 0.9, 0.05, 0.0119749828, 0.7913726212),
    ("tanh", 1.0, 0.05, 0.0371220351, 0.9340590695),
    ("tanh", 1.0, 1.0, 1.4638508911, 0.3988790065),
    ("tanh", 1.5, 0.0, 0.7933540426, 1.1393232250),
    ("tanh", 1.5, 0.05, 0.7983871143, 1.1367077841),
    ("tanh", 2.0, 0.0, 2.1214735682, 1.3626733375),
    ("tanh", 4.0, 0.0, 12.5006010101, 2.3768015838),
    ("sigmoid", 1.0, 0.0, 0.2646868752, 0.0557207068),
    ("sigmoid", 4.0, 0.0, 5.8554035644, 0.3988790065),
]


@pytest.mark.parametrize(("activation", "sigma_w", "sigma_b", "q", "chi"), POINTS)
def test_golden_points(activation, sigma_w, sigma_b, q, chi):
    field = MeanField(activation, sigma_w, sigma_b)
    # Half a unit of the tenth digit, well inside 1e-9.
    assert field.fixed_point() == pytest.approx(q, abs=6e-11)
    assert field.chi_1 == pytest.approx(chi, abs=6e-11)


@pytest.mark.parametrize(
    ("sigma_b_squared", "sigma_w_squared", "q"),
    [(0.01, 1.42420529, 0.27330091), (0.05, 1.76095464, 0.57004788), (1.0, 3.44321091, 3.03639639)],
)
def test_tanh_critical_line(sigma_b_squared, sigma_w_squared, q):
    sigma_w, fixed_point = critical_point("tanh", math.sqrt(sigma_b_squared))
    assert sigma_w**2 == pytest.approx(sigma_w_squared, abs=6e-9)
    assert fixed_point == pytest.approx(q, abs=6e-9)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("sigma_b", [0.0, 0.3, 2.0])
def test_the_critical_line_is_where_the_fixed_point_neither_shrinks_nor_grows_gradients(activation, sigma_b):
    sigma_w, q = critical_point(activation, sigma_b)
    field = MeanField(activation, sigma_w, sigma_b)
    # Without biases tanh's q* = 0 is reached as the square root of rounding only.
    assert field.fixed_point() == pytest.approx(q, rel=1e-6, abs=1e-7)
    assert field.chi_1 == pytest.approx(1.0, abs=1e-7)


def test_piecewise_linear_activations_are_critical_at_one_gain():
    assert critical_point("relu", 0.0) == (pytest.approx(math.sqrt(2.0)), 1.0)
    assert critical_point("identity", 0.5) == (1.0, math.inf)


@pytest.mark.parametrize(("depth", "product"), [(10, 0.140028), (50, 0.030258), (100, 0.015209)])
def test_critical_tanh_decays_like_a_product(depth, product):
    field = MeanField("tanh", 1.0)
    assert field.gradient_product(field.next_variance(1.0), depth) == pytest.approx(product, abs=6e-7)


def test_the_product_decays_like_three_halves_over_depth():
    field = MeanField("tanh", 1.0)
    # To first order chi(q_l) = 1 - 2 q_l and q_l = 1 / (2 l): the product is proportional to 1 / L.
    assert 1000 * field.gradient_product(field.next_variance(1.0), 1000) == pytest.approx(1.523, abs=0.002)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("q", [1e-8, 0.3, 5.0, 4000.0])
def test_quadrature_agrees_with_an_adaptive_rule(activation, q):
    phi = np.tanh if activation == "tanh" else lambda x: 1.0 / (1.0 + np.exp(-x))
    slope = {"tanh": lambda x: 1.0 - np.tanh(x) ** 2, "sigmoid": lambda x: phi(x) * (1.0 - phi(x))}[activation]

    def adaptive(f):
        def integrand(z):
            return f(math.sqrt(q) * z) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

        edge = min(10.0, 20.0 / math.sqrt(q))  # where the activation bends
        parts = [
            quad(integrand, a, b, epsabs=1e-14, limit=500)[0] for a, b in ((-10, -edge), (-edge, edge), (edge, 10))
        ]
        return math.fsum(parts)

    assert second_moment(activation, q) == pytest.approx(adaptive(lambda x: phi(x) ** 2), abs=1e-11)
    for power in (2, 4):
        assert slope_moment(activation, q, power) == pytest.approx(
            adaptive(lambda x, p=power: slope(x) ** p), abs=1e-11
        )


@given(
    activation=st.sampled_from(["tanh", "sigmoid"]),
    sigma_w=st.floats(0.01, 100.0),
    sigma_b=st.floats(0.0, 10.0),
)
def test_fixed_points_are_fixed_and_attract(activation, sigma_w, sigma_b):
    field = MeanField(activation, sigma_w, sigma_b)
    q = field.fixed_point()
    assert field.next_variance(q) == pytest.approx(q, rel=1e-12, abs=1e-300)
    above = q * 1.01 + 1e-6
    assert field.next_variance(above) < above


def test_sigmoid_never_keeps_more_than_a_sixteenth():
    for sigma_w in (0.1, 1.0, 5.0, 50.0):
        assert MeanField("sigmoid", sigma_w).chi_1 <= sigma_w**2 / 16


@pytest.mark.parametrize(
    ("activation", "sigma_w", "sigma_b", "start", "expected"),
    [
        ("tanh", 1.0, 0.0, 1.0, 0.0),
        ("tanh", 0.3, 0.0, 1.0, 0.0),
        ("relu", 1.0, 0.5, 1.0, 0.5),
        ("relu", math.sqrt(2.0), 0.0, 0.7, 0.7),
        ("relu", math.sqrt(2.0), 0.1, 0.7, math.inf),
        ("identity", 0.5, 3.0, 1.0, 12.0),
        ("identity", 1.1, 0.0, 1.0, math.inf),
    ],
)
def test_fixed_points_in_closed_form(activation, sigma_w, sigma_b, start, expected):
    assert MeanField(activation, sigma_w, sigma_b).fixed_point(start) == pytest.approx(expected)


def test_depth_scale():
    assert MeanField("relu", 1.0).depth_scale == pytest.approx(1.0 / math.log(2.0))
    assert MeanField("relu", 2.0).depth_scale < 0.0
    assert MeanField("tanh", 1.0).depth_scale == math.inf
    assert MeanField("tanh", 0.0).depth_scale == 0.0


@pytest.mark.parametrize(("activation", "expected"), [("identity", 2.0), ("relu", 5.0)])
def test_log_variance_of_linear_and_relu(activation, expected):
    assert MeanField(activation, 1.3).log_variance(100, 1.0) == pytest.approx(expected / 100)


def test_small_signals_of_the_standard_heuristic():
    # U(+-1/sqrt n) has N Var W = 1/3 (Glorot & Bengio 2010): chi is 1/3 for tanh around zero, 1/6 for relu.
    sigma_w = math.sqrt(1.0 / 3.0)
    assert MeanField("tanh", sigma_w).chi_1 == pytest.approx(1 / 3)
    assert MeanField("relu", sigma_w).chi_1 == pytest.approx(1 / 6)


@pytest.mark.parametrize("arguments", [("tan", 1.0), ("tanh", -1.0), ("tanh", math.nan), ("relu", 1.0, 1001.0)])
def test_what_cannot_be_had_is_said_in_one_line(arguments):
    with pytest.raises(UserError) as error:
        MeanField(*arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("activation", "phi"), [("tanh", np.tanh), ("relu", lambda z: np.maximum(z, 0.0))])
def test_residual_layers_grow_as_samples_do(activation, phi):
    """States of independent units: what a layer adds is independent of what it reads."""
    network = Residual(MeanField(activation, 1.5, 0.5))
    rng = np.random.default_rng(0)
    h = rng.standard_normal(1_000_000)
    for _, (mean, square) in zip(range(4), network.moments(0.0, 1.0), strict=False):
        assert h.mean() == pytest.approx(mean, abs=4e-3 * square**0.5)
        assert (h**2).mean() == pytest.approx(square, rel=1e-2)
        h = h + phi(network.variance((h**2).mean()) ** 0.5 * rng.standard_normal(len(h)))


def test_linear_residual_layers_multiply_by_one_more():
    network = Residual(MeanField("identity", 2.0, 0.0))
    assert network.factors(1.0, 3) == [5.0, 5.0, 5.0]
    # Of one layer: delta + W^T delta, four times the variance of <delta, W^T delta> and that of |W^T delta|^2, by 5^2.
    assert network.log_variance(100, 5.0, 1.0) == pytest.approx((4 * 4 / 100 + 16 * 2 / 100) / 25)
