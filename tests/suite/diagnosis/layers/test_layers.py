"""Weights, gates, units and the exponent on the data, against PyTorch's layers and what is known of linear networks."""

import numpy as np
import pytest
from gradsuite.diagnosis.layers import exponent, gates, layers, units, weights
from gradsuite.parameters import Initialisation, initialise

from tests.suite.diagnosis.patients import batch_of, drawn, model_of, patient_of

torch = pytest.importorskip("torch")

MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


@pytest.mark.parametrize("cell", MODULES)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_of_every_layer_are_pytorchs(cell, bidirectional):
    model = model_of(cell, layers=2, units=6, bidirectional=bidirectional)
    rng, lengths = np.random.default_rng(1), np.array([7, 4, 6])
    kinds, layers_and_directions = 1 + (cell == "lstm"), 2 * (1 + bidirectional)
    state = tuple(rng.standard_normal((layers_and_directions, 3, 6)) for _ in range(kinds))
    batch = batch_of(model, 7, size=3, lengths=lengths, state=state)
    patient = patient_of(model, initialise(model), batch)
    seen = list(layers(patient, batch))
    assert len(seen) == layers_and_directions
    x = batch.inputs
    for layer in range(2):
        module = MODULES[cell](x.shape[-1], 6, bidirectional=bidirectional).double()
        ends = ("", "_reverse")[: 1 + bidirectional]
        module.load_state_dict(
            {
                f"{name}_l0{end}": torch.tensor(patient.parameters[f"{name}_l{layer}{end}"])
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                for end in ends
            }
        )
        own = slice(layer * len(ends), (layer + 1) * len(ends))
        start = tuple(torch.tensor(one[own]) for one in state)
        packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), lengths, enforce_sorted=False)
        out, _ = module(packed, start if cell == "lstm" else start[0])
        y = torch.nn.utils.rnn.pad_packed_sequence(out)[0].detach().numpy()
        for way in range(len(ends)):
            one, h = seen[layer * len(ends) + way], y[..., way * 6 : (way + 1) * 6]
            np.testing.assert_allclose(one.after, h[batch.valid], rtol=0, atol=1e-14)
            before = np.concatenate([state[0][own][way][np.newaxis], h[:-1]])
            if way:
                before = np.concatenate([h[1:], h[:1]])
                before[lengths - 1, np.arange(3)] = state[0][own][way]
            np.testing.assert_allclose(one.before, before[batch.valid], rtol=0, atol=1e-14)
        x = y


def test_gates_are_those_of_the_equations():
    patient = drawn("lstm", 12, Initialisation(forget_bias=3.0))
    (layer,) = layers(patient, patient.seen[0].batch)
    found = gates.frame("lstm", [layer]).set_index("gate")
    p, z = patient.parameters, []
    for x, h in zip(layer.inputs, layer.before, strict=True):
        z.append(p["weight_ih_l0"] @ x + p["bias_ih_l0"] + p["weight_hh_l0"] @ h + p["bias_hh_l0"])
    values = 1 / (1 + np.exp(-np.array(z).reshape(-1, 4, 32)))
    np.testing.assert_allclose(found["mean"], values.mean(axis=(0, 2))[[0, 1, 3]], rtol=1e-12)
    np.testing.assert_allclose(
        found["saturated"], ((values < 0.05) | (values > 0.95)).mean(axis=(0, 2))[[0, 1, 3]], rtol=1e-12
    )
    constants = -1 / np.log(values[:, 1]).mean(axis=0)
    np.testing.assert_allclose(found.loc["forget", "time_constant"], np.median(constants), rtol=1e-12)
    curve = gates.kept("lstm", layer, 20)
    np.testing.assert_allclose(curve[20] ** 2, np.exp(-40 / constants).mean(), rtol=1e-12)


def test_the_exponent_of_a_linear_network_is_that_of_its_weights():
    model = model_of("rnn", activation="identity")
    patient = patient_of(model, initialise(model, Initialisation("orthogonal", gain=0.9)), batch_of(model, 30))
    found = exponent.largest(patient, patient.seen[0].batch)
    assert [found.value, found.low, found.high] == pytest.approx([np.log(0.9)] * 3, rel=1e-10)


def test_the_radius_of_a_triangular_matrix_is_its_diagonals():
    model = model_of("rnn", units=3)
    drawn = initialise(model)
    drawn["weight_hh_l0"] = np.array([[0.5, 9.0, 0.0], [0.0, -0.7, 9.0], [0.0, 0.0, 0.2]])
    found = weights.frame(patient_of(model, drawn, batch_of(model, 5)))
    assert found["radius"].item() == pytest.approx(0.7)
    assert found["norm"].item() == pytest.approx(np.linalg.svd(drawn["weight_hh_l0"])[1][0])


def test_saturated_states_are_counted():
    model = model_of("rnn", units=4)
    drawn = {name: 0.0 * value for name, value in initialise(model).items()}
    drawn["bias_ih_l0"][:] = [3.0, -3.0, 1.0, 0.0]  # tanh 3 = .995
    patient = patient_of(model, drawn, batch_of(model, 5))
    assert units.frame(model, list(layers(patient, patient.seen[0].batch)))["saturated"].item() == 0.5
