"""Seconds per step over T by loop and scans, and minimal cells beside their rivals."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import INK, backend_colour, backend_order
from gradsuite.schedule import SCANS
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from gradsuite_experiments.common.frames import levels, measured, where
from gradsuite_experiments.scan import laws
from gradsuite_experiments.scan.findings import against_rivals, gains

OTHERS = ((laws.PUBLISHED, f"published,\nT4 GPU: {laws.PUBLISHED:g}"), (laws.USERS, f"users: {laws.USERS:g}"))
LINES = dict(zip(SCANS, (":", "--", "-"), strict=True))
KEYS = {"loop": "loop, as written", "serial": "serial scan", "parallel": "parallel scan"}


def steps_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a panel for each cell: microseconds per step over T, a line per backend and scan."""
    curves = per_step(rows)
    if curves.empty or curves["length"].nunique() < 2:
        return
    cells = levels(curves, "linear_cell")
    figure, panels = style.figure(1, len(cells), height=4.0, sharey=True)
    for axes, cell in zip(panels[0], cells, strict=True):
        draw(axes, where(curves, linear_cell=cell), "seconds")
        style.unit_axis(axes, "y", "a gradient, per time step" if axes is panels[0, 0] else "", "s")
        axes.set_title(cell)
    style.title(figure, next(gains(rows), "Seconds per step by loop and by scans").rstrip("."))
    style.backend_legend(figure, curves["backend"], extra=keys(curves))
    yield Figure(
        "scan",
        "Median seconds of a loss and all gradients, divided by T: by the loop as the equations are written, and by a "
        "serial and a parallel scan, for which all that does not depend on the states is computed for all steps at "
        "once.",
        figure,
    )


def rival_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a panel for each minimal cell: how many times as fast as its rival of equal width, over T."""
    curves = against_rivals(rows)
    if curves.empty or curves["length"].nunique() < 2:
        return
    curves = curves.assign(status="ok")
    cells = list(dict.fromkeys(curves["linear_cell"]))
    figure, panels = style.figure(1, len(cells), height=4.0, sharey=True)
    for axes, cell in zip(panels[0], cells, strict=True):
        draw(axes, where(curves, linear_cell=cell), "median")
        style.log_axis(axes, "y", "times as fast as its rival" if axes is panels[0, 0] else "")
        axes.axhline(1.0, color=INK, linewidth=1.0, zorder=1)
        if cell == "mingru":
            for ratio, _ in OTHERS:
                axes.axhline(ratio, color=INK, linewidth=1.0, linestyle=(0, (1, 3)), zorder=1)
        axes.set_title(f"{cell} against the fastest {laws.RIVALS[cell]}")
    for axes, cell in zip(panels[0], cells, strict=True):
        if cell == "mingru":
            style.label_ends(axes, OTHERS)
    best = curves.sort_values("median").iloc[-1]
    style.title(
        figure,
        f"At equal width {best['linear_cell']} is at most {best['median']:.2g} times as fast as the fastest "
        f"{laws.RIVALS[best['linear_cell']]} here ({best['backend']}, T = {best['length']:,})",
    )
    style.backend_legend(figure, curves["backend"], extra=keys(curves))
    yield Figure(
        "scan-rivals",
        "Seconds of a gradient of the fastest network of the cell that a minimal one was made from, over those of the "
        "minimal one, paired round by round; equal width, B and T.",
        figure,
    )


def per_step(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the median seconds per step: a row per cell, T, backend and scan."""
    kinds = {metric: kind for kind, metric in laws.SECONDS.items()}
    samples = measured(rows)
    samples = samples[samples["metric"].isin(kinds)]
    samples = samples.assign(kind=samples["metric"].map(kinds), seconds=samples["value"] / samples["length"])
    return samples.groupby(["linear_cell", "length", "backend", "kind", "status"])["seconds"].median().reset_index()


def draw(axes: Axes, curves: pd.DataFrame, y: str) -> None:
    """Draw a line per backend and scan over T."""
    for backend in backend_order(list(curves["backend"])):
        for kind, line in LINES.items():
            curve = where(curves, backend=backend, kind=kind).sort_values("length")
            axes.plot(curve["length"], curve[y], color=backend_colour(backend), linestyle=line, linewidth=1.3, zorder=2)
    style.points(axes, curves, "length", y, size=5)
    style.log_axis(axes, "x", "time steps T")
    style.values_axis(axes, "x", levels(curves, "length"))


def keys(curves: pd.DataFrame) -> list[Line2D]:
    """Return the legend's entries of the scans that are drawn."""
    return [style.line_key(KEYS[kind], linestyle=line) for kind, line in LINES.items() if kind in set(curves["kind"])]
