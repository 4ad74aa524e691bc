"""Batches: which features they need, what is refused, what padding becomes."""

import numpy as np
import pytest
from gradsuite import Batch, Model, Network, Tape, Unsupported, UserError, initialise

MODEL = Model("lstm", 2, 3, 2, 2)
INPUTS, TARGETS = np.zeros((5, 4, 2)), np.zeros((4, 2))
STATE = (np.zeros((2, 4, 3)),) * 2


@pytest.mark.parametrize(
    ("given", "features"),
    [
        ({}, ()),
        ({"lengths": np.array([1, 2, 3, 5])}, ("lengths",)),
        ({"masks": np.ones((1, 2, 4, 3)), "state": STATE}, ("state", "masks")),
    ],
)
def test_a_batch_says_which_features_it_needs_and_what_is_right_is_not_refused(given, features):
    batch = Batch(INPUTS, TARGETS, **given)
    assert batch.features == features
    batch.check(MODEL)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"lengths": np.array([1, 2])}, "lengths must be 4 whole numbers, one per sequence, not (2,)"),
        ({"lengths": np.ones(4)}, "lengths must be 4 whole numbers, one per sequence, not (4,)"),
        ({"lengths": np.array([0, 1, 2, 3])}, "lengths must be 1 to 5, not 0 to 3"),
        ({"lengths": np.array([1, 1, 2, 6])}, "lengths must be 1 to 5, not 1 to 6"),
        ({"state": STATE[:1]}, "state must be (2, 4, 3) and (2, 4, 3), not (2, 4, 3)"),
        ({"state": (np.zeros((1, 4, 3)),) * 2}, "state must be (2, 4, 3) and (2, 4, 3), not (1, 4, 3) and (1, 4, 3)"),
        ({"masks": np.ones((2, 2, 4, 3))}, "masks must be (5, 2, 4, 3), not (2, 2, 4, 3)"),
        ({"masks": np.ones((1, 1, 4, 3))}, "masks must be (1, 2, 4, 3), not (1, 1, 4, 3)"),
    ],
)
def test_what_is_not_the_models_is_refused_in_one_line(given, reason):
    with pytest.raises(UserError) as refused:
        Batch(INPUTS, TARGETS, **given).check(MODEL)
    assert str(refused.value) == reason


def test_a_model_without_time_steps_has_masks_alone():
    mlp = Model("mlp", 2, 3, 2)
    Batch(np.zeros((4, 2)), TARGETS, masks=np.ones((1, 4, 3))).check(mlp)
    with pytest.raises(UserError, match="a batch with state is for recurrent cells, not for mlp"):
        Batch(np.zeros((4, 2)), TARGETS, state=(np.zeros((1, 4, 3)),)).check(mlp)


@pytest.mark.parametrize(("loss", "nothing"), [("mse", np.nan), ("cross_entropy", -100)])
def test_padding_becomes_zero(loss, nothing):
    model = Model("rnn", 2, 3, 2, readout="all", loss=loss)
    shape = model.targets_shape(INPUTS.shape)
    targets = np.full(shape, nothing)
    inputs = np.full(INPUTS.shape, np.nan)
    inputs[:2, 0], targets[:2, 0] = 1, 1
    inputs[:1, 1:], targets[:1, 1:] = 1, 1
    batch = Batch(inputs, targets, lengths=np.array([2, 1, 1, 1])).without_padding(model)
    assert batch.inputs.sum() == 5 * 2
    assert batch.targets.sum() == 5 * (1 if loss == "cross_entropy" else 2)
    assert batch.targets.dtype == targets.dtype


class Plain(Network):
    """A network that copies inputs and targets alone, as one written before there was more."""

    def put(self, batch):
        return batch

    def fetch(self, array):
        return array

    def forward(self, batch, *, states=False):
        return Tape(0.0, 0.0)

    def backward(self, tape):
        raise NotImplementedError


class WithLengths(Plain):
    batch_features = ("lengths",)

    def put(self, batch):
        return super().put(batch)


def test_what_put_does_not_copy_never_reaches_it():
    network = Plain(MODEL, initialise(MODEL), device="cpu", dtype="float64")
    assert network.put(Batch(INPUTS, TARGETS)).features == ()
    with pytest.raises(Unsupported, match="Plain has no batches with lengths \\(it has: none\\)"):
        network.put(Batch(INPUTS, TARGETS, lengths=np.array([1, 2, 3, 5])))


def test_what_put_copies_is_checked_and_is_for_one_network():
    network = WithLengths(MODEL, initialise(MODEL), device="cpu", dtype="float64")
    batch = Batch(INPUTS, TARGETS, lengths=np.array([1, 2, 3, 5]))
    assert network.put(batch) is batch
    with pytest.raises(UserError, match="lengths must be 1 to 5, not 1 to 9"):
        network.put(Batch(INPUTS, TARGETS, lengths=np.array([1, 2, 3, 9])))
    stack = {name: np.stack([p, p]) for name, p in initialise(MODEL).items()}
    with pytest.raises(Unsupported, match="a batch with lengths is for one network, not for a stack"):
        WithLengths(MODEL, stack, device="cpu", dtype="float64").put(batch)
