"""Training sessions: the same bits as a loop by hand, PyTorch's own numbers, and an end at the right step."""

import math

import gradsuite
import numpy as np
import pytest
from gradsuite import Schedule, Unsupported, UserError, initialise, optimizer
from gradsuite.backend import Batch
from gradsuite.precision import bound
from gradsuite.tasks.stream import Stream
from gradsuite.tasks.synthetic.adding import Adding
from gradsuite.training.evaluation import evaluate, zero_state
from gradsuite.training.recipe import Recipe
from gradsuite.training.session import EVALUATED_AT_ONCE, Session

torch = pytest.importorskip("torch")  # what PyTorch makes of the same training, and of the weights

TASK, LENGTH, SIZE = Adding(), 6, 4


def recipe(rule=None, **changes):
    made = {"batch_size": SIZE, "length": LENGTH, "steps": 10, "evaluate_every": 4, "seed": 3}
    return Recipe(optimizer=rule or optimizer("adam", lr=0.02), **made | changes)


def session(rule=None, *, backend="numpy", cell="lstm", task=TASK, dtype="float32", schedule=Schedule(), **changes):
    model = task.model(cell, 5, length=LENGTH)
    parameters = initialise(model, seed=1)
    made = recipe(rule, **changes)
    return Session(gradsuite.backend(backend), task, model, parameters, made, dtype=dtype, schedule=schedule)


def by_hand(made, steps):
    """Losses and parameters of the same training, written out: a batch, forward, backward, update."""
    network = gradsuite.backend(made.backend.name).build(
        made.model, initialise(made.model, seed=1), dtype=made.network.dtype
    )
    losses = []
    for step in range(steps):
        batch = TASK.batch(np.random.default_rng([3, 0, step]), made.model, size=SIZE, length=LENGTH)
        looked_at = step + 1 in (4, 8, 10)  # what gives state gradients may round in another order
        tape = network.forward(network.put(batch), states=looked_at)
        losses.append(float(network.fetch(tape.loss)))
        network.update(network.backward(tape), made.recipe.optimizer)
    return losses, network


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_session_is_the_loop_by_hand_bit_by_bit(backend, name):
    made = session(optimizer(name, lr=0.05, clip_norm=0.3), backend=backend)
    looks = list(made.run())
    losses, network = by_hand(made, 10)
    assert made.curve.losses == losses
    for key, array in made.parameters().items():
        assert array.tobytes() == network.fetch(network.parameters[key]).tobytes()
    assert [look.step for look in looks] == [4, 8, 10] == [look.step for look in made.curve.looks]
    means = (losses[:4], losses[4:8], losses[8:])
    assert [look.loss for look in looks] == [float(np.mean(part)) for part in means]
    assert looks[-1].score == evaluate(network, TASK, "validation", size=EVALUATED_AT_ONCE, length=LENGTH)
    assert made.curve.end == "done"


def test_how_it_is_looked_at_changes_nothing():
    often, seldom = session(evaluate_every=1), session(evaluate_every=10)
    assert len(list(often.run())) == 10
    assert len(list(seldom.run())) == 1
    assert often.curve.losses == seldom.curve.losses


def test_it_learns_as_torch_does_from_the_same_batches():
    """A float64 LSTM of torch.nn under torch.optim.Adam: 30 steps agree to their roundings, grown by the training.

    A step rounds some 6 T H numbers a chain of T (4 H + 10) operations deep; Adam's quotient m / sqrt(v) is scale-free,
    so that a relative error of a gradient is one of the step. Errors of k steps add up, and each is amplified by the
    steps after it: with lr 0.01 by at most 1 + lr L a step, L the curvature; (1 + 0.01 * 10)^30 < 20 bounds it here.
    """
    steps = 30
    made = session(optimizer("adam", lr=0.01), dtype="float64", steps=steps)
    list(made.run())
    lstm, head = torch.nn.LSTM(2, 5).double(), torch.nn.Linear(5, 1).double()
    start = {name: torch.tensor(array) for name, array in initialise(made.model, seed=1).items()}
    lstm.load_state_dict({name: array for name, array in start.items() if "readout" not in name})
    head.load_state_dict({name.removeprefix("readout."): start[name] for name in start if "readout" in name})
    adam = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=0.01)
    losses = []
    for step in range(steps):
        batch = TASK.training_batch(3, step, made.model, size=SIZE, length=LENGTH)
        adam.zero_grad()
        outputs = head(lstm(torch.tensor(batch.inputs))[0][-1])
        loss = torch.nn.functional.mse_loss(outputs, torch.tensor(batch.targets))
        loss.backward()
        adam.step()
        losses.append(loss.item())
    tolerance = 20 * steps * bound("float64", LENGTH * (4 * 5 + 10))
    assert tolerance < 1e-10
    np.testing.assert_allclose(made.curve.losses, losses, rtol=tolerance)


