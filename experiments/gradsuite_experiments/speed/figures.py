"""Figures of speed: seconds a step with their spread, and the phases that a step consists of."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.measuring.timing import median_interval
from gradsuite.report import style
from gradsuite.report.palette import INK, backend_colour, backend_order
from matplotlib.axes import Axes

from gradsuite_experiments.speed.findings import fastest, ratios, rounds

PHASES = ("forward", "backward", "update")
ROW = 0.30  # inches of a workload
FARTHEST = 30.0  # times the fastest: a ratio beyond it is drawn at the edge, its number is in the table


def step_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield seconds a step, and beside them the paired ratio to the fastest, a line for each workload."""
    found = dict(rounds(rows, "step"))
    if not found:
        return
    drawn, panels = style.figure(1, 2, height=1.8 + ROW * len(found), sharey=True)
    times, behind = panels[0]
    backends = backend_order([str(name) for samples in found.values() for name in samples])
    for place, samples in enumerate(found.values()):
        relative = ratios(samples)
        for backend in samples:
            at = place + offset(backends, str(backend))
            spread(times, samples[backend].to_numpy(), at, str(backend))
            ratio = relative[str(backend)]
            look = {"color": backend_colour(str(backend)), "linewidth": 1.4, "alpha": 0.8}
            behind.hlines(at, ratio.low, min(ratio.high, FARTHEST), **look)
            style.measured(behind, [min(ratio.median, FARTHEST)], [at], str(backend))
    workload_axis(times, list(found))
    style.unit_axis(times, "x", "a whole step", "s")
    style.log_axis(behind, "x", "times the fastest (paired, 95% interval)")
    behind.axvline(1.0, color=INK, linewidth=1.0, zorder=1)
    farthest = max(r.high for samples in found.values() for r in ratios(samples).values())
    style.values_axis(behind, "x", [tick for tick in (1, 2, 3, 5, 10, 20, 30) if tick <= max(2, farthest * 1.2)])
    style.title(drawn, next(fastest(rows), "Seconds a step").rstrip("."))
    style.backend_legend(drawn, backends)
    yield Figure(
        "speed",
        "Left, seconds of a whole learning step: the median, a thick bar for its 95% interval and a thin one "
        "from the fastest to the slowest round. Right, the same round by round over the fastest backend.",
        drawn,
    )


def phase_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a column of seconds for each phase."""
    found: Mapping[str, dict[str, pd.DataFrame]] = {phase: dict(rounds(rows, phase)) for phase in PHASES}
    names = list(found["forward"])
    if not names:
        return
    drawn, panels = style.figure(1, len(PHASES), height=1.8 + ROW * len(names), sharey=True, sharex=True)
    backends = backend_order([str(name) for samples in found["forward"].values() for name in samples])
    for axes, (phase, by_workload) in zip(panels[0], found.items(), strict=True):
        axes.set_title(phase)
        for name, samples in by_workload.items():
            for backend in samples:
                at = names.index(name) + offset(backends, str(backend))
                spread(axes, samples[backend].to_numpy(), at, str(backend))
        style.unit_axis(axes, "x", "", "s")
    workload_axis(panels[0, 0], names)
    style.title(drawn, headline(found))
    style.backend_legend(drawn, backends)
    yield Figure(
        "speed-phases",
        "Seconds of each phase called by itself, as in the figure before. A whole step may take less than their sum: "
        "a backend may compile or fuse it.",
        drawn,
    )


def headline(found: Mapping[str, dict[str, pd.DataFrame]]) -> str:
    """Return how long backward takes, in units of forward, for each backend in the median workload."""
    forward = pd.DataFrame({name: samples.median() for name, samples in found["forward"].items()})
    backward = pd.DataFrame({name: samples.median() for name, samples in found["backward"].items()})
    factor = (backward / forward).median(axis=1)
    told = [f"{factor[name]:.1f} with {name}" for name in backend_order(list(factor.dropna().index))]
    return f"Backward takes, in units of forward: {', '.join(told)}"


def spread(axes: Axes, samples: np.ndarray, at: float, backend: str) -> None:
    """Draw a median, its interval and the range of the samples along x."""
    interval, colour = median_interval(samples), backend_colour(backend)
    axes.hlines(at, samples.min(), samples.max(), color=colour, linewidth=0.8, zorder=2, alpha=0.6)
    axes.hlines(at, interval.low, interval.high, color=colour, linewidth=2.6, zorder=2, alpha=0.6)
    style.measured(axes, [interval.median], [at], backend)


def offset(backends: list[str], backend: str) -> float:
    """Return how far from its workload's line a backend is drawn."""
    return 0.56 * ((backends.index(backend) + 0.5) / len(backends) - 0.5)


def workload_axis(axes: Axes, names: list[str]) -> None:
    """Name the workloads from top to bottom."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
