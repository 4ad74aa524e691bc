"""How figures are drawn: theory a line, measurement points with their spread, regions shaded, titles that tell.

Points are drawn by seaborn from long-form rows: one per point, in the colour and shape of the row's `backend`.
`experiment.figures` is called, and its figures are saved, inside `style.context()`.
"""

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from textwrap import fill
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike

from gradsuite.report.palette import (
    EXPLODING,
    GRID,
    INK,
    MUTED,
    PAPER,
    STABLE,
    VANISHING,
    backend_colour,
    backend_marker,
    backend_order,
)
from gradsuite.report.shown import ShownFigure

Along = Literal["x", "y"]
Share = bool | Literal["none", "all", "row", "col"]

TITLE = "title"  # marks the title's text, which the page prints itself
LABEL_SIZE = 9.5  # points, of a name beside a line
WIDTH = 10.0  # inches: a page's width on a screen, and 11 points are then legible on paper too

RC: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
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
    lines = fill(finding, int(figure.get_figwidth() * 8.9))
    figure.suptitle(lines, x=0.01, ha="left", fontsize=13.5, fontweight="bold").set_gid(TITLE)


def theory(axes: Axes, x: ArrayLike, y: ArrayLike, *, label: str = "theory", **line: Any) -> None:
    """Draw what should come out: a line in ink."""
    look: dict[str, Any] = {"color": INK, "linewidth": 1.3, "zorder": 2, "label": label}
    axes.plot(x, y, **look | line)


