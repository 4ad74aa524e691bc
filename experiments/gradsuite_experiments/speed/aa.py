"""The A/A test: a backend timed against itself must come out even, as often as its intervals say."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.alias import twin
from gradsuite.claims import Claim
from gradsuite.experiment import Figure, Table
from gradsuite.measuring.timing import Budget, Interval, Timer, ratio_interval
from gradsuite.parameters import initialise
from gradsuite.rows import Measurement
from gradsuite.settings import Grid, Presets, Setting, Settings

from gradsuite_experiments.common.frames import tally
from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.speed import workloads
from gradsuite_experiments.speed.experiment import ONE, Speed, sample
from gradsuite_experiments.speed.findings import disturbances, marked, undisturbed

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend
    from matplotlib.axes import Axes

DEMAND = "what this suite demands of its timings"
COVERS = "A 95% interval of a backend's ratio to itself covers 1."
NARROW = "Half of these intervals reach at most 2% to either side."
HALF_WIDTH = 0.02
SMALL: Grid = {
    **ONE,
    "cell": ["lstm"],
    "length": [20],
    "batch_size": [16],
    "hidden_size": [128],
    "fraction": [1],
    "rounds": [9],
}


class SpeedAa(Speed):
    """Trials one after the other, each as many interleaved rounds as a comparison has."""

    name: ClassVar[str] = "speed-aa"
    question: ClassVar[str] = "Is a backend as fast as itself, and how often and how closely do intervals say so?"
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        *Speed.settings,
        Setting("trials", int, "comparisons of a backend with itself, each of so many rounds", minimum=1),
    )
    presets: ClassVar[Presets] = {
        "quick": {**SMALL, "trials": [10]},
        "standard": {**SMALL, "trials": [100]},
    }

    def backends(self, names: Sequence[str]) -> list[str]:
        """Return every backend under two names, each of which has a worker of its own."""
        firsts = dict.fromkeys(name.removesuffix(twin("")) for name in names)
        return [either for name in firsts for either in (name, twin(name))]

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield one sample of loss and gradients a round, of all trials one after the other."""
        model, seed = workloads.model(settings), int(settings["seed"])
        network = backend.build(model, initialise(model, seed=seed), device=device, dtype=str(settings["dtype"]))
        batch = network.put(workloads.batch(model, settings, batch_rng(seed)))
        timer = Timer(lambda _: network.backward(network.forward(batch)), network.synchronize)
        timer.first()
        timer.warm_up()
        yield []
        budget = Budget()
        for index in range(int(settings["trials"]) * int(settings["rounds"])):
            yield list(sample("gradient", timer, index, budget))

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield how often the intervals of each backend cover 1, how wide they are, and what was disturbed."""
        for backend, workload, found in trials(rows):
            covered = sum(interval.covers(1.0) for interval in found)
            yield (
                f"{backend} against itself ({workload}): {covered} of {len(found)} intervals cover 1; half of them "
                f"reach at most {half_width(found):.1%} to either side."
            )
        for backend, workload, overall in lasting(rows):
            if not overall.covers(1.0):
                yield (
                    f"{backend} against itself ({workload}): over all trials one worker takes {overall.median:.3f} "
                    f"({overall.low:.3f} to {overall.high:.3f}) times as long as the other. They compute the "
                    "same: such a difference lasts as long as two processes do, and one no larger between two backends "
                    "means nothing."
                )
        yield from disturbances(rows)

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield for each backend whether its intervals cover 1 often enough, and whether they are narrow."""
        for backend, _, found in trials(rows):
            covered = float(np.mean([interval.covers(1.0) for interval in found]))
            # 2.3 standard deviations of a share of this many trials: at least 90 of 100.
            allowed = 2.3 * math.sqrt(0.95 * 0.05 / len(found))
            yield Claim(self.name, backend, COVERS, DEMAND, 0.95, covered, allowed, ">=")
            yield Claim(self.name, backend, NARROW, DEMAND, HALF_WIDTH, half_width(found), 0.0, "<=")

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield every trial's interval, a panel a backend."""
        from gradsuite.report import style

        found = list(trials(rows))
        if not found:
            return
        drawn, panels = style.figure(1, len(found), height=4.6, sharey=True)
        for axes, (backend, workload, intervals) in zip(panels[0], found, strict=True):
            draw(axes, backend, intervals)
            axes.set_title(f"{backend}, {workload}")
        panels[0, 0].set_ylabel("seconds over seconds of the same backend")
        style.title(drawn, tally(claims, "What is equal comes out equal", "What is equal does not come out equal"))
        yield Figure(
            "speed-aa",
            "The paired ratio of a backend to itself and its 95% interval, a bar a trial, in the order of the ratios; "
            "bars that miss 1 are in ink.",
            drawn,
        )

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield none: the claims say it all."""
        return iter(())


def pairs(rows: "pd.DataFrame") -> "Iterator[tuple[str, str, pd.DataFrame, pd.DataFrame]]":
    """Yield each backend and workload with the samples of its two workers, and whether each was disturbed."""
    for workload, samples, marks in marked(rows, "gradient"):
        for backend in (str(name) for name in samples if twin(str(name)) in samples):
            both = [backend, twin(backend)]
            yield backend, workload, samples[both], marks[both]


def trials(rows: "pd.DataFrame") -> Iterator[tuple[str, str, list[Interval]]]:
    """Yield each backend and workload with the ratio to itself in every trial."""
    for backend, workload, samples, marks in pairs(rows):
        trial = samples.index.get_level_values("index") // int(rows["rounds"].iloc[0])
        blocks = (undisturbed(own, marks.loc[own.index]) for _, own in samples.groupby(trial))
        yield backend, workload, [ratio_interval(*block.to_numpy().T) for block in blocks if len(block)]


def lasting(rows: "pd.DataFrame") -> Iterator[tuple[str, str, Interval]]:
    """Yield each backend and workload with the ratio to itself over the rounds of all trials."""
    for backend, workload, samples, marks in pairs(rows):
        yield backend, workload, ratio_interval(*undisturbed(samples, marks).to_numpy().T)


def half_width(found: Sequence[Interval]) -> float:
    """Return the median of how far the intervals reach to either side."""
    return float(np.median([(interval.high - interval.low) / 2 for interval in found]))


def draw(axes: "Axes", backend: str, found: Sequence[Interval]) -> None:
    """Draw the intervals in the order of their medians."""
    from gradsuite.report.palette import INK, backend_colour

    for place, interval in enumerate(sorted(found, key=lambda one: one.median)):
        look = {"color": backend_colour(backend), "alpha": 0.5} if interval.covers(1.0) else {"color": INK}
        axes.vlines(place, interval.low, interval.high, linewidth=1.4, **look)
        axes.plot(place, interval.median, ".", markersize=4, **look)
    axes.axhline(1.0, color=INK, linewidth=1.0, zorder=1)
    axes.set_xlabel("trials")
