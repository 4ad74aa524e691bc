"""What came out: points in the colour and shape of their backend, and rows of which none hides another."""

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from gradsuite.report.palette import PAPER, backend_colour, backend_marker, backend_order


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
    axes.set(xlabel=x, ylabel=y)  # where there is none, seaborn lays out every tick, and may hide it for good
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