def points(
    axes: Axes,
    rows: pd.DataFrame,
    x: str,
    y: str,
    *,
    low: str | None = None,
    high: str | None = None,
    hollow: bool = False,
    size: float = 6.0,
) -> None:
    """Draw what came out, one point per row, in the colour and shape of its `backend`.

    `x`, `y` and the ends `low` and `high` of a bar are columns; `size` is in points. Draw `dodged` or `thinned` rows
    where backends that agree would hide each other. The axes keep their labels. No rows draw nothing.
    """
    if rows.empty:
        return
    names = backend_order(list(rows["backend"]))
    labels = {"xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    colours = rows["backend"].map(backend_colour).tolist()
    sns.scatterplot(
        rows,
        x=x,
        y=y,
        hue="backend",
        palette={name: backend_colour(name) for name in names},
        style="backend",
        markers={name: backend_marker(name) for name in names},
        s=size**2,
        edgecolor=PAPER,
        linewidth=0.6,
        zorder=3,
        legend=False,
        ax=axes,
    )
    axes.set(**labels)
    if hollow:
        axes.collections[-1].set(facecolor="none", edgecolor=colours, linewidth=1.4)
    if low is not None and high is not None:
        axes.vlines(rows[x], rows[low], rows[high], colors=colours, linewidth=1.4, zorder=3, alpha=0.8)


def dodged(rows: pd.DataFrame, x: str, *, step: float = 0.0, factor: float = 1.0) -> pd.DataFrame:
    """Return the rows with each backend's points moved aside along `x`, all centred on where they were.

    Neighbouring backends, in the report's order, lie `step` apart, or by a `factor` on a logarithmic axis.
    """
    names = backend_order(list(rows["backend"]))
    places = rows["backend"].map({name: place - (len(names) - 1) / 2 for place, name in enumerate(names)})
    return rows.assign(**{x: rows[x] * factor**places + step * places})


def thinned(rows: pd.DataFrame, x: str, *, curve: Sequence[str] = (), shown: int = 7) -> pd.DataFrame:
    """Return about `shown` rows of each curve and backend, at places along `x` that no other backend has.

    `curve` names the columns that tell curves apart.
    """
    names = backend_order(list(rows["backend"]))
    parts = []
    for keys, part in rows.groupby(["backend", *curve], sort=False):
        apart = max(len(part) // shown, len(names))
        start = names.index(str(keys[0])) * apart // len(names)
        parts.append(part.sort_values(x).iloc[start::apart])
    return pd.concat(parts) if parts else rows


def band(axes: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str = MUTED) -> None:
    """Draw a spread along a line, such as quantiles over the batch."""
    axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0, zorder=1)


def regions(axes: Axes, stable: tuple[float, float], *, along: Along = "y") -> None:
    """Shade vanishing (below `stable`), stable and exploding (above it), and name them; call it after the data."""
    low, high = _limits(axes, along)
    edges = (low, *np.clip(stable, low, high), high)
    named = (("vanishing", VANISHING), ("stable", STABLE), ("exploding", EXPLODING))
    for (start, end), (word, colour) in zip(pairwise(edges), named, strict=True):
        bottom, top = _place(axes, along, start), _place(axes, along, end)
        if top <= bottom:
            continue
        (axes.axhspan if along == "y" else axes.axvspan)(start, end, color=colour, alpha=0.07, linewidth=0, zorder=0)
        if top - bottom > (0.2 if word == "stable" and along == "y" else 0.1):
            # Words keep to the outer edges: curves of one start fan out from the middle.
            above = word != "vanishing"
            at = (0.02, top - 0.02 if above else bottom + 0.02) if along == "y" else ((bottom + top) / 2, 0.02)
            look: dict[str, Any] = {"color": colour, "fontsize": 9, "style": "italic"}
            look |= {"va": "top" if above and along == "y" else "bottom", "ha": "left" if along == "y" else "center"}
            axes.text(*at, word, transform=axes.transAxes, zorder=1, **look)
    (axes.set_ylim if along == "y" else axes.set_xlim)(low, high)


def log_axis(axes: Axes, along: Along, label: str) -> None:
    """Make an axis logarithmic, with at most seven labelled powers."""
    (axes.set_xscale if along == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(numticks=7))
    axis.set_minor_formatter(NullFormatter())
    axis.set_label_text(label)


def unit_axis(axes: Axes, along: Along, label: str, unit: str) -> None:
    """Make an axis logarithmic, labelled in a unit with its prefixes: 100 µs, 1 ms; 64 MB."""
    log_axis(axes, along, label)
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_major_formatter(EngFormatter(unit, places=0))


def values_axis(axes: Axes, along: Along, values: Iterable[float]) -> None:
    """Put ticks where the values are and nowhere else, for an axis with few of them."""
    axis = axes.xaxis if along == "x" else axes.yaxis
    ticks = sorted(set(values))
    axis.set_ticks(ticks, [f"{value:g}" for value in ticks])
    axis.set_ticks([], minor=True)


def label_ends(axes: Axes, ends: Sequence[tuple[float, str]]) -> None:
    """Name lines at the right edge of the axes, moved apart where they would overlap.

    `ends` are (y, label). Call it once the limits are set. What is beyond the limits is named at their edge; what is
    not finite, not at all.
    """
    named = sorted((y, label) for y, label in ends if np.isfinite(y))
    rows = axes.get_gridspec().nrows if axes.get_subplotspec() else 1  # type: ignore[union-attr]
    height = 0.65 * axes.get_figure(root=True).get_figheight() / rows  # type: ignore[union-attr]  # inches of the axes
    places = _spread([_place(axes, "y", y) for y, _ in named], 1.25 * LABEL_SIZE / 72 / height)
    for place, (_, text) in zip(places, named, strict=True):
        at = (1.015, place)
        axes.annotate(text, at, xycoords="axes fraction", va="center", fontsize=LABEL_SIZE, annotation_clip=False)


def backend_legend(figure: Figure, backends: Iterable[str], *, extra: Sequence[Line2D] = ()) -> None:
    """Put one legend for all axes under a figure: each backend's colour and marker, then other lines."""
    points = [
        Line2D([], [], color=backend_colour(name), marker=backend_marker(name), linestyle="none", label=name)
        for name in backend_order(list(backends))
    ]
    entries = [*points, *extra]
    ncols = _legend_columns([str(entry.get_label()) for entry in entries], figure.get_figwidth())
    figure.legend(handles=entries, loc="outside lower center", ncols=ncols, handletextpad=0.4, columnspacing=1.4)


def line_key(label: str, **line: Any) -> Line2D:
    """Return a legend's entry for a line that is not a backend's."""
    look: dict[str, Any] = {"color": INK, "linewidth": 1.3, "label": label}
    return Line2D([], [], **look | line)


def _legend_columns(labels: Sequence[str], width: float) -> int:
    """Return how many columns of a legend, about equally long, fit side by side into a width in inches."""
    em = RC["legend.fontsize"] / 72  # inches
    letters = np.array([len(label) for label in labels])
    for rows in range(math.ceil(len(labels) / 8), len(labels)):
        count = math.ceil(len(labels) / rows)
        columns = np.array_split(letters, count)  # as matplotlib fills them
        # A letter is .6 em wide at the most on average; a handle, its gap and the space between columns take 4 em.
        if sum(0.6 * column.max() + 4 for column in columns) * em <= width:
            return count
    return 1


def _limits(axes: Axes, along: Along) -> tuple[float, float]:
    return axes.get_ylim() if along == "y" else axes.get_xlim()


def _place(axes: Axes, along: Along, value: float) -> float:
    """Return where a value is on an axis, linear or not: 0 at its low end, 1 at its high end, and no further."""
    low, high = _limits(axes, along)
    transform = (axes.yaxis if along == "y" else axes.xaxis).get_transform()
    at, start, end = (float(transform.transform(np.array([v]))[0]) for v in (min(max(value, low), high), low, high))
    return (at - start) / (end - start)


def _spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Return positions near the wanted (rising) ones, `gap` apart: groups that touch share their mean."""
    groups: list[list[float]] = []
    for position in wanted:
        groups.append([position])
        while len(groups) > 1 and _start(groups[-1], gap) < _start(groups[-2], gap) + gap * len(groups[-2]):
            last = groups.pop()
            groups[-1] += last
    return [_start(group, gap) + gap * k for group in groups for k in range(len(group))]


def _start(group: Sequence[float], gap: float) -> float:
    """Return the lowest position of a group: centred on its mean, inside [0, 1] where it fits."""
    extent = gap * (len(group) - 1)
    middle = sum(group) / len(group)
    return min(max(middle - extent / 2, 0.0), max(1.0 - extent, 0.0))