@pytest.mark.parametrize("fatal", [1, 4, 5, 9])
def test_it_diverges_at_the_exact_step(fatal):
    made = session(task=Poisoned(fatal), evaluate_every=3)
    looks = list(made.run())
    assert (made.curve.end, made.curve.steps) == ("diverged", fatal)
    assert [math.isnan(loss) for loss in made.curve.losses] == [False] * (fatal - 1) + [True]
    assert math.isnan(looks[-1].score)
    assert list(made.run()) == []


class Poisoned(Adding):
    """Adding, but for one batch of a target that is no number: the loss of that step, counted from 1, is NaN."""

    def __init__(self, step):
        self.step = step

    def training_batch(self, seed, step, model, *, size, length):
        batch = super().training_batch(seed, step, model, size=size, length=length)
        return Batch(batch.inputs, batch.targets * (math.nan if step + 1 == self.step else 1))


def test_a_loss_above_the_bound_has_diverged():
    losses = by_hand(session(), 10)[0]
    limit = sorted(losses)[-2]
    made = session(bound=limit)
    list(made.run())
    assert (made.curve.end, made.curve.losses) == ("diverged", losses[: losses.index(max(losses)) + 1])


def test_a_goal_stops_it_at_the_first_look_that_reaches_it():
    scores = [look.score for look in session(steps=12, evaluate_every=2).run()]
    goal = sorted(scores)[len(scores) // 2]
    made = session(steps=12, evaluate_every=2, goal=goal)
    list(made.run())
    first = next(place for place, score in enumerate(scores) if score <= goal)
    assert (made.curve.end, made.curve.steps) == ("solved", 2 * (first + 1))


class Drift(Stream):
    """One long sequence in which the target is the mean of all inputs so far."""

    name, summary, source = "drift", "running mean", "synthetic"
    input_size, output_size, loss = 1, 1, "mse"

    def steps(self, split):
        return {"train": 72, "validation": 36, "test": 36}[split]

    def take(self, split, places):
        noise = np.random.default_rng(len(split)).standard_normal(self.steps(split))
        means = np.cumsum(noise) / (1 + np.arange(len(noise)))
        return Batch(noise[places][..., np.newaxis], means[places][..., np.newaxis])


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_carried_states_are_those_of_one_long_sequence(backend):
    """With a step too small to change any bit, the losses of the pieces are those of one long forward pass."""
    made = session(optimizer("sgd", lr=1e-300), backend=backend, task=Drift(), dtype="float64", steps=9)
    list(made.run())
    lanes = 72 // SIZE
    places = np.arange(SIZE) * lanes + np.arange(lanes)[:, np.newaxis]
    long = Drift().take("train", places)
    network = made.backend.build(made.model, initialise(made.model, seed=1), dtype="float64")
    long = Batch(long.inputs, long.targets, state=zero_state(made.model, long))
    outputs = network.fetch(network.forward(network.put(long)).outputs)
    each = np.square(outputs - long.targets).reshape(lanes // LENGTH, -1).mean(axis=1)
    # 3 pieces a lane, then the lanes begin again with states of zero.
    np.testing.assert_allclose(made.curve.losses, np.tile(each, 3), rtol=bound("float64", lanes * 50))


class Ended(Drift):
    """Drift with one target at the end of each piece, which `mlp` could read but for the states."""

    readout = "last"


def test_carried_states_are_for_recurrent_cells():
    with pytest.raises(UserError, match="drift carries states from batch to batch: it is for recurrent cells"):
        session(task=Ended(), cell="mlp")


def test_what_a_backend_cannot_is_said_before_anything_is_learnt():
    with pytest.raises(Unsupported, match="dtype"):
        session(dtype="float8")
    with pytest.raises(UserError, match="truncation"):
        session(cell="mlp", schedule=Schedule(truncation=(1, 2)))


def test_a_walk_yields_after_every_step_and_reads_losses_when_asked():
    made = session()
    looks = list(made.walk())
    assert [look is not None for look in looks] == [step % 4 == 0 or step == 10 for step in range(1, 11)]
    other, read = session(), []
    for step, _ in enumerate(other.walk(), 1):
        read.append(other.read()[-1] if other.read() else other.curve.losses[-1])
        assert other.steps == step
    assert read == made.curve.losses == other.curve.losses
