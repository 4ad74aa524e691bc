"""Figures of gradient flow: norms against the distance from the loss, and rates against the gain."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import backend_order
from matplotlib.axes import Axes

from gradsuite_experiments.common.frames import measured
from gradsuite_experiments.gradient_flow.findings import crossing, stable, thresholds, top_layer, verdicts
from gradsuite_experiments.gradient_flow.norms import STABLE_FACTOR

LIMITS = (1e-12, 1e12)  # a panel shows no more: beyond, a curve leaves it and is named at its edge
POINTS = 7  # of each backend on a curve, at distances of its own, so that none hides another
STABLE_CHANGE = (1 / STABLE_FACTOR, STABLE_FACTOR)


def curves(rows: pd.DataFrame, name: str, *, down: str, across: str, series: str, distance: str) -> Iterator[Figure]:
    """Yield one figure: a row of panels for each value of `down`, a column for each of `across`."""
    norms = relative(rows, [down, across, series])
    if norms.empty:
        return
    downs, acrosses, backends = norms[down].unique(), norms[across].unique(), backend_order(list(norms["backend"]))
    drawn, panels = style.figure(len(downs), len(acrosses), height=3.0, sharey="row", sharex="row")
    for line, first in zip(panels, downs, strict=True):
        row = norms[norms[down] == first]
        for axes, second in zip(line, acrosses, strict=True):
            style.log_axis(axes, "y", "")
            axes.set_title(f"{second} on {first}" if across == "cell" else f"{second}, {first}")
            axes.set_xlabel(distance)
            panel(axes, row[row[across] == second], series, backends)
        line[0].set_ylabel("|dL/dh|, relative")
        line[0].set_ylim(*limits(row["norm_mean"]))
        for axes, second in zip(line, acrosses, strict=True):
            style.regions(axes, STABLE_CHANGE)
            style.label_ends(axes, ends(row[row[across] == second], series))
    style.title(drawn, f"On {downs[0]}, {headline(rows[rows[down] == downs[0]], across, series)}")
    style.backend_legend(drawn, backends, extra=[style.line_key("mean over the batch (shaded: 10 to 90 %)")])
    yield Figure(
        name,
        f"Norm of the state gradient against the distance from the loss, relative to the state nearest the loss; one "
        f"curve for each {series}. Where backends agree, the points of all lie on one curve. Stable means a change by "
        f"less than a factor of {STABLE_FACTOR:g}.",
        drawn,
    )


def headline(rows: pd.DataFrame, subject: str, series: str) -> str:
    """Return in a line where gradients vanish and explode along a number, or with which words they are stable."""
    if pd.api.types.is_numeric_dtype(rows[series]):
        return thresholds(rows, subject, series) or verdicts(rows, subject, series)
    return f"gradients are stable in {stable(rows, subject, series)}"


def panel(axes: Axes, norms: pd.DataFrame, series: str, backends: Sequence[str]) -> None:
    """Draw every curve of one panel: the median of the backends, and each backend's points."""
    for _, own in norms.groupby(series, sort=False):
        middle = own.groupby("index")[["norm_mean", "norm_q10", "norm_q90"]].median()
        style.theory(axes, middle.index, middle["norm_mean"], linewidth=1.0)
        style.band(axes, middle.index, middle["norm_q10"], middle["norm_q90"])
        for place, backend in enumerate(backends):
            points = own[own["backend"] == backend].groupby("index")["norm_mean"].median()
            apart = max(len(points) // POINTS, len(backends))
            points = points.iloc[place * apart // len(backends) :: apart]
            style.measured(axes, points.index, points, backend, markersize=4.5)


def relative(rows: pd.DataFrame, settings: list[str]) -> pd.DataFrame:
    """Return each cell's norms of the top layer by distance (`index`), over the mean norm at distance 0."""
    norms = top_layer(measured(rows))
    norms = norms[norms["metric"].str.startswith("norm_")]
    if norms.empty:
        return norms
    wide = norms.pivot_table(
        index=["key", "backend", *settings, "index"], columns="metric", values="value", sort=False
    ).reset_index()
    start = wide[wide["index"] == 0].set_index("key")["norm_mean"]
    columns = [name for name in wide.columns if name.startswith("norm_")]
    wide[columns] = wide[columns].div(wide["key"].map(start), axis=0)
    return wide


def limits(norms: pd.Series) -> tuple[float, float]:
    """Return limits that hold the norms and the stable region, within LIMITS."""
    seen = norms[np.isfinite(norms) & (norms > 0)]
    low, high = min(seen.min(), STABLE_CHANGE[0]), max(seen.max(), STABLE_CHANGE[1])
    return max(low / 2, LIMITS[0]), min(high * 2, LIMITS[1])


def ends(norms: pd.DataFrame, series: str) -> list[tuple[float, str]]:
    """Return where each curve ends, and its name."""
    last = norms[norms["index"] == norms["index"].max()].groupby(series, sort=False)["norm_mean"].median()
    return [(y, f"{series} {name:g}" if isinstance(name, float) else str(name)) for name, y in last.items()]


def rates(rows: pd.DataFrame, name: str) -> Iterator[Figure]:
    """Yield one figure: the rate per step against the gain, a column for each task, a row for each layer."""
    found = measured(rows)
    found = found[(found["metric"] == "rate") & np.isfinite(found["value"])]
    if found["gain"].nunique() < 2:
        return
    tasks, layers = found["task"].unique(), sorted(found["layer"].unique())
    backends = backend_order(list(found["backend"]))
    drawn, panels = style.figure(len(layers), len(tasks), height=3.0, sharex=True, sharey=True)
    panels[0, 0].set_ylim(*rate_limits(found["value"]))
    for line, layer in zip(panels, layers, strict=True):
        for axes, task in zip(line, tasks, strict=True):
            own = found[(found["task"] == task) & (found["layer"] == layer)]
            axes.set_title(f"{task}, layer {layer + 1}" if len(layers) > 1 else task)
            rate_panel(axes, own, backends)
            edge = np.log(STABLE_FACTOR) / max(own["length"].min() - 1, 1)
            style.regions(axes, (-edge, edge))
        line[0].set_ylabel("rate, ln per step")
    for axes in panels[-1]:
        axes.set_xlabel("recurrent gain")
    style.title(drawn, crossings(found[(found["task"] == tasks[0]) & (found["layer"] == layers[-1])]))
    style.backend_legend(drawn, backends, extra=[style.line_key("median of the backends")])
    yield Figure(
        name,
        "Rate at which the state gradient changes with each step back in time, d ln|dL/dh| / d(lag), against the gain "
        "of the recurrent weights. Below 0 gradients vanish, above it they explode; stable is what changes less than "
        f"a factor of {STABLE_FACTOR:g} over the sequence. The top layer, last row, is reached through time alone.",
        drawn,
    )


def rate_limits(rates: pd.Series) -> tuple[float, float]:
    """Return limits that hold the rates and zero."""
    low, high = min(rates.min(), 0.0), max(rates.max(), 0.0)
    return low - 0.08 * (high - low), high + 0.08 * (high - low)


def rate_panel(axes: Axes, own: pd.DataFrame, backends: Sequence[str]) -> None:
    """Draw rates against the gain, one line a cell, with each backend's points beside the gain."""
    labels = []
    style.log_axis(axes, "x", "")
    style.values_axis(axes, "x", own["gain"])
    for cell, rate in own.groupby("cell", sort=False):
        middle = rate.groupby("gain")["value"].median()
        style.theory(axes, middle.index, middle, linewidth=1.0)
        labels.append((float(middle.iloc[-1]), str(cell)))
        for place, backend in enumerate(backends):
            points = rate[rate["backend"] == backend].groupby("gain")["value"].median()
            aside = 1.06 ** (place - (len(backends) - 1) / 2)
            style.measured(axes, points.index * aside, points, backend, markersize=4.5)
    style.label_ends(axes, labels)


def crossings(found: pd.DataFrame) -> str:
    """Return at which gain each cell's gradients turn from vanishing to exploding, as a title."""
    told = []
    for cell, rate in found.groupby("cell", sort=False):
        middle = rate.groupby("gain")["value"].median()
        gain = crossing(middle.index.to_numpy(float), middle.to_numpy())
        told.append(f"{cell} at gain {gain:.2g}" if np.isfinite(gain) else f"{cell} nowhere in this range")
    return f"From vanishing to exploding: {', '.join(told)}"
