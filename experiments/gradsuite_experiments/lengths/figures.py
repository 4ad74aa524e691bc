"""The figure of lengths: ratio to padded against the spread."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import INK, MUTED, backend_colour, backend_order
from matplotlib.axes import Axes

from gradsuite_experiments.common.frames import levels, where
from gradsuite_experiments.lengths.findings import headline
from gradsuite_experiments.lengths.laws import BUCKETED, LENGTHS
from gradsuite_experiments.lengths.ratios import ratios

LINES = {LENGTHS: "-", BUCKETED: "--"}
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 30, 50, 100)
COLUMNS = 2  # of panels: three are too small on a phone
ROOM = 1.15  # how far the axis reaches beyond the ratios, a factor


def spread_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a panel per network: ratio to padded against the spread, a line per backend and way."""
    compared = ratios(rows)
    if compared.empty or compared["spread"].nunique() < 2:
        return
    names = list(dict.fromkeys(compared["network"]))
    columns = min(COLUMNS, len(names))
    figure, panels = style.figure(-(-len(names) // columns), columns, height=4.4, sharey=True, sharex=True)
    for axes in panels.flat[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(panels.flat, names, strict=False):
        draw(axes, where(compared, network=name))
        axes.set_title(name)
    for axes in panels[:, 0]:
        ratio_axis(axes, compared)
    style.title(figure, headline(compared))
    keys = [
        style.line_key("with lengths", color=MUTED, linestyle=LINES[LENGTHS]),
        style.line_key("in buckets", color=MUTED, linestyle=LINES[BUCKETED]),
        style.line_key("steps that count", linestyle=":"),
    ]
    style.backend_legend(figure, list(compared["backend"]), extra=keys)
    yield Figure(
        "lengths",
        "Time of loss and all parameter gradients over that of the same batch without lengths, whose loss counts "
        "padding too: the median of paired ratios with its 95% interval. Hollow points are buckets. Dots: the share of "
        "steps that are no padding.",
        figure,
    )


def draw(axes: Axes, compared: pd.DataFrame) -> None:
    """Draw one network's ratios, padded itself as a line at 1, and the share of steps that count."""
    axes.axhline(1.0, color=INK, linewidth=1.0, zorder=1)
    shares = compared.groupby("spread")["valid"].first()
    style.theory(axes, shares.index.to_numpy(float), shares.to_numpy(float), linestyle=":")
    width = max(levels(compared, "spread")) or 1.0
    for way, line in LINES.items():
        points = style.dodged(where(compared, way=way), "spread", step=0.012 * width)
        for backend in backend_order(list(points["backend"])):
            curve = where(points, backend=backend).sort_values("spread")
            colour = backend_colour(backend)
            axes.plot(curve["spread"], curve["median"], color=colour, linestyle=line, linewidth=1.4, zorder=2)
        style.points(axes, points, "spread", "median", low="low", high="high", hollow=way == BUCKETED, size=6.5)
    axes.set_xlabel("spread of lengths, as a share of T")
    apart = [spread for spread in levels(compared, "spread") if spread == 0.0 or spread > 0.08 * width]
    style.values_axis(axes, "x", apart)  # no tick where its number would lie on that of 0


def ratio_axis(axes: Axes, compared: pd.DataFrame) -> None:
    """Make the axis logarithmic, with ticks at round ratios from the least to the greatest."""
    low, high = compared[["low", "valid"]].min().min() / ROOM, compared["high"].max() * ROOM
    style.log_axis(axes, "y", "time over padded")
    style.values_axis(axes, "y", [tick for tick in TICKS if low <= tick <= high])
    axes.set_ylim(min(low, 1 / ROOM), max(high, ROOM))
