"""The initialisers against their laws. Every tolerance is five standard deviations of what is averaged."""

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.model import GATES, Model, parameter_shapes
from gradsuite.parameters import INITIALISERS, Initialisation, initialise
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

WEIGHTS = ["default", *INITIALISERS]
# Relative standard deviation of the mean of n squares: sqrt(E x^4 / E[x^2]^2 - 1) / sqrt(n).
SQUARES_SPREAD = {"normal": 2.0**0.5, "uniform": 0.8**0.5}


def second_moment_is(weight: np.ndarray, expected: float, law: str) -> bool:
    tolerance = 5 * SQUARES_SPREAD[law] / weight.size**0.5
    return (
        abs(np.mean(weight**2) / expected - 1) < tolerance and abs(weight.mean()) < 5 * (expected / weight.size) ** 0.5
    )


def gates(parameters, name: str, cell: str) -> np.ndarray:
    return np.array(np.split(parameters[name], GATES[cell]))


@given(
    cell=st.sampled_from(["mlp", "rnn", "lstm", "gru"]),
    weights=st.sampled_from(WEIGHTS),
    sizes=st.tuples(*[st.integers(1, 20)] * 3),
    layers=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60)
def test_every_initialiser_fills_every_shape_with_the_same_bits_for_the_same_seed(cell, weights, sizes, layers, seed):
    model = Model(cell, *sizes, num_layers=layers)
    first, again = (initialise(model, Initialisation(weights, bias_std=0.5), seed=seed) for _ in range(2))
    assert {name: p.shape for name, p in first.items()} == parameter_shapes(model)
    assert all(p.dtype == np.float64 and np.isfinite(p).all() for p in first.values())
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_another_seed_draws_other_numbers(weights):
    first, second = (initialise(Model("rnn", 3, 20, 2), Initialisation(weights), seed=seed) for seed in (0, 1))
    same = [name for name in first if name.startswith("weight") and np.array_equal(first[name], second[name])]
    assert same == (["weight_hh_l0"] if weights == "identity" else [])


@pytest.mark.parametrize(
    ("weights", "law", "hidden_variance", "input_variance"),
    [
        # H = 120 columns of weight_hh, I = 40 of weight_ih; each gate is a matrix of its own.
        ("default", "uniform", 1 / (3 * 120), 1 / (3 * 120)),
        ("uniform", "uniform", 1 / (3 * 120), 1 / (3 * 40)),
        ("xavier", "uniform", 2 / (120 + 120), 2 / (120 + 40)),
        ("he", "normal", 2 / 120, 2 / 40),
        ("normal", "normal", 1 / 120, 1 / 40),
    ],
)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_variance_of_each_gate_and_gain_on_the_recurrent_weights_alone(
    cell, weights, law, hidden_variance, input_variance
):
    parameters = initialise(Model(cell, 40, 120, 5), Initialisation(weights, gain=1.7))
    for gate in gates(parameters, "weight_hh_l0", cell):
        assert second_moment_is(gate, 1.7**2 * hidden_variance, law)
    for gate in gates(parameters, "weight_ih_l0", cell):
        assert second_moment_is(gate, input_variance, law)


@pytest.mark.parametrize(
    ("weights", "law", "variance"),
    [("default", "uniform", 1 / 3), ("uniform", "uniform", 1 / 3), ("he", "normal", 2), ("normal", "normal", 1)],
)
def test_variance_of_mlp_layers_scales_with_their_columns_and_the_gain(weights, law, variance):
    parameters = initialise(Model("mlp", 50, 100, 60, num_layers=2), Initialisation(weights, gain=0.5))
    assert second_moment_is(parameters["layers.0.weight"], 0.25 * variance / 50, law)
    assert second_moment_is(parameters["layers.1.weight"], 0.25 * variance / 100, law)
    assert second_moment_is(parameters["readout.weight"], variance / 100, law)


def test_the_default_is_uniform_and_has_biases():
    parameters = initialise(Model("lstm", 40, 100, 50))
    bound = 1 / 100**0.5
    for parameter in parameters.values():
        largest = np.abs(parameter).max() / bound
        # n uniform draws all stay below 1 - 20/n with probability e^-20.
        assert 1 - 20 / parameter.size < largest <= 1


