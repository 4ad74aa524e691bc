"""Networks judged: the mean over all predictions that count, whatever the batches are, and states that are carried."""

from dataclasses import replace

import gradsuite
import numpy as np
import pytest
from gradsuite import UserError, initialise
from gradsuite.backend import Batch
from gradsuite.precision import bound
from gradsuite.tasks.stream import Stream
from gradsuite.tasks.synthetic.adding import Adding
from gradsuite.training.evaluation import evaluate, has_split, zero_state

STEPS = 90


class Walk(Stream):
    """A long sequence of three numbers a step, its target the first of them turned round."""

    name, summary, source = "walk", "a walk", "synthetic"
    input_size, output_size, loss = 3, 2, "mse"

    def steps(self, split):
        return {"train": 240, "validation": STEPS, "test": 0}[split]

    def take(self, split, places):
        numbers = np.random.default_rng(len(split)).standard_normal((self.steps(split), 3))
        return Batch(numbers[places], -numbers[places][..., :2])


def network_of(task, cell="lstm", **options):
    model = task.model(cell, 6, num_layers=2, **options)
    return gradsuite.backend("numpy").build(model, initialise(model, seed=2), dtype="float64")


@pytest.mark.parametrize("size", [1, 7, 250, 1000])
def test_the_score_is_the_mean_over_all_sequences_whatever_the_batches(size):
    task = Few()
    network = network_of(task, length=8)
    everything = next(task.evaluation_batches("validation", network.model, size=1000, length=8))
    outputs = network.forward(network.put(everything)).outputs
    expected = np.square(outputs - everything.targets).mean()
    # A mean over n numbers of one sign: at most n roundings, and those of the forward pass of 8 steps.
    assert evaluate(network, task, "validation", size=size, length=8) == pytest.approx(
        expected, rel=bound("float64", 1000 + 8 * 50)
    )


class Few(Adding):
    """The first sequences of one batch, split into batches of any size."""

    def evaluation_batches(self, split, model, *, size, length):
        whole = self.batch(np.random.default_rng(5), model, size=1000, length=length)
        for start in range(0, 1000, size):
            yield Batch(whole.inputs[:, start : start + size], whole.targets[start : start + size])


@pytest.mark.parametrize("length", [5, 9, 30])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_carried_states_make_pieces_one_long_sequence(length, cell):
    task = Walk()
    network = network_of(task, cell)
    lanes = 3
    pieces = list(task.evaluation_batches("validation", network.model, size=lanes, length=length))
    long = Batch(np.concatenate([one.inputs for one in pieces]), np.concatenate([one.targets for one in pieces]))
    assert len(long.inputs) == STEPS // lanes // length * length
    one_pass = network.forward(network.put(replace(long, state=zero_state(network.model, long)))).outputs
    expected = np.square(one_pass - long.targets).mean()
    got = evaluate(network, task, "validation", size=lanes, length=length)
    assert got == pytest.approx(expected, rel=bound("float64", STEPS * 50))
    forgetful = np.mean([np.square(network.forward(network.put(one)).outputs - one.targets).mean() for one in pieces])
    assert length == STEPS // lanes or abs(forgetful - expected) > 1e-6  # what is carried matters


def test_a_split_that_is_empty_or_unknown_is_an_error():
    task = Walk()
    network = network_of(task)
    assert [has_split(task, split, network.model, length=5) for split in ("train", "validation", "test")] == [
        True,
        True,
        False,
    ]
    with pytest.raises(UserError, match="walk has no examples for test"):
        evaluate(network, task, "test", size=4, length=5)
    with pytest.raises(UserError, match="did you mean 'validation'"):
        evaluate(network, task, "validaton", size=4, length=5)


def test_mlp_reads_all_time_steps_at_once():
    task = Adding()
    network = network_of(task, "mlp", length=5)
    assert evaluate(network, task, "validation", size=100, length=5) > 0
