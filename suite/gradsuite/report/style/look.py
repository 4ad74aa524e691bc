"""How figures look: their size, inks and letters, and a title that tells."""

from contextlib import AbstractContextManager
from textwrap import fill
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from gradsuite.report.palette import GRID, INK, MUTED, PAPER
from gradsuite.report.shown import ShownFigure

Share = bool | Literal["none", "all", "row", "col"]

TITLE = "title"  # marks the title's text, which the page prints itself
WIDTH = 10.0  # inches: a page's width on a screen, and 11 points are then legible on paper too

TICK = {"size": 6.0, "pad": 3.5}  # points: how far its label stands from an axis

RC: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titley": 1.0,  # unplaced ones cost each drawing a layout of all labels, to see what is in their way
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    # Labels of minor ticks stand in one line with those of major ones.
    **{
        f"{axis}tick.{kind}.{what}": size for axis in "xy" for kind in ("major", "minor") for what, size in TICK.items()
    },
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.0,
    "axes.formatter.useoffset": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "gradsuite",
    "figure.dpi": 100,
}


def context() -> AbstractContextManager[None]:
    """Return the context in which figures look like one report: seaborn's white grid, in the report's own inks."""
    return mpl.rc_context(sns.plotting_context("notebook") | sns.axes_style("whitegrid") | RC)


def figure(
    rows: int = 1,
    columns: int = 1,
    *,
    height: float = 3.6,
    width: float = WIDTH,
    sharex: Share = False,
    sharey: Share = False,
) -> tuple[Figure, np.ndarray]:
    """Return a figure and its axes as an array (rows, columns); `height` is of one row, in inches."""
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    canvas = ShownFigure(figsize=(width, height * rows), layout=layout)
    return canvas, canvas.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)


def title(figure: Figure, finding: str) -> None:
    """Head a figure with what it shows, computed from the data."""
    lines = fill(finding, int(figure.get_figwidth() * 8.9), break_on_hyphens=False)  # names of backends have some
    figure.suptitle(lines, x=0.01, ha="left", fontsize=13.5, fontweight="bold").set_gid(TITLE)
