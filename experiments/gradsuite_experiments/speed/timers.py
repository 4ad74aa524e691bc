"""What is timed, and how one round of it is taken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from gradsuite.backend import DeviceBatch, Network
from gradsuite.measuring.contention import Watch
from gradsuite.measuring.timing import Budget, Timer
from gradsuite.optimizers import Adam
from gradsuite.rows import Measurement

from gradsuite_experiments.speed.metrics import (
    BACKWARD,
    FORWARD,
    GRADIENT,
    GRADIENT_STATES,
    STEP,
    UPDATE,
)

OPTIMIZER = Adam(lr=1e-4)


@dataclass(frozen=True, slots=True)
class Timed:
    """A call with its timer and metric; of a product, also which one it is and which library multiplies."""

    metric: str
    timer: Timer
    member: int | None = None
    library: str = ""


def phases(network: Network, batch: DeviceBatch) -> list[Timed]:
    """Return the parts of a learning step, then the whole step, then loss and gradients.

    Nothing is called yet, so that the first calls of all but the last are first indeed.
    """

    def timed(metric: str, call: Callable[[Any], object], prepare: Callable[[], Any] = lambda: None) -> Timed:
        return Timed(metric, Timer(call, network.synchronize, prepare=prepare))

    gradients = cache(lambda: network.backward(network.forward(batch)))
    return [
        timed(FORWARD, lambda _: network.forward(batch)),
        timed(BACKWARD, network.backward, prepare=lambda: network.forward(batch)),
        timed(UPDATE, lambda gradients: network.update(gradients, OPTIMIZER), prepare=gradients),
        step(network, batch),
        gradient(network, batch),
    ]


def step(network: Network, batch: DeviceBatch) -> Timed:
    """Return a whole learning step, as the backend or peer does it best."""
    return Timed(STEP, Timer(lambda _: network.step(batch, OPTIMIZER), network.synchronize))


def gradient(network: Network, batch: DeviceBatch) -> Timed:
    """Return the loss and all parameter gradients."""
    return Timed(GRADIENT, Timer(lambda _: network.backward(network.forward(batch)), network.synchronize))


def gradient_states(network: Network, batch: DeviceBatch) -> Timed:
    """Return the loss and all parameter gradients, with the norms of all state gradients fetched."""

    def with_norms(_: Any) -> object:
        states = network.fetch(network.backward(network.forward(batch, states=True)).states)
        return np.sqrt(np.einsum("...bh,...bh->...", states, states))

    return Timed(GRADIENT_STATES, Timer(with_norms, network.synchronize))


def one_round(calls: Sequence[Timed], index: int, budget: Budget) -> list[Measurement]:
    """Return a sample of each call; if other processes computed during the round, every sample says so.

    A sample of 20 ms is too short to see a neighbour on one core in it, for the system counts in ticks of 10 ms.
    """
    watch = Watch()
    rows = [sample(timed, index, budget) for timed in calls]
    reason = watch.stop().disturbance() or ""
    return [
        row if timed.library else replace(row, note=row.note or reason) for timed, row in zip(calls, rows, strict=True)
    ]


def sample(timed: Timed, index: int, budget: Budget) -> Measurement:
    """Return one sample of a call, with what disturbed it; of a product, with its library instead."""
    taken = timed.timer.sample(budget)
    note = timed.library or taken.disturbance() or ""
    return Measurement(timed.metric, taken.seconds, "s", index=index, member=timed.member, note=note)
