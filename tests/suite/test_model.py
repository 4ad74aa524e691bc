import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.model import ACTIVATIONS, CELLS, Model, is_stacked, parameter_shapes
from hypothesis import given
from hypothesis import strategies as st

SIZE = st.integers(1, 7)


def model(**changes) -> Model:
    return Model(**({"cell": "lstm", "input_size": 3, "hidden_size": 4, "output_size": 2} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "lsmt"}, "unknown cell 'lsmt'; did you mean 'lstm'?"),
        ({"cell": "rnn", "activation": "sigmoid"}, "unknown activation of rnn 'sigmoid'"),
        ({"activation": "relu"}, r"unknown activation of lstm 'relu' \(allowed: tanh\)"),
        ({"readout": "lats"}, "unknown readout of lstm 'lats'; did you mean 'last'?"),
        ({"cell": "mlp", "readout": "all"}, r"unknown readout of mlp 'all' \(allowed: last, none\)"),
        ({"loss": "l1"}, "unknown loss 'l1'"),
        ({"input_size": 0}, "input_size must be at least 1, not 0"),
        ({"hidden_size": -2}, "hidden_size must be at least 1, not -2"),
        ({"num_layers": 0}, "num_layers must be at least 1, not 0"),
        ({"output_size": 0}, "output_size must be at least 1, or 0 with readout 'none', not 0"),
        ({"readout": "none"}, "output_size must be at least 1, or 0 with readout 'none', not 2"),
        ({"readout": "none", "output_size": -1}, "output_size must be at least 1, or 0 with readout 'none', not -1"),
    ],
)
def test_what_is_not_allowed_is_said_in_one_line(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        model(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("cell", "activation"), [(cell, a) for cell in CELLS for a in ACTIVATIONS[cell]])
def test_every_cell_has_its_activations(cell, activation):
    assert model(cell=cell, activation=activation).recurrent == (cell != "mlp")


def test_a_model_is_data():
    assert model() == model()
    assert hash(model()) == hash(model())
    assert model() != model(cell="gru")


def test_the_output_is_the_readout_or_the_state():
    assert model().output_width == 2
    assert model(readout="none", output_size=0).output_width == 4


@given(st.sampled_from(["rnn", "lstm", "gru"]), SIZE, SIZE, SIZE, SIZE, SIZE, SIZE)
def test_shapes_of_states_and_targets_over_time(cell, steps, batch, width, hidden, outputs, layers):
    inputs = (steps, batch, width)
    kind = {"cell": cell, "input_size": width, "hidden_size": hidden, "num_layers": layers}
    last, every = (Model(**kind, output_size=outputs, readout=readout) for readout in ("last", "all"))
    assert last.states_shape(inputs) == (steps, layers, batch, hidden)
    assert last.targets_shape(inputs) == (batch, outputs)
    assert every.targets_shape(inputs) == (steps, batch, outputs)
    assert Model(**kind, readout="none").targets_shape(inputs) == (batch, hidden)
    classes = Model(**kind, output_size=outputs, readout="all", loss="cross_entropy")
    assert classes.targets_shape(inputs) == (steps, batch)


def test_shapes_of_states_and_targets_without_time():
    mlp = model(cell="mlp", num_layers=5)
    assert mlp.states_shape((8, 3)) == (5, 8, 4)
    assert mlp.targets_shape((8, 3)) == (8, 2)
    assert model(cell="mlp", loss="cross_entropy").targets_shape((8, 3)) == (8,)


@given(st.sampled_from([("rnn", 1), ("lstm", 4), ("gru", 3)]), SIZE, SIZE, SIZE, st.integers(1, 4))
def test_a_recurrent_layer_has_two_biases_and_a_row_block_for_each_gate(cell, width, hidden, outputs, layers):
    cell, gates = cell
    shapes = parameter_shapes(Model(cell, width, hidden, outputs, layers))
    rows = gates * hidden
    for layer in range(layers):
        assert shapes[f"weight_ih_l{layer}"] == (rows, hidden if layer else width)
        assert shapes[f"weight_hh_l{layer}"] == (rows, hidden)
        assert shapes[f"bias_ih_l{layer}"] == shapes[f"bias_hh_l{layer}"] == (rows,)
    assert shapes["readout.weight"] == (outputs, hidden)
    assert shapes["readout.bias"] == (outputs,)
    assert len(shapes) == 4 * layers + 2


def test_an_mlp_layer_has_one_weight_and_one_bias():
    assert parameter_shapes(model(cell="mlp", num_layers=2, readout="none", output_size=0)) == {
        "layers.0.weight": (4, 3),
        "layers.0.bias": (4,),
        "layers.1.weight": (4, 4),
        "layers.1.bias": (4,),
    }


def arrays(change=lambda shape: shape):
    return {name: np.zeros(change(shape)) for name, shape in parameter_shapes(model(cell="rnn")).items()}


def test_a_leading_axis_on_every_parameter_makes_a_stack():
    assert not is_stacked(model(cell="rnn"), arrays())
    assert is_stacked(model(cell="rnn"), arrays(lambda shape: (1, *shape)))
    assert is_stacked(model(cell="rnn"), arrays(lambda shape: (5, *shape)))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "parameters of this model are weight_ih_l0, .*, not none"),
        (arrays() | {"surplus": np.zeros(3)}, "parameters of this model are weight_ih_l0"),
        (arrays() | {"weight_hh_l0": np.zeros((4, 2))}, r"weight_hh_l0 must be \(4, 4\), not \(4, 2\)"),
        (arrays() | {"bias_ih_l0": np.zeros((2, 4))}, r"bias_ih_l0 must be \(4,\), not \(2, 4\)"),
        (arrays() | {"weight_ih_l0": np.zeros(4)}, r"weight_ih_l0 must be \(4, 3\), not \(4,\)"),
        (arrays(lambda shape: (2, *shape)) | {"bias_ih_l0": np.zeros((3, 4))}, r"bias_ih_l0 must be \(2, 4\)"),
        (arrays(lambda shape: (2, 2, *shape)), r"weight_ih_l0 must be \(4, 3\), not \(2, 2, 4, 3\)"),
    ],
)
def test_parameters_that_are_not_the_models_are_refused(parameters, message):
    with pytest.raises(UserError, match=message):
        is_stacked(model(cell="rnn"), parameters)
