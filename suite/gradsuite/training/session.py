"""A training session: one network learns one task, and is looked at now and then."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradsuite.backend import Array, Backend, Gradients, Network
from gradsuite.batch import Batch
from gradsuite.clipping import global_norm
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.schedule import Schedule
from gradsuite.tasks.task import Task
from gradsuite.training.curve import Curve, Look
from gradsuite.training.evaluation import State, evaluate, has_split, readable, zero_state
from gradsuite.training.feed import feed
from gradsuite.training.horizon import probe, reach
from gradsuite.training.omega import check, omega
from gradsuite.training.recipe import Recipe

EVALUATED_AT_ONCE = 250  # sequences: of what tasks draw to judge by, all batches have one size, and one program


class Seen(NamedTuple):
    """What was seen of one step: the batch as it was put, its loss and its gradients."""

    batch: Batch
    loss: Array
    gradients: Gradients


class Session:
    """A network of `backend` that learns `task` by a recipe; `curve` is what was seen of it so far.

    Raises UserError for a task that has no batch of the recipe's length, and Unsupported for what the backend cannot.
    """

    def __init__(
        self,
        backend: Backend,
        task: Task,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        recipe: Recipe,
        *,
        device: str = "cpu",
        dtype: str = "float32",
        schedule: Schedule = Schedule(),
    ) -> None:
        """Build the network; nothing is learnt before `run`."""
        if model.loss == "inner_product":
            raise UserError(f"{task.name} has nothing to learn: its loss is a projection, for gradients alone")
        self.backend = backend
        self.task = task
        self.model = model
        self.recipe = recipe
        self.schedule = schedule
        self.network: Network = backend.build(model, parameters, device=device, dtype=dtype, schedule=schedule)
        self.state: State | None = None
        self.curve = Curve()
        self.unread: list[Array] = []  # losses since the last look, on the device until they are read
        self.seconds = 0.0
        self.reaches = model.recurrent and "states" in backend.describe().state_gradients
        self.split = "validation" if has_split(task, "validation", model, length=recipe.length) else "test"
        if task.carries and not model.recurrent:
            raise UserError(f"{task.name} carries states from batch to batch: it is for recurrent cells")
        if recipe.omega:
            check(model)

    def run(self) -> Iterator[Look]:
        """Take the steps that are left, and yield what is seen: at every look, and at the end.

        A training that diverges or reaches its goal ends there; `curve.end` says which.
        """
        return (look for look in self.walk() if look is not None)

    def walk(self) -> Iterator[Look | None]:
        """Take the steps that are left, as `run` does, and yield after every one: its look, or None without one."""
        recipe = self.recipe
        steps = range(self.steps, recipe.steps if self.curve.end == "running" else self.steps)
        started = time.perf_counter()
        for step, batch in zip(steps, feed(self._batch, steps), strict=True):
            looked_at = (step + 1) % recipe.evaluate_every == 0 or step + 1 == recipe.steps
            seen = self._seen(step, batch, states=self.reaches) if looked_at else None
            self.unread.append(seen.loss if seen else self._step(step, batch))
            if seen:
                self.read()
            self.seconds += time.perf_counter() - started
            yield self._noted(step, seen) if seen else None
            if self.curve.end != "running":
                return
            started = time.perf_counter()

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return self.curve.steps + len(self.unread)

    def read(self) -> list[float]:
        """Return the losses of the steps since the last look, from the device as far as they are not yet here."""
        self.unread = [float(one if isinstance(one, float) else self.network.fetch(one)) for one in self.unread]
        return self.unread

    def _noted(self, step: int, seen: Seen) -> Look:
        """Return the look after a step, noted in the curve with the losses of the steps that led to it."""
        losses, self.unread = self.read(), []
        sound = self.curve.add(losses, self.recipe.bound)
        look = self._look(step, float(np.mean(losses)), seen, sound=sound)
        self.curve.looks.append(look)
        self._end(step, look)
        return look

    def _batch(self, step: int) -> Batch:
        recipe = self.recipe
        batch = self.task.training_batch(recipe.seed, step, self.model, size=recipe.batch_size, length=recipe.length)
        return readable(batch, self.model)

    def _step(self, step: int, batch: Batch) -> Array:
        """Take one step and return its loss: by the backend's own step, unless more than that is wanted of it."""
        if self.task.carries or self.recipe.omega:
            return self._seen(step, batch, states=self.recipe.omega > 0).loss
        return self.network.step(self.network.put(batch), self.recipe.optimizer_at(step))

    def _seen(self, step: int, batch: Batch, *, states: bool) -> Seen:
        """Take one step by forward, backward and update, and return what was seen of it."""
        batch = self._carrying(step, batch)
        tape = self.network.forward(self.network.put(batch), states=states)
        gradients = self.network.backward(tape)
        if tape.last_state is not None:
            self.state = tuple(map(self.network.fetch, tape.last_state))
        if self.recipe.omega:
            gradients = self._regularised(batch, gradients)
        self.network.update(gradients, self.recipe.optimizer_at(step))
        return Seen(batch, tape.loss, gradients)

    def _regularised(self, batch: Batch, gradients: Gradients) -> Gradients:
        """Return the gradients with those of the recipe's regulariser: added here, and carried to the device.

        What carries them is a network that has them for parameters: the one thing that a backend takes arrays in for.
        """
        network, host = self.network, self.network.fetch_gradients(gradients)
        assert host.states is not None
        added = omega(self.model, self.parameters(), batch, host.states).gradients
        sums = {name: g + self.recipe.omega * added.get(name, 0.0) for name, g in host.parameters.items()}
        carrier = self.backend.build(self.model, sums, device=network.device, dtype=network.dtype)
        return replace(gradients, parameters=carrier.parameters)

    def _carrying(self, step: int, batch: Batch) -> Batch:
        """Return the batch with the states that it carries on from, if the task carries any."""
        if not self.task.carries:
            return batch
        if self.state is None or self.task.restarts(step, size=self.recipe.batch_size, length=self.recipe.length):
            self.state = zero_state(self.model, batch)
        return replace(batch, state=self.state)

    def _look(self, step: int, loss: float, seen: Seen, *, sound: bool) -> Look:
        gradients = self.network.fetch_gradients(Gradients(seen.gradients.parameters))
        return Look(
            step=step + 1,
            loss=loss,
            gradient_norm=float(global_norm(gradients.parameters)),
            horizon=self._horizon(seen),
            score=self.score(self.split) if sound else float("nan"),
            rate=self.recipe.optimizer_at(step).lr,
            seconds=self.seconds,
        )

    def _horizon(self, seen: Seen) -> float:
        """Return how far back the gradient reaches; NaN without time steps, or without state gradients."""
        if not self.reaches:
            return float("nan")
        network = self.network
        if self.model.readout != "all":
            return reach(network.fetch_gradients(seen.gradients), seen.batch)
        return probe(
            self.backend, self.model, self.parameters(), seen.batch, device=network.device, dtype=network.dtype
        )

    def score(self, split: str) -> float:
        """Return the network's score on a split."""
        return evaluate(self.network, self.task, split, size=EVALUATED_AT_ONCE, length=self.recipe.length)

    def parameters(self) -> dict[str, np.ndarray]:
        """Return the network's parameters as host arrays."""
        return {name: self.network.fetch(array) for name, array in self.network.parameters.items()}

    def _end(self, step: int, look: Look) -> None:
        """Note how the training ended, if it has."""
        goal, curve = self.recipe.goal, self.curve
        if curve.end == "running" and goal is not None and self.task.score.reached(look.score, goal):
            curve.end = "solved"
        elif curve.end == "running" and step + 1 == self.recipe.steps:
            curve.end = "done"
