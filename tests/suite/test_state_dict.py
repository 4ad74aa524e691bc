import numpy as np
import pytest
from gradsuite import state_dict
from gradsuite.errors import UserError
from gradsuite.model import Model, parameter_shapes
from gradsuite.parameters import initialise
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

LSTM = Model("lstm", 3, 4, 2)
MLP = Model("mlp", 3, 4, 2, num_layers=2)


@given(
    cell=st.sampled_from(["mlp", "rnn", "lstm", "gru"]),
    sizes=st.tuples(*[st.integers(1, 5)] * 4),
    bare=st.booleans(),
    prefix=st.sampled_from(["", "net.", "a.b."]),
    readout=st.sampled_from([None, "head."]),
)
@settings(max_examples=60)
def test_there_and_back_gives_the_same_bits(cell, sizes, bare, prefix, readout):
    width, hidden, outputs, layers = sizes
    model = Model(cell, width, hidden, 0 if bare else outputs, layers, readout="none" if bare else "last")
    parameters = initialise(model)
    state = state_dict.to_state_dict(model, parameters, prefix=prefix, readout=readout)
    again = state_dict.from_state_dict(model, state, prefix=prefix, readout=readout)
    assert list(again) == list(parameter_shapes(model))
    assert all(again[name].tobytes() == parameters[name].tobytes() for name in parameters)


def test_recurrent_names_are_the_models_own():
    assert list(state_dict.to_state_dict(LSTM, initialise(LSTM))) == list(parameter_shapes(LSTM))


def test_mlp_is_a_sequential_of_linear_and_activation():
    names = [name for name in state_dict.to_state_dict(MLP, initialise(MLP)) if "weight" in name]
    assert names == ["0.weight", "2.weight", "4.weight"]


def test_linear_modules_may_stand_anywhere_in_the_sequential():
    parameters = initialise(MLP)
    places = {"layers.0": "net.1", "layers.1": "net.10", "readout": "net.12"}
    state = {
        name.replace(module, at): p for name, p in parameters.items() for module, at in places.items() if module in name
    }
    again = state_dict.from_state_dict(MLP, state, prefix="net.")
    np.testing.assert_array_equal(again["layers.1.weight"], parameters["layers.1.weight"])
    np.testing.assert_array_equal(again["readout.bias"], parameters["readout.bias"])


def test_what_belongs_to_other_modules_is_left_alone():
    state = state_dict.to_state_dict(LSTM, initialise(LSTM), prefix="lstm.", readout="fc.") | {
        "other.weight": np.ones(1)
    }
    assert len(state_dict.from_state_dict(LSTM, state, prefix="lstm.", readout="fc.")) == 6


def changed(**changes):
    state = state_dict.to_state_dict(LSTM, initialise(LSTM)) | changes
    return {name: array for name, array in state.items() if array is not None}


@pytest.mark.parametrize(
    ("state", "arguments", "message"),
    [
        (changed(bias_hh_l0=None), {}, "the state dict is not that of this lstm: no 'bias_hh_l0'"),
        (
            changed(weight_ih_l0_reverse=np.ones((16, 3))),
            {},
            "the state dict is not that of this lstm: unexpected 'weight_ih_l0_reverse'",
        ),
        (
            changed(weight_ih_l0=np.ones((12, 3)), bias_hh_l0=np.ones(16)[None]),
            {},
            "the state dict is not that of this lstm: 'weight_ih_l0' is (12, 3), not (16, 3); "
            "'bias_hh_l0' is (1, 16), not (16,)",
        ),
        (
            {f"core.lstm.{name}": array for name, array in changed().items() if "_l0" in name},
            {"readout": "core.lstm."},
            "the state dict is not that of this lstm: no 'weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0', "
            "'core.lstm.weight', 'core.lstm.bias' (did you mean prefix='core.lstm.'?); unexpected "
            "'core.lstm.weight_ih_l0', 'core.lstm.weight_hh_l0', 'core.lstm.bias_ih_l0', 'core.lstm.bias_hh_l0'",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(state, arguments, message):
    with pytest.raises(UserError) as caught:
        state_dict.from_state_dict(LSTM, state, **arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layers", "message"), [(1, "unexpected '4.weight', '4.bias'"), (3, "no '6.weight', '6.bias'")]
)
def test_a_sequential_of_another_depth_is_refused(layers, message):
    state = state_dict.to_state_dict(MLP, initialise(MLP))
    with pytest.raises(UserError, match=message):
        state_dict.from_state_dict(Model("mlp", 3, 4, 2, num_layers=layers), state)


@pytest.mark.parametrize("model", [LSTM, MLP])
def test_a_file_keeps_every_bit(model, tmp_path):
    parameters = initialise(model)
    parameters = {name: np.asfortranarray(array) for name, array in parameters.items()}
    state_dict.save(tmp_path / "model.safetensors", model, parameters, prefix="net.")
    assert list(parameters) != list(load_file(tmp_path / "model.safetensors"))
    again = state_dict.load(tmp_path / "model.safetensors", model, prefix="net.")
    for name, array in parameters.items():
        np.testing.assert_array_equal(again[name], array)


def test_a_file_in_less_precision_becomes_float64(tmp_path):
    state = {name: array.astype(np.float16) for name, array in initialise(LSTM).items()}
    save_file(state, tmp_path / "half.safetensors")
    loaded = state_dict.load(tmp_path / "half.safetensors", LSTM)
    assert all(loaded[name].dtype == np.float64 and (loaded[name] == state[name]).all() for name in state)


def test_files_that_cannot_be_read_or_written_are_named(tmp_path):
    (tmp_path / "text.safetensors").write_text("not tensors")
    with pytest.raises(UserError, match=r"cannot read '.*text\.safetensors' as safetensors"):
        state_dict.load(tmp_path / "text.safetensors", LSTM)
    with pytest.raises(UserError, match=r"cannot read '.*gone\.safetensors' as safetensors"):
        state_dict.load(tmp_path / "gone.safetensors", LSTM)
    with pytest.raises(UserError, match=r"cannot write '.*lstm\.safetensors'"):
        state_dict.save(tmp_path / "no" / "lstm.safetensors", LSTM, initialise(LSTM))
