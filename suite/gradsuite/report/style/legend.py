"""The legend under a figure: backends, then other lines."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from gradsuite.report.palette import INK, backend_colour, backend_marker, backend_order
from gradsuite.report.style.look import RC

Key = Line2D | tuple[Line2D, ...]  # of one entry


def backend_legend(figure: Figure, backends: Iterable[str], *, extra: Sequence[Key] = ()) -> None:
    """Put one legend for all axes under a figure: each backend's colour and marker, then other lines."""
    points = [
        Line2D([], [], color=backend_colour(name), marker=backend_marker(name), linestyle="none", label=name)
        for name in backend_order(list(backends))
    ]
    entries: list[Key] = [*points, *extra]
    labels = [str((entry[0] if isinstance(entry, tuple) else entry).get_label()) for entry in entries]
    ncols = _legend_columns(labels, figure.get_figwidth())
    figure.legend(
        handles=entries,
        labels=labels,
        loc="outside lower center",
        ncols=ncols,
        handletextpad=0.4,
        columnspacing=1.4,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.0)},
    )


def line_key(label: str, **line: Any) -> Line2D:
    """Return a legend's entry for a line that is not a backend's."""
    look: dict[str, Any] = {"color": INK, "linewidth": 1.3, "label": label}
    return Line2D([], [], **look | line)


def lines_key(label: str, colours: Iterable[str], **line: Any) -> tuple[Line2D, ...]:
    """Return a legend's entry for lines of one kind in several colours: a line that has them all, in their order."""
    return tuple(line_key(label, color=colour, **line) for colour in colours)


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
