"""Ratios of what was timed twice: each with an interval, and with a p-value that allows for how many there are."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from gradsuite.alias import original, twin
from gradsuite.runs.noise import ASSUMED, Contrast, Noise, call_noise, measured_noise
from gradsuite.runs.workloads import Sampled, Workload, centre

CONFIDENCE = 0.95
LEVEL = 1 - CONFIDENCE
GAUSSIAN = 1e12  # degrees of freedom, from which on Student's t is Gaussian
FEW = 3  # workloads of a backend: of fewer the centre is one of them
Verdict = Literal["slower", "faster", "no difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A log ratio as it was measured: the standard errors of what it is made of, each from how many samples.

    `short` is its standard deviation on account of calls that are short.
    """

    value: float
    errors: tuple[float, ...]
    counts: tuple[int, ...]
    short: float = 0.0

    @property
    def error(self) -> float:
        """Its standard error, but for the noise of the machine."""
        return math.hypot(*self.errors, self.short)


@dataclass(frozen=True, slots=True)
class Ratio:
    """New over base, with its 95% interval; `what` is a workload, or the backend of a geometric mean.

    `p` and `p_slower` are corrected for all ratios of the comparison (Holm): that it is not 1, and that it is more than
    the threshold.
    """

    what: Workload | str
    ratio: float
    low: float
    high: float
    p: float
    p_slower: float

    @property
    def verdict(self) -> Verdict:
        """Whether it differs from 1, all ratios considered."""
        if self.p >= LEVEL:
            return "no difference"
        return "slower" if self.ratio > 1 else "faster"

    @property
    def exceeds(self) -> bool:
        """Whether it is more than the threshold: then its interval excludes that, too."""
        return self.p_slower < LEVEL / 2


@dataclass(frozen=True, slots=True)
class Ratios:
    """All ratios of a comparison, and the noise that they were held against."""

    workloads: tuple[Ratio, ...]
    means: tuple[Ratio, ...]
    noise: Noise
    threshold: float = 0.0

    @property
    def different(self) -> list[Ratio]:
        """The workloads that are slower or faster, the slowest first."""
        found = [one for one in self.workloads if one.verdict != "no difference"]
        return sorted(found, key=lambda one: -one.ratio)

    @property
    def exceeding(self) -> list[Ratio]:
        """The workloads and means that are slower by more than the threshold."""
        return [one for one in (*self.means, *self.workloads) if one.exceeds]

    @property
    def resolution(self) -> float:
        """The relative change that the median workload's interval reaches: what is smaller could not be seen."""
        return float(np.median([one.high / one.ratio - 1 for one in self.workloads])) if self.workloads else math.nan


def between(base: Mapping[Workload, Sampled], new: Mapping[Workload, Sampled]) -> dict[Workload, Difference]:
    """Return the differences of two runs, in what both have."""
    return {
        what: Difference(
            after.value - before.value,
            (before.error, after.error),
            (before.count, after.count),
            shortness(base[what], new[what]),
        )
        for what in base
        if what in new
        for before, after in [(centre(base[what].used), centre(new[what].used))]
    }


def within(sampled: Mapping[Workload, Sampled], backend: str, other: str) -> dict[Workload, Difference]:
    """Return the differences of two backends of one run, `other` to `backend`, paired round by round."""
    found: dict[Workload, Difference] = {}
    for what, samples in sampled.items():
        if what.backend == other and (beside := sampled.get(what.on(backend))):
            one = centre(samples.over(beside).used)
            found[what] = Difference(one.value, (one.error,), (one.count,), shortness(samples, beside))
    return found


def shortness(*sampled: Sampled) -> float:
    """Return the noise of calls as short as the shorter of these, where they are in seconds."""
    timed = all(one.unit == "s" for one in sampled)
    return call_noise(math.exp(min(float(np.median(one.logs)) for one in sampled))) if timed else 0.0


def twins(sampled: Mapping[Workload, Sampled]) -> list[Contrast]:
    """Return what a run says of its own noise: each backend's twin against it."""
    names = {what.backend for what in sampled}
    doubled = [name for name in names if twin(original(name)) in names and name == original(name)]
    return [Contrast(one.value, one.error) for name in doubled for one in within(sampled, name, twin(name)).values()]


