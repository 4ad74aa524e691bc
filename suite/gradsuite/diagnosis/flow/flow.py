"""Where the gradient goes: its norm by lag, the horizon, the rate per step, and the verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from gradsuite.diagnosis.thresholds import GROWN
from gradsuite.measuring.intervals import median_interval
from gradsuite.theory.horizon import horizon

Along = Literal["steps", "layers"]
Verdict = Literal["vanishing", "stable", "exploding"]
FEW = 6  # sequences: the median of fewer has no interval of 95%
SCORE = 1.96  # standard errors to either side of a 95% interval


class Rate(NamedTuple):
    """d ln |dL/dh| / d lag with its 95% interval, and how that was got."""

    value: float
    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Flow:
    """The norm of a gradient at one place, or several together, by how far it has come.

    `norms` is (lags, B), one column per sequence or example, NaN at lags that a sequence does not have; each is that of
    `numbers` numbers. Lags count `along` steps of time, or layers of a network that has no other depth; they count
    later steps in the backward direction of a bidirectional layer (`reverse`).
    """

    place: str
    norms: np.ndarray
    numbers: int
    along: Along = "steps"
    reverse: bool = False

    @cached_property
    def left(self) -> np.ndarray:
        """What is left of the gradient, by lag: the median over the batch of its norm over that where it begins.

        Lags that fewer than half of the sequences have are left out.
        """
        begins = self.norms[0]
        sound = self.norms[:, np.isfinite(begins) & (begins > 0)]
        if not sound.size:
            return np.full(1, np.nan)
        common = (~np.isnan(sound)).mean(axis=1) >= 0.5
        common = common if common.all() else np.arange(len(common)) < np.argmin(common)
        return np.nanmedian(sound[common] / sound[0], axis=1)

    @property
    def longest(self) -> int:
        """The longest lag that half of the sequences have."""
        return len(self.left) - 1

    @cached_property
    def rate(self) -> Rate:
        """The rate: of each sequence the slope of ln |dL/dh| over its lags, of these the median and its interval.

        Of fewer than 6 sequences it is the slope of all their logarithms, with its standard error. NaN for one lag.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(self.norms)
        logs = np.where(np.isfinite(logs), logs, np.nan)
        slopes = [slope for column in logs.T if not np.isnan(slope := _line(column)[0])]
        if len(slopes) >= FEW:
            interval = median_interval(slopes)
            method = f"median of {len(slopes)} sequences, by order statistics"
            return Rate(interval.median, interval.low, interval.high, method)
        lines = [_line(column) for column in logs.T]
        sound = [line for line in lines if not np.isnan(line[0])]
        if not sound:
            return Rate(np.nan, np.nan, np.nan, "too few steps")
        value = float(np.mean([slope for slope, _ in sound]))
        error = SCORE * float(np.sqrt(np.sum([error**2 for _, error in sound]))) / len(sound)
        return Rate(value, value - error, value + error, "standard error of a regression on the lag")

    @cached_property
    def horizon(self) -> float:
        """The lag at which 1/1000 is left; beyond the longest lag the gradient is taken to fall on at its rate."""
        if np.isnan(self.left).any():
            return float("nan")
        return horizon(self.left, self.rate.value)

    @property
    def verdict(self) -> Verdict:
        """Vanishing where less than 1/1000 reaches the longest lag, exploding where it grows more than tenfold."""
        if np.nanmax(self.left, initial=0.0) > GROWN and (self.rate.low > 0 or not np.isfinite(self.left).all()):
            return "exploding"
        return "vanishing" if self.horizon < self.longest else "stable"

    @property
    def typical(self) -> np.ndarray:
        """The size of a typical number (lags, B): the root mean square."""
        return self.norms / np.sqrt(self.numbers)


NOTHING = Flow("the layer", np.full((1, 1), np.nan), 1)  # of a gradient that nothing is known of


def together(flows: Sequence[Flow], place: str) -> Flow:
    """Return the flow of several places of one batch in one direction as one: the norm over all their numbers."""
    squares = sum(np.square(flow.norms) for flow in flows)
    return replace(flows[0], place=place, norms=np.sqrt(squares), numbers=sum(flow.numbers for flow in flows))


def distance(left: float) -> float:
    """Return how far what is left is from a whole gradient: |ln left|."""
    return abs(math.log(left)) if left > 0 and math.isfinite(left) else math.inf


def by_lag(norms: np.ndarray, last: np.ndarray, lengths: np.ndarray, *, reverse: bool = False) -> np.ndarray:
    """Return norms (T, B) by lag back from each sequence's step `last` (B), NaN past its other end: (lags, B).

    A backward direction goes back towards `lengths` (B). A sequence whose `last` is -1 has no lag.
    """
    steps = np.arange(len(norms))[:, np.newaxis]
    places = last + steps if reverse else last - steps
    there = (places >= 0) & (places < lengths) & (last >= 0)
    found = np.where(there, np.take_along_axis(norms, np.clip(places, 0, len(norms) - 1), axis=0), np.nan)
    longest = int(there.sum(axis=0).max(initial=1))
    return found[: max(longest, 1)]


def _line(logs: np.ndarray) -> tuple[float, float]:
    """Return the slope of logarithms (lags), without those that are NaN, and its standard error; NaN for one or two.

    The first lag is left out: where a loss reads h alone, c has yet to get its share.
    """
    lags = np.flatnonzero(~np.isnan(logs))
    lags = lags[lags > 0] if len(lags) > 3 else lags
    if len(lags) < 2:
        return float("nan"), float("nan")
    centred = lags - lags.mean()
    spread = float(centred @ centred)
    slope = float(centred @ logs[lags]) / spread
    rest = logs[lags] - logs[lags].mean() - slope * centred
    return slope, float(np.sqrt(rest @ rest / max(len(lags) - 2, 1) / spread))
