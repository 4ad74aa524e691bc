"""The memory that the torch backend's passes work in when they are split over time."""

import pytest
from gradsuite.model import Model
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule

pytest.importorskip("torch")

from gradsuite_torch.backend import TorchBackend

from tests.plugins.passes import RECURRENT, random_batch


def passed(model, steps, schedule=Schedule()):
    """Return a network after one pass."""
    network = TorchBackend().build(model, initialise(model), schedule=schedule)
    network.backward(network.forward(network.put(random_batch(model, steps, 2))))
    return network


@pytest.mark.parametrize("cell", RECURRENT)
def test_many_segments_compute_in_the_room_of_few(cell):
    # Where each took memory of its own, what it leaves behind lay between them, and nothing was free to be taken again.
    sizes = []
    for segments in (2, 20):
        network = passed(Model(cell, 2, 3, 1), 5 * segments, Schedule(checkpoint=5))
        free = network.layers.room.free
        sizes.append({shape: len(arrays) for shape, arrays in free.items()})
        assert any(shape[-1] == network.layers.cell.gates * 3 for shape in free)  # room for the products of the inputs
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("schedule", [Schedule(checkpoint=10), Schedule(truncation=(5, 10))], ids=str)
def test_a_split_pass_keeps_one_window(schedule):
    networks = [passed(Model("rnn", 1, 4, 1), 1000, one) for one in (Schedule(), schedule)]
    plain, split = (sum(a.numel() for arrays in n.layers.room.free.values() for a in arrays) for n in networks)
    assert split <= plain / 50
