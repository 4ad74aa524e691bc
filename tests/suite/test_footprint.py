"""The least memory of a trial, beside the arrays that one of these sizes has."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.cells import installed
from gradsuite.footprint import WIDTHS, least_memory
from gradsuite.measuring import memory
from gradsuite.model import Model
from gradsuite.parameters import initialise
from gradsuite.plugins import load

from tests.stored import backend


@pytest.mark.parametrize("cell", sorted(installed()))
@pytest.mark.parametrize("layers", [1, 3])
def test_parameters_states_and_inputs_are_those_of_the_model(cell, layers):
    H, T, B = 5, 7, 2
    sizes = {"cell": cell, "hidden_size": H, "num_layers": layers, "length": T, "batch_size": B, "dtype": "float32"}
    model = Model(cell, 1, H, num_layers=layers, readout="none", activation=installed()[cell].activations[0])
    parameters = initialise(model)
    inputs = np.zeros((T, B, 1) if model.recurrent else (B, 1))
    states = np.zeros(model.states_shape(inputs.shape), np.float32)
    gradients = [p.astype(np.float32) for p in parameters.values()]
    arrays = [*parameters.values(), inputs, states, *gradients]
    assert least_memory(sizes) == sum(array.nbytes for array in arrays) + 2 * 8  # a round's number and a seed's


def test_it_is_less_than_a_pass_takes():
    """On NumPy, which keeps each gate's values for its backward pass: several times the states."""
    sizes = {"cell": "lstm", "hidden_size": 64, "length": 500, "batch_size": 16, "dtype": "float64"}

    def one_pass():
        model = Model("lstm", 1, 64, 1)
        batch = Batch(np.zeros((500, 16, 1)), np.zeros((16, 1)))
        network = backend().build(model, initialise(model), device="cpu", dtype="float64")
        return network.backward(network.forward(network.put(batch), states=True))

    _, taken = memory.growth(one_pass)
    assert 2e6 < least_memory(sizes) < taken


def test_a_network_of_unknown_cell_has_a_matrix_and_a_cell_of_ones_own_may_have_none():
    H = 10**4
    plain, own = least_memory({"hidden_size": H}), least_memory({"hidden_size": H, "cell": "my-own"})
    assert plain > H**2 * (8 + min(WIDTHS.values()))
    assert own < 20 * H


@pytest.mark.parametrize("size", ["hidden_size", "num_layers", "length", "lags", "batch_size", "rounds", "seeds"])
def test_a_size_without_any_sense_takes_more_than_any_machine_has(size):
    assert least_memory({size: 10**18}) > 2**60


def test_every_trial_of_the_suite_is_estimated_and_fits_into_a_small_machine():
    for experiment in load().all_experiments():
        for preset in experiment.presets:
            for settings in experiment.trials(experiment.grid(preset, {})):
                assert 0 < experiment.memory(settings) < 10**9, (experiment.name, preset, settings)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("gradient-time", "hidden_size"), ("gradient-depth", "num_layers"), ("exact-depth", "depth"),
        ("exact-time", "lags"), ("latch", "silent_steps"), ("gemm", "size"), ("scaling", "multiple"),
    ],
)  # fmt: skip
def test_experiments_name_what_grows_with_a_setting_of_their_own(name, setting):
    experiment = load().experiment(name)
    grid = experiment.grid("quick", {}) | {setting: [10**13]}  # more than any of them allows
    assert all(experiment.memory(settings) > 10**13 for settings in experiment.trials(grid))
