"""The history of workloads over many runs: a series each, and the steps in it with the first run after each."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import stdtr

from gradsuite.errors import UserError
from gradsuite.plugins import Plugins
from gradsuite.runs.barriers import backend_barrier, barriers
from gradsuite.runs.compare import Side, settings_varied
from gradsuite.runs.noise import Contrast, Noise, assumed_noise, measured_noise
from gradsuite.runs.ratios import GAUSSIAN, LEVEL, shortness
from gradsuite.runs.store import Run
from gradsuite.runs.workloads import Workload, centre

LEAST = 3  # runs: of fewer no step can be told from noise; gradsuite compare does what can be done of two


@dataclass(frozen=True, slots=True)
class Step:
    """A lasting change: `ratio` of the times after it to those before, and `first`, the first run after it."""

    first: str
    ratio: float
    p: float


@dataclass(frozen=True, slots=True)
class Series:
    """The median times of one workload, by run; `errors` are relative."""

    what: Workload
    unit: str
    runs: tuple[str, ...]
    medians: tuple[float, ...]
    errors: tuple[float, ...]
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """All series, those with steps first, the noise they were held against, and the runs that were left out."""

    runs: tuple[str, ...]
    series: tuple[Series, ...]
    noise: Noise
    left_out: Mapping[str, str]
    varied: Mapping[str, Sequence[str]]

    def label(self, what: Workload) -> str:
        """Return a workload in one line."""
        return what.label(self.varied.get(what.experiment, ()))


def history(runs: Sequence[Run], plugins: Plugins) -> History:
    """Return the series of these runs in the order in which they were begun, with the steps in them.

    Runs on another machine than the last one's are left out, and said to be. Raises UserError if fewer than three are
    left, or no workload was timed in three of them.
    """
    sides = sorted((Side(run, plugins) for run in runs), key=lambda side: side.meta.get("started", ""))
    last = sides[-1]
    reasons = {str(side.run.path): "; ".join(barriers(side.meta, last.meta)) for side in sides}
    left_out = {path: reason for path, reason in reasons.items() if reason}
    kept = [side for side in sides if str(side.run.path) not in left_out]
    if len(kept) < LEAST:
        said = "".join(f"; {path}: {reason.partition(';')[0]}" for path, reason in list(left_out.items())[:LEAST])
        raise UserError(f"a history takes at least {LEAST} runs that can be compared, not {len(kept)}{said}")
    found = list(series_of(kept, last))
    if not found:
        raise UserError(f"no workload was timed in {LEAST} of these runs")
    noise = measured_noise(list(jumps(found)), assumed=assumed_noise(*(side.layout for side in kept)))
    judged = [with_steps(one, noise, len(found)) for one in found]
    ordered = sorted(judged, key=lambda one: -max((abs(math.log(step.ratio)) for step in one.steps), default=0.0))
    return History(
        tuple(str(side.run.path) for side in kept),
        tuple(ordered),
        noise,
        left_out,
        settings_varied([side.trials for side in kept]),
    )


def series_of(sides: Sequence[Side], last: Side) -> Iterator[Series]:
    """Yield the series of each workload that enough runs have."""
    for what in dict.fromkeys(what for side in sides for what in side.sampled):
        having = [
            side for side in sides if what in side.sampled and not backend_barrier(what.backend, side.meta, last.meta)
        ]
        if len(having) >= LEAST:
            centres = [centre(side.sampled[what].used) for side in having]
            short = [shortness(side.sampled[what]) for side in having]
            yield Series(
                what,
                having[0].sampled[what].unit,
                tuple(str(side.run.path) for side in having),
                tuple(math.exp(one.value) for one in centres),
                tuple(math.hypot(one.error, noise) for one, noise in zip(centres, short, strict=True)),
            )


def jumps(series: Sequence[Series]) -> Iterator[Contrast]:
    """Yield how far each run is from the one before it, in units of one run: most of this is noise."""
    for one in series:
        logs, errors = np.log(one.medians), np.array(one.errors)
        for k in range(1, len(logs)):
            apart = (logs[k] - logs[k - 1]) / math.sqrt(2)
            yield Contrast(float(apart), math.hypot(errors[k], errors[k - 1]) / math.sqrt(2))


def with_steps(series: Series, noise: Noise, of: int) -> Series:
    """Return a series with its steps: where it falls into parts whose means differ by more than noise.

    The best split counts if its p-value does, corrected for all splits of this series and for how many series there
    are (Bonferroni); then each part is split in its turn (binary segmentation: Scott & Knott 1974, Biometrics 30:507).
    """
    logs = np.log(series.medians)
    deviation = noise.deviation(float(np.sqrt(np.mean(np.square(series.errors)))))
    cuts = dict(sorted(splits(logs, deviation, noise.freedom if noise.measured else GAUSSIAN, of * (len(logs) - 1))))
    ends = [0, *cuts, len(logs)]
    means = [float(logs[start:end].mean()) for start, end in pairwise(ends)]
    steps = [Step(series.runs[cut], math.exp(means[k + 1] - means[k]), p) for k, (cut, p) in enumerate(cuts.items())]
    return Series(series.what, series.unit, series.runs, series.medians, series.errors, tuple(steps))


def splits(
    logs: np.ndarray, deviation: float, freedom: float, tries: int, start: int = 0
) -> Iterator[tuple[int, float]]:
    """Yield where the series is split, with the corrected p-value of each."""
    n = len(logs)
    if n < 2:
        return
    sizes = np.arange(1, n)
    sums = np.cumsum(logs)[:-1]
    apart = (logs.sum() - sums) / (n - sizes) - sums / sizes
    scores = np.abs(apart) / (deviation * np.sqrt(1 / sizes + 1 / (n - sizes)))
    cut = int(scores.argmax()) + 1
    p = min(1.0, 2 * float(stdtr(freedom, -scores[cut - 1])) * tries)
    if p < LEVEL:
        yield from splits(logs[:cut], deviation, freedom, tries, start)
        yield start + cut, p
        yield from splits(logs[cut:], deviation, freedom, tries, start + cut)
