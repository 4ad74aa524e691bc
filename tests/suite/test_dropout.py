"""Masks of dropout: shapes, values, seeds."""

import numpy as np
import pytest
from gradsuite import Batch, Model, UserError, dropout_masks

RNN = Model("rnn", 3, 50, 2, 2, bidirectional=True)
MLP = Model("mlp", 3, 50, 2, 2)


@pytest.mark.parametrize(
    ("model", "inputs", "every_step", "shape"),
    [
        (RNN, (7, 20, 3), False, (1, 4, 20, 50)),
        (RNN, (7, 20, 3), True, (7, 4, 20, 50)),
        (MLP, (20, 3), False, (2, 20, 50)),
        (MLP, (20, 3), True, (2, 20, 50)),
    ],
)
def test_masks_are_those_of_a_batch(model, inputs, every_step, shape):
    masks = dropout_masks(model, inputs, 0.25, every_step=every_step)
    assert masks.shape == shape
    Batch(np.zeros(inputs), np.zeros((20, 2)), masks=masks).check(model)
    assert set(np.unique(masks)) == {0.0, 1 / 0.75}
    # A share of n draws with probability p is within 5 of its standard deviations, sqrt(p (1 - p) / n).
    assert abs((masks == 0).mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / masks.size)


def test_masks_are_their_seeds_and_keep_all_at_rate_zero():
    first, again, other = (dropout_masks(RNN, (7, 20, 3), 0.5, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(dropout_masks(MLP, (20, 3), 0.0), np.ones((2, 20, 50)))


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(UserError) as refused:
        dropout_masks(MLP, (20, 3), rate)
    assert str(refused.value) == f"rate must be at least 0 and less than 1, not {rate}"
