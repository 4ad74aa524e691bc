"""What the torch backend does beyond the interface: stacks of settings, truncation and checkpoints."""

from itertools import product

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import CELLS, LOSSES, READOUTS, Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise

torch = pytest.importorskip("torch")

from gradsuite_torch.backend import TorchBackend  # noqa: E402

from tests.plugins.test_torch import assert_same, random_batch, run  # noqa: E402

# The same sums of a few dozen float64 products in another order.
TOLERANCE = 1e-12
RECURRENT = list(product(("rnn", "lstm", "gru"), (1, 2), READOUTS))


def small(cell, layers, readout, loss="inner_product"):
    return Model(cell, 2, 3, 0 if readout == "none" else 2, layers, readout=readout, loss=loss)


@pytest.mark.parametrize(("cell", "layers", "readout"), RECURRENT)
@pytest.mark.parametrize("truncation", [(1, 1), (2, 3), (3, 3), (2, 10), (7, 7)], ids=str)
def test_truncated_gradients_are_the_oracles(cell, layers, readout, truncation):
    model = small(cell, layers, readout)
    parameters, batch = initialise(model), random_batch(model, 7, 3)
    answer = differentiate(model, parameters, batch, truncation=truncation)
    expected = {"loss": answer.loss, "outputs": answer.outputs, **answer.parameters, "states": answer.states}
    if cell == "lstm":
        expected["cell_states"] = answer.cell_states
    assert_same(run(model, parameters, batch, truncation=truncation), expected, TOLERANCE)


def test_truncated_state_gradients_end_at_the_horizon():
    model = Model("lstm", 2, 3, 1, num_layers=2)
    states = run(model, initialise(model), random_batch(model, 12, 2), truncation=(2, 5))["states"]
    assert (states[:7] == 0).all()
    assert (states[7:] != 0).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize(("cell", "layers", "readout"), RECURRENT)
@pytest.mark.parametrize("every", [1, 2, 3, 7, 9])
def test_checkpointed_gradients_are_the_plain_ones(cell, layers, readout, every):
    model = small(cell, layers, readout)
    parameters, batch = initialise(model), random_batch(model, 7, 3)
    assert_same(run(model, parameters, batch, checkpoint=every), run(model, parameters, batch), TOLERANCE)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_many_segments_compute_in_the_room_of_few(cell):
    # Where each took memory of its own, what it leaves behind lay between them, and nothing was free to be taken again.
    model = Model(cell, 2, 3, 1)
    sizes = []
    for segments in (2, 20):
        network = TorchBackend().build(model, initialise(model), checkpoint=5)
        network.backward(network.forward(network.put(random_batch(model, 5 * segments, 2))))
        free = network.layers.room.free
        sizes.append({shape: len(arrays) for shape, arrays in free.items()})
        assert any(shape[-1] == network.layers.cell.gates * 3 for shape in free)  # room for the products of the inputs
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("options", [{"checkpoint": 10}, {"truncation": (5, 10)}], ids=str)
def test_a_split_pass_keeps_one_window(options):
    model = Model("rnn", 1, 4, 1)
    sizes = []
    for chosen in ({}, options):
        network = TorchBackend().build(model, initialise(model), **chosen)
        network.backward(network.forward(network.put(random_batch(model, 1000, 2))))
        sizes.append(sum(a.numel() for arrays in network.layers.room.free.values() for a in arrays))
    assert sizes[1] <= sizes[0] / 50


@pytest.mark.parametrize(("cell", "layers", "readout", "loss"), list(product(CELLS, (1, 2), READOUTS, LOSSES)))
@pytest.mark.parametrize("stacked_batch", [False, True])
def test_a_stack_is_its_settings_one_by_one(cell, layers, readout, loss, stacked_batch):
    model = small(cell, layers, "last" if cell == "mlp" and readout == "all" else readout, loss)
    settings = [initialise(model, seed=seed) for seed in range(3)]
    stack = {name: np.stack([one[name] for one in settings]) for name in settings[0]}
    batch = random_batch(model, 5, 2, lead=(3,) if stacked_batch else ())
    found = run(model, stack, batch)
    for index, parameters in enumerate(settings):
        own = Batch(batch.inputs[index], batch.targets[index]) if stacked_batch else batch
        alone = {name: array[index] for name, array in found.items()}
        assert_same(alone, run(model, parameters, own), TOLERANCE)


@pytest.mark.parametrize("options", [{"checkpoint": 2}, {"truncation": (2, 3)}], ids=str)
def test_a_stack_may_be_split_over_time(options):
    model = Model("lstm", 2, 3, 2, num_layers=2, readout="all")
    settings = [initialise(model, seed=seed) for seed in range(2)]
    stack = {name: np.stack([one[name] for one in settings]) for name in settings[0]}
    batch = random_batch(model, 5, 3)
    found = run(model, stack, batch, **options)
    for index, parameters in enumerate(settings):
        alone = {name: array[index] for name, array in found.items()}
        assert_same(alone, run(model, parameters, batch, **options), TOLERANCE)


@pytest.mark.parametrize(
    ("cell", "options", "reason"),
    [
        ("rnn", {"checkpoint": 0}, "checkpoint must be at least 1 step, not 0"),
        ("rnn", {"truncation": (3, 2)}, "1 <= k1 <= k2"),
        ("rnn", {"truncation": (0, 2)}, "1 <= k1 <= k2"),
        ("rnn", {"truncation": (1, 2), "checkpoint": 2}, "give one of"),
        ("mlp", {"checkpoint": 2}, "not for mlp"),
    ],
)
def test_options_that_make_no_sense_are_refused(cell, options, reason):
    model = Model(cell, 2, 3, 1)
    with pytest.raises(UserError, match=reason):
        TorchBackend().build(model, initialise(model), **options)