@pytest.mark.parametrize("shape", [(30, 30), (40, 15), (15, 40), (1, 6), (1, 1)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape):
    weight = INITIALISERS["orthogonal"](np.random.default_rng(0), shape, 1.5)
    tall = weight if shape[0] >= shape[1] else weight.T
    # Householder QR is orthogonal to n eps in each entry (Higham 2002, theorem 19.4), times gain^2.
    tolerance = 1.5**2 * max(shape) * np.finfo(float).eps
    np.testing.assert_allclose(tall.T @ tall, 1.5**2 * np.eye(min(shape)), rtol=0, atol=tolerance)


def test_orthogonal_is_uniform_over_the_group():
    draw, rng = INITIALISERS["orthogonal"], np.random.default_rng(0)
    traces = [np.trace(draw(rng, (4, 4), 1.0)) for _ in range(400)]
    # Haar on O(n): E tr = 0, E tr^2 = 1, E tr^4 = 3 (Diaconis & Shahshahani 1994); a bare QR has E tr = -.8.
    assert abs(np.mean(traces)) < 5 * 1 / 400**0.5
    assert abs(np.mean(np.square(traces)) - 1) < 5 * 2**0.5 / 400**0.5


def test_identity_is_for_what_maps_states_to_states():
    parameters = initialise(Model("lstm", 5, 3, 2), Initialisation("identity", gain=0.9))
    for gate in gates(parameters, "weight_hh_l0", "lstm"):
        np.testing.assert_array_equal(gate, 0.9 * np.eye(3))
    assert second_moment_is(parameters["weight_ih_l0"], 1 / 5, "normal")
    layers = initialise(Model("mlp", 5, 3, 2), Initialisation("identity"))
    np.testing.assert_array_equal(layers["layers.0.weight"], np.eye(3, 5))


@pytest.mark.parametrize("size", [1, 7, 15, 64])
def test_sparse_has_its_spectral_radius_and_at_most_fifteen_entries_a_row(size):
    weight = initialise(Model("rnn", 2, size, 1), Initialisation("sparse", gain=0.95))["weight_hh_l0"]
    assert (np.count_nonzero(weight, axis=1) == min(15, size)).all()
    # The eigenvalue solver is backward stable, and the largest eigenvalue of these matrices is well conditioned.
    assert max(abs(np.linalg.eigvals(weight))) == pytest.approx(0.95, rel=size**2 * 1e-15)


def test_sparse_that_is_not_square_keeps_its_variance():
    weight = initialise(Model("mlp", 200, 300, 1), Initialisation("sparse", gain=2.0))["layers.0.weight"]
    entries = weight[weight != 0]
    assert entries.size == 300 * 15
    assert second_moment_is(entries, 2.0**2 / 15, "normal")


def test_biases_are_zero_unless_drawn():
    plain = initialise(Model("gru", 3, 400, 2), Initialisation("normal"))
    assert not any(p.any() for name, p in plain.items() if "bias" in name)
    drawn = initialise(Model("gru", 3, 400, 2), Initialisation("normal", bias_std=0.3))
    assert second_moment_is(drawn["bias_ih_l0"], 0.3**2, "normal")
    assert not drawn["bias_hh_l0"].any()
    assert not drawn["readout.bias"].any()


@pytest.mark.parametrize("weights", ["default", "orthogonal"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_two_biases_add_up_to_the_forget_bias_exactly(cell, weights):
    model = Model(cell, 3, 5, 2, num_layers=2)
    plain, forget = (initialise(model, Initialisation(weights, forget_bias=b), seed=4) for b in (None, 1.1))
    for layer in range(2):
        total = gates(forget, f"bias_ih_l{layer}", cell) + gates(forget, f"bias_hh_l{layer}", cell)
        before = gates(plain, f"bias_ih_l{layer}", cell) + gates(plain, f"bias_hh_l{layer}", cell)
        assert (total[1] == 1.1).all()  # f of i f g o, z of r z n
        others = [gate for gate in range(GATES[cell]) if gate != 1]
        np.testing.assert_array_equal(total[others], before[others])


@pytest.mark.parametrize(("k", "published"), [(10, 0.73259), (100, 0.14965)])
def test_chrono_keeps_what_its_integral_says(k, published):
    def expected(power: int) -> float:
        return quad(lambda u: (u / (1 + u)) ** power, 1, 99)[0] / 98

    parameters = initialise(Model("lstm", 1, 1000, 1), Initialisation(chrono=100))
    i, f, _, _ = gates(parameters, "bias_ih_l0", "lstm") + gates(parameters, "bias_hh_l0", "lstm")
    assert expected(k) == pytest.approx(published, abs=5e-6)
    kept = (1 / (1 + np.exp(-f))) ** k
    spread = (expected(2 * k) - expected(k) ** 2) ** 0.5
    assert abs(kept.mean() - expected(k)) < 5 * spread / 1000**0.5
    np.testing.assert_array_equal(i, -f)


def test_chrono_of_gru_sets_its_update_gate_alone():
    model = Model("gru", 1, 50, 1)
    plain, chrono = (initialise(model, Initialisation(chrono=t), seed=2) for t in (None, 30))
    total = gates(chrono, "bias_ih_l0", "gru") + gates(chrono, "bias_hh_l0", "gru")
    assert (total[1] >= 0).all()
    assert (total[1] <= np.log(29)).all()
    before = gates(plain, "bias_ih_l0", "gru") + gates(plain, "bias_hh_l0", "gru")
    np.testing.assert_array_equal(total[[0, 2]], before[[0, 2]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "xaviar"}, "unknown initialiser 'xaviar'; did you mean 'xavier'?"),
        ({"gain": -1.0}, "gain must be finite and not negative, not -1.0"),
        ({"gain": float("nan")}, "gain must be finite and not negative, not nan"),
        ({"gain": float("inf")}, "gain must be finite and not negative, not inf"),
        ({"bias_std": -0.1}, "bias_std must be finite and not negative, not -0.1"),
        ({"forget_bias": float("inf")}, "forget_bias must be finite, not inf"),
        ({"chrono": 2}, "chrono must be finite and more than 2 time steps, not 2"),
        ({"chrono": float("inf")}, "chrono must be finite and more than 2 time steps, not inf"),
        ({"chrono": 10, "forget_bias": 1.0}, "give one of chrono and forget_bias"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(arguments, message):
    with pytest.raises(UserError, match=message):
        Initialisation(**arguments)


@pytest.mark.parametrize("arguments", [{"forget_bias": 1.0}, {"chrono": 10}])
@pytest.mark.parametrize("cell", ["mlp", "rnn"])
def test_a_cell_without_a_forget_gate_has_no_forget_bias(cell, arguments):
    gated = "coupled, gru, lstm, peephole"
    with pytest.raises(UserError, match=f"{cell} has no forget gate: forget_bias and chrono are for {gated}"):
        initialise(Model(cell, 1, 2, 1), Initialisation(**arguments))


def test_gain_zero_cuts_the_recurrence():
    assert not initialise(Model("gru", 2, 3, 1), Initialisation("orthogonal", gain=0))["weight_hh_l0"].any()
