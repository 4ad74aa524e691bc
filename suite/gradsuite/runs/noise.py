"""The noise of a machine: how far two measurements of one thing differ by more than their rounds are spread.

Rounds say how well a median is known while its process lives. Another process lies otherwise in memory, another hour
has other neighbours: that is measured on what cannot differ, or hardly: `NAME` beside `NAME@2`, and many workloads of
which most have not changed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

# Relative, one standard deviation, of what no measurement here can show: processes alike in layout differ by .7% for as
# long as they live (docs/measuring-speed.md), and two runs have an hour each that all of their workloads share.
ASSUMED = 0.01
ASSUMED_TOGETHER = 0.007  # of workers that were measured in turn, in one hour
# Where workers are laid out at random, by a percent or two; and where too little was timed to measure the rest.
ASSUMED_ELSEWHERE = 0.02
# Degrees of freedom, at most, of a ratio between two runs. Of 20 pairs of runs of equal code, 5 had workloads 4 to 6
# standard deviations apart, all metrics of one process together: now and then one computes 5 to 15% slower than others
# of its kind for as long as it lives, and none of its rounds shows it.
TAILS = 5.0
FIXED = "fixed"  # what a machine says of its layout where all workers have one
# Seconds by which a call of the same code differs from one process to the next: of 0.2 ms by 5% (the same page).
CALL = 1e-5
# A standard deviation from the median of n absolute residuals is as uncertain as one from .37 n squared ones
# (Rousseeuw & Croux 1993, J. Am. Stat. Assoc. 88:1273-1283).
EFFICIENCY = 0.37
HALF = float(norm.ppf(0.75))  # the median of |z| for a standard normal z
LEAST = 4  # contrasts: fewer do not tell what is usual


@dataclass(frozen=True, slots=True)
class Contrast:
    """A difference of two logarithms that is nothing but noise if all is well, and its standard error from rounds."""

    difference: float
    error: float


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations, relative: `measured` on `count` contrasts (0: too few of them), and `assumed`."""

    measured: float
    count: int
    assumed: float

    @property
    def freedom(self) -> float:
        """How many degrees of freedom the measured part has."""
        return max(1.0, EFFICIENCY * self.count)

    def deviation(self, *errors: float) -> float:
        """Return the standard deviation of a log ratio whose parts have these standard errors."""
        return math.hypot(self.measured, self.assumed, *errors)


def assumed_noise(*layouts: object) -> float:
    """Return what is assumed of runs, or of one run, whose workers lay in memory like this."""
    if set(layouts) != {FIXED}:
        return ASSUMED_ELSEWHERE
    return ASSUMED if len(layouts) > 1 else ASSUMED_TOGETHER


def call_noise(seconds: float) -> float:
    """Return the relative standard deviation of calls this short, from one process to the next."""
    return CALL / seconds


def measured_noise(contrasts: Sequence[Contrast], *, fitted: int = 0, assumed: float = ASSUMED) -> Noise:
    """Return the noise that these contrasts show beyond their rounds; `fitted` centres were taken off them.

    It is the one with which half of the contrasts are within .6745 of their standard deviations: half of them may be
    anything else.
    """
    count = len(contrasts) - fitted
    if count < LEAST:
        return Noise(0.0, 0, max(assumed, ASSUMED_ELSEWHERE))
    differences = np.abs([contrast.difference for contrast in contrasts])
    squares = np.square([contrast.error for contrast in contrasts])

    def excess(noise: float) -> float:
        return float(np.median(differences**2 / (squares + noise**2))) - HALF**2

    least, most = 1e-9, float(differences.max()) / HALF + 1e-6
    measured = 0.0 if excess(least) <= 0 else float(brentq(excess, least, most))
    # Centres that were fitted to the contrasts lie closer to them than the true ones.
    return Noise(measured * math.sqrt(len(contrasts) / count), count, assumed)
