"""Figures of speed: seconds per step with their spread, and the phases that a step consists of."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.measuring.intervals import median_interval
from gradsuite.report import style
from gradsuite.report.palette import INK, backend_colour, backend_order
from matplotlib.axes import Axes

from gradsuite_experiments.speed.findings import fastest, ratios, rounds
from gradsuite_experiments.speed.metrics import BACKWARD, FORWARD, STEP, UPDATE

PHASES = (FORWARD, BACKWARD, UPDATE)
HEIGHT = 0.30  # inches per workload
SPREAD = 0.56  # of a workload's line that its backends share
FARTHEST = 30.0  # times the fastest: a ratio beyond it is drawn at the edge, its number is in the table
TICKS = (1, 2, 3, 5, 10, 20, 30)

Rounds = Mapping[str, pd.DataFrame]  # by workload: one row per round, one column per backend


def step_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield seconds per step, and beside them the paired ratio to the fastest, a line per workload."""
    by_workload = dict(rounds(rows, STEP))
    if not by_workload:
        return
    figure, panels = style.figure(1, 2, height=1.8 + HEIGHT * len(by_workload), sharey=True)
    times, behind = panels[0]
    spreads = spread(by_workload)
    draw_spread(times, spreads)
    draw_ratios(behind, relative(by_workload))
    workload_axis(times, list(by_workload))
    style.unit_axis(times, "x", "a whole step", "s")
    style.title(figure, next(fastest(rows), "Seconds per step").rstrip("."))
    style.backend_legend(figure, list(spreads["backend"]))
    yield Figure(
        "speed",
        "Left, seconds per learning step: the median, a thick bar for its 95% interval and a thin one from the fastest "
        "to the slowest round. Right, its ratio to the fastest backend, round by round.",
        figure,
    )


def phase_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a column of seconds for each phase."""
    by_phase = {phase: dict(rounds(rows, phase)) for phase in PHASES}
    names = list(by_phase[FORWARD])
    if not names:
        return
    figure, panels = style.figure(1, len(PHASES), height=1.8 + HEIGHT * len(names), sharey=True, sharex=True)
    for axes, (phase, by_workload) in zip(panels[0], by_phase.items(), strict=True):
        axes.set_title(phase)
        draw_spread(axes, spread({name: by_workload[name] for name in names if name in by_workload}))
        style.unit_axis(axes, "x", "", "s")
    workload_axis(panels[0, 0], names)
    style.title(figure, headline(by_phase))
    style.backend_legend(figure, [str(backend) for samples in by_phase[FORWARD].values() for backend in samples])
    yield Figure(
        "speed-phases",
        "Seconds per call of each phase by itself, drawn as in the figure before. A whole step may take less than "
        "their sum: a backend may compile or fuse it.",
        figure,
    )


def headline(by_phase: Mapping[str, Rounds]) -> str:
    """Return how long backward takes, in units of forward, for each backend in the median workload."""
    forward = pd.DataFrame({name: samples.median() for name, samples in by_phase[FORWARD].items()})
    backward = pd.DataFrame({name: samples.median() for name, samples in by_phase[BACKWARD].items()})
    factors = (backward / forward).median(axis=1).dropna()
    parts = [f"{factors[name]:.1f} with {name}" for name in backend_order(list(factors.index))]
    return f"Backward takes, in units of forward: {', '.join(parts)}"


def spread(by_workload: Rounds) -> pd.DataFrame:
    """Return the median, its interval and the range of the samples, a row per workload and backend."""
    lines = []
    for place, samples in enumerate(by_workload.values()):
        for backend in samples:
            interval = median_interval(samples[backend].to_numpy())
            ends = {"low": interval.low, "high": interval.high}
            ends |= {"least": samples[backend].min(), "most": samples[backend].max()}
            lines.append({"backend": str(backend), "place": place, "median": interval.median, **ends})
    return pd.DataFrame(lines)


def relative(by_workload: Rounds) -> pd.DataFrame:
    """Return the paired ratio to the fastest with its interval, a row per workload and backend."""
    return pd.DataFrame(
        {"backend": backend, "place": place, "median": ratio.median, "low": ratio.low, "high": ratio.high}
        for place, samples in enumerate(by_workload.values())
        for backend, ratio in ratios(samples).items()
    )


def draw_spread(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw medians, their intervals and the ranges of the samples along x."""
    rows = side_by_side(rows)
    bars(axes, rows, "least", "most", linewidth=0.8, alpha=0.6)
    bars(axes, rows, "low", "high", linewidth=2.6, alpha=0.6)
    style.points(axes, rows, "median", "place")


def draw_ratios(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw ratios to the fastest and their intervals, those too far away at the edge."""
    farthest = rows["high"].max()
    rows = side_by_side(rows.assign(median=rows["median"].clip(upper=FARTHEST), high=rows["high"].clip(upper=FARTHEST)))
    bars(axes, rows, "low", "high", linewidth=1.4, alpha=0.8)
    style.points(axes, rows, "median", "place")
    style.log_axis(axes, "x", "times the fastest (paired, 95% interval)")
    style.values_axis(axes, "x", [tick for tick in TICKS if tick <= max(2, farthest * 1.2)])
    axes.axvline(1.0, color=INK, linewidth=1.0, zorder=1)


def side_by_side(rows: pd.DataFrame, spread: float = SPREAD) -> pd.DataFrame:
    """Return the rows with the backends of each place on lines of their own."""
    return style.dodged(rows, "place", step=spread / rows["backend"].nunique())


def bars(axes: Axes, rows: pd.DataFrame, low: str, high: str, **line: Any) -> None:
    """Draw a bar along x for each row, in its backend's colour."""
    colours = rows["backend"].map(backend_colour).tolist()
    axes.hlines(rows["place"], rows[low], rows[high], colors=colours, zorder=2, **line)


def workload_axis(axes: Axes, names: list[str]) -> None:
    """Name the workloads from top to bottom."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
