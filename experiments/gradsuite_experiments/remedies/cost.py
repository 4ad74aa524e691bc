"""What a training step costs beside plain tanh's: both are timed in each round, so that what slows a round cancels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from gradsuite.backend import DeviceBatch, Network
from gradsuite.measuring.intervals import Interval, ratio_interval
from gradsuite.measuring.timing import Budget, Timer
from gradsuite.optimizers import Optimizer
from gradsuite.rows import Measurement

from gradsuite_experiments.common.frames import where
from gradsuite_experiments.remedies.laws import SECONDS, SECONDS_PLAIN

if TYPE_CHECKING:
    import pandas as pd

ENOUGH = 3  # undisturbed rounds whose median is worth more than that of all rounds


@dataclass(frozen=True, slots=True)
class Step:
    """What a training step takes: a network, its batch and the optimizer."""

    network: Network
    batch: DeviceBatch
    optimizer: Optimizer

    def timer(self) -> Timer:
        """Return a timer of it, warmed up."""
        timer = Timer(lambda _: self.network.step(self.batch, self.optimizer), self.network.synchronize)
        timer.warm_up()
        return timer


def paired_seconds(step: Step, plain: Step, rounds: int) -> Iterator[Measurement]:
    """Yield seconds of a remedy's step and of plain tanh's, one of each per round, which of them first by turns."""
    timers = {SECONDS: step.timer(), SECONDS_PLAIN: plain.timer()}
    budget = Budget()
    for index in range(rounds):
        for metric in sorted(timers, reverse=index % 2 == 1):
            taken = timers[metric].sample(budget)
            note = taken.disturbance() or ""
            yield Measurement(metric, taken.seconds, "s", index=index, member=0, note=note)


@dataclass(frozen=True, slots=True)
class Cost:
    """Time of a step over plain tanh's, the median of paired ratios with its interval; how many rounds of how many."""

    ratio: Interval
    kept: int
    rounds: int

    @property
    def unsettled(self) -> bool:
        """Whether most rounds were disturbed."""
        return 2 * self.kept < self.rounds


def cost(trial: "pd.DataFrame") -> Cost | None:
    """Return what a trial's step costs, or None where it was not timed.

    Disturbed rounds are left out as long as three others are there: whether a sample is disturbed does not depend on
    how long it took.
    """
    samples = {
        metric: where(trial, metric=metric).set_index("index").sort_index() for metric in (SECONDS, SECONDS_PLAIN)
    }
    if any(taken.empty for taken in samples.values()):
        return None
    quiet = np.logical_and.reduce([(taken["note"].fillna("") == "").to_numpy() for taken in samples.values()])
    used = quiet if quiet.sum() >= ENOUGH else np.ones_like(quiet)
    seconds, plain = (taken["value"].to_numpy(float)[used] for taken in samples.values())
    return Cost(ratio_interval(seconds, plain), int(quiet.sum()), len(quiet))