def scatter(differences: Mapping[Workload, Difference]) -> tuple[list[Contrast], int]:
    """Return how workloads differ from their backend's centre, or that of all where they are few, and of how many."""
    groups: dict[str, list[Difference]] = defaultdict(list)
    for what, one in differences.items():
        groups[what.backend].append(one)
    if min(map(len, groups.values()), default=0) < FEW:
        groups = {"all": list(differences.values())}
    contrasts: list[Contrast] = []
    for alike in groups.values():
        middle = float(np.median([one.value for one in alike])) if alike else 0.0
        contrasts += [Contrast(one.value - middle, one.error) for one in alike]
    return contrasts, len(groups)


def ratios(
    differences: Mapping[Workload, Difference],
    known: Sequence[Contrast] = (),
    *,
    spread: bool = True,
    threshold: float = 0.0,
    assumed: float = ASSUMED,
    tails: float = GAUSSIAN,
) -> Ratios:
    """Return the ratios with their intervals, held against the noise.

    It is measured on the contrasts that are `known` to be noise and, with `spread`, on how the workloads themselves are
    scattered. A ratio's logarithm is taken for Student's t with the degrees of freedom of its parts (Welch 1947,
    Biometrika 34:28-35), or `tails` where they are more; p-values are corrected by Holm's method (1979, Scand. J. Stat.
    6:65-70).
    """
    contrasts, fitted = scatter(differences) if spread else ([], 0)
    noise = measured_noise([*contrasts, *known], fitted=fitted, assumed=assumed)
    each = [judged(what, one, noise, threshold, tails) for what, one in differences.items()]
    means = [judged(name, mean, noise, threshold, tails) for name, mean in geometric_means(differences, noise).items()]
    judgements = holm([*each, *means])
    return Ratios(tuple(judgements[: len(each)]), tuple(judgements[len(each) :]), noise, threshold)


def geometric_means(differences: Mapping[Workload, Difference], noise: Noise) -> dict[str, Difference]:
    """Return each backend's mean log ratio, of those that have several workloads; what is known better counts more.

    Weights are inverse variances, with the noise that each workload has by itself: microseconds of an update would else
    hide what seconds of all others say. The mean is held against as much noise as one workload is: what all of a run's
    workloads share does not average out.
    """
    found: dict[str, Difference] = {}
    for name in dict.fromkeys(what.backend for what in differences):
        alike = [one for what, one in differences.items() if what.backend == name]
        if len(alike) > 1:
            errors = np.array([one.error for one in alike])
            weights = np.array([noise.deviation(error) for error in errors]) ** -2.0
            weights /= weights.sum()
            value = float(weights @ [one.value for one in alike])
            samples = sum(min(one.counts) for one in alike)
            found[name] = Difference(value, (float(np.linalg.norm(weights * errors)),), (samples,))
    return found


def judged(what: Workload | str, one: Difference, noise: Noise, threshold: float, tails: float = GAUSSIAN) -> Ratio:
    """Return a ratio with its interval and its own p-values, not corrected yet."""
    deviation = noise.deviation(one.error)
    parts = [(error, count - 1) for error, count in zip(one.errors, one.counts, strict=True)]
    uncertain = sum(error**4 / freedom for error, freedom in [*parts, (noise.measured, noise.freedom)])
    freedom = min(deviation**4 / uncertain, tails) if uncertain else tails
    reach = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * deviation
    low, middle, high = (math.exp(one.value + side * reach) for side in (-1, 0, 1))
    two_sided = 2 * float(stdtr(freedom, -abs(one.value) / deviation))
    slower = float(stdtr(freedom, (math.log1p(threshold) - one.value) / deviation))
    return Ratio(what, middle, low, high, two_sided, slower)


def holm(found: Sequence[Ratio]) -> list[Ratio]:
    """Return the ratios with p-values that are corrected for how many they are."""
    both = [corrected([getattr(one, name) for one in found]) for name in ("p", "p_slower")]
    return [replace(one, p=p, p_slower=slower) for one, p, slower in zip(found, *both, strict=True)]


def corrected(p: Sequence[float]) -> list[float]:
    """Return p-values by Holm's method: the least times how many there are, the next times one less, and so on."""
    order = np.argsort(p, kind="stable")
    times = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    values = np.empty(len(p))
    values[order] = np.minimum(np.maximum.accumulate(times), 1.0)
    return [float(value) for value in values]
