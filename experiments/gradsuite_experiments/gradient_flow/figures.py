"""Figures of gradient flow: norms against the distance from the loss, and rates against the gain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import INK
from matplotlib.axes import Axes

from gradsuite_experiments.common.folds import folded, text, varied
from gradsuite_experiments.common.frames import listed, measured, where
from gradsuite_experiments.gradient_flow.findings import crossing, stable, thresholds, top_layer, verdicts
from gradsuite_experiments.gradient_flow.laws import (
    NORM_HIGH,
    NORM_LOW,
    NORM_MEAN,
    RATE,
    STABLE_FACTOR,
    stable_rate,
)

MOST = 1e30  # between the limits of a panel that shows all of its curves
LIMITS = (1e-12, 1e12)  # of any other: beyond, a curve leaves it, and is named where it does
SEED = "seed"
WIDE = 3  # panels in a row that are wide enough for a label of their own
NORMS = [NORM_MEAN, NORM_LOW, NORM_HIGH]
STABLE_CHANGE = (1 / STABLE_FACTOR, STABLE_FACTOR)


def curves(rows: pd.DataFrame, name: str, *, across: str, series: str, distance: str) -> Iterator[Figure]:
    """Yield one figure: a column of panels for each value of `across`, a row for each task and other varied settings.

    Seeds alone share a panel: their median is drawn, and said to be.
    """
    facets = ["task", *within_tasks(rows, across, series, SEED)]
    norms = relative(rows, [*facets, across, series])
    if norms.empty:
        return
    tasks, subjects = norms["task"].unique(), norms[across].unique()
    kinds = [dict(zip(facets, row, strict=True)) for row in norms[facets].drop_duplicates().itertuples(index=False)]
    figure, panels = style.figure(len(kinds), len(subjects), height=3.0, sharey="row", sharex="row")
    for line, kind in zip(panels, kinds, strict=True):
        for axes, subject in zip(line, subjects, strict=True):
            style.log_axis(axes, "y", "")
            panel(axes, where(norms, **kind, **{across: subject}), series)
            axes.set_title("\n".join([f"{subject} on {kind['task']}", *of_kind(kind)]))
            axes.locator_params(axis="x", integer=True)
        for axes in line if len(line) <= WIDE else [line[len(line) // 2]]:  # narrow panels have no room for it each
            axes.set_xlabel(f"{distance} from the loss")
        line[0].set_ylabel("|dL/dh|, relative")
        line[0].set_ylim(*limits(where(norms, **kind)[NORM_MEAN]))
        for axes, subject in zip(line, subjects, strict=True):
            style.regions(axes, STABLE_CHANGE)
            style.label_curves(axes, named(where(norms, **kind, **{across: subject}), series))
    style.title(figure, f"On {tasks[0]}, {headline(where(rows, task=tasks[0]), across, series)}")
    style.backend_legend(
        figure, norms["backend"], extra=[style.line_key(f"mean over the batch (shaded: 10 to 90%){medians(rows)}")]
    )
    yield Figure(
        name,
        "Norm of the state gradient against the distance from the loss, relative to the norm nearest the loss; one "
        f"curve per {series}. Where backends agree, the points of all lie on one curve. Stable means a change by less "
        f"than a factor of {STABLE_FACTOR:g}.",
        figure,
    )


def within_tasks(rows: pd.DataFrame, *shown: str) -> list[str]:
    """Return the settings besides those `shown` that were varied for one task: a task may have its own length."""
    found = [name for task in rows["task"].unique() for name in varied(where(rows, task=task))]
    return [name for name in dict.fromkeys(found) if name not in shown]


def of_kind(kind: Mapping[str, Any]) -> list[str]:
    """Return, in a line for a panel's title, the settings besides its task that its row has and others have not."""
    parts = [f"{name} {text(value)}" for name, value in kind.items() if name != "task"]
    return [", ".join(parts)] if parts else []


def medians(rows: pd.DataFrame) -> str:
    """Return over which seeds medians are taken, for a legend; empty where there is one."""
    seeds = varied(rows).get(SEED, [])
    return f", median over seeds {listed([text(seed) for seed in seeds])}" if seeds else ""


def relative(rows: pd.DataFrame, settings: Sequence[str]) -> pd.DataFrame:
    """Return one row per trial and distance (`index`): norms of the top layer over the mean norm at distance 0."""
    norms = top_layer(measured(rows))
    norms = norms[norms["metric"].isin(NORMS)]
    if norms.empty:
        return norms
    columns = ["key", "backend", *settings, "index"]
    wide = norms.pivot_table(index=columns, columns="metric", values="value", sort=False).reset_index()
    start = where(wide, index=0).set_index("key")[NORM_MEAN]
    wide[NORMS] = wide[NORMS].div(wide["key"].map(start), axis=0)
    return wide


def headline(rows: pd.DataFrame, subject: str, series: str) -> str:
    """Return in a line where gradients vanish and explode along a number, or with which words they are stable."""
    if pd.api.types.is_numeric_dtype(rows[series]):
        return thresholds(rows, subject, series) or verdicts(rows, subject, series)
    return f"gradients are stable {stable(rows, subject, series)}"


def panel(axes: Axes, norms: pd.DataFrame, series: str) -> None:
    """Draw every curve of one panel: the median of the backends, and each backend's points."""
    for _, curve in norms.groupby([series], sort=False):
        middle = curve.groupby("index")[NORMS].median()
        style.theory(axes, middle.index, middle[NORM_MEAN], linewidth=1.0)
        style.band(axes, middle.index, middle[NORM_LOW], middle[NORM_HIGH])
    points = norms.groupby(["backend", series, "index"], sort=False)[NORM_MEAN].median().reset_index()
    style.points(axes, style.thinned(points, "index", curve=[series]), "index", NORM_MEAN, size=4.5)


def limits(norms: pd.Series) -> tuple[float, float]:
    """Return limits that hold the norms and the stable region: all of it, or within LIMITS where that is too much."""
    seen = norms[np.isfinite(norms) & (norms > 0)]
    low, high = min(seen.min(), STABLE_CHANGE[0]) / 2, max(seen.max(), STABLE_CHANGE[1]) * 2
    return (low, high) if high / low < MOST else (max(low, LIMITS[0]), min(high, LIMITS[1]))


def named(norms: pd.DataFrame, series: str) -> list[tuple[pd.Index, pd.Series, str]]:
    """Return each curve by distance, and its name."""
    return [
        (curve.index, curve, f"{series} {name:g}" if isinstance(name, float) else str(name))
        for name, of_curve in norms.groupby(series, sort=False)
        for curve in [of_curve.groupby("index")[NORM_MEAN].median()]
    ]


def rates(rows: pd.DataFrame, name: str) -> Iterator[Figure]:
    """Yield one figure: the rate per step against the gain, a column for each task, a row for each layer."""
    found = where(measured(rows), metric=RATE)
    found = found[np.isfinite(found["value"])]
    if found["gain"].nunique() < 2:
        return
    tasks, layers = found["task"].unique(), sorted(found["layer"].unique())
    height = 3.0 if len(layers) > 1 else 3.8  # one row has the title and the legend to itself
    figure, panels = style.figure(len(layers), len(tasks), height=height, sharex=True, sharey=True)
    panels[0, 0].set_ylim(*rate_limits(found["value"]))
    for line, layer in zip(panels, layers, strict=True):
        for axes, task in zip(line, tasks, strict=True):
            part = where(found, task=task, layer=layer)
            rate_panel(axes, part)
            edge = stable_rate(part["length"].min())
            style.regions(axes, (-edge, edge))
            axes.set(title=f"{task}, layer {layer + 1}" if len(layers) > 1 else task, xlabel="", ylabel="")
        line[0].set_ylabel("rate, ln per step")
    for axes in panels[-1]:
        axes.set_xlabel("recurrent gain")
    over = ["backends", *within_tasks(rows, "cell", "gain")]
    style.title(figure, crossings(where(found, task=tasks[0], layer=layers[-1])))
    style.backend_legend(figure, found["backend"], extra=[style.line_key(f"median of {listed(over)}")])
    yield Figure(
        name,
        "Rate at which the state gradient changes with each step back in time, d ln|dL/dh| / d(lag), against the gain "
        "of the recurrent weights; shaded where backends or seeds differ. Below 0 gradients vanish, above it they "
        f"explode; stable is what changes by less than a factor of {STABLE_FACTOR:g} over the sequence. The top layer, "
        "in the last row, is reached through time alone." + folded(rows, "task", "cell", "gain"),
        figure,
    )


def rate_limits(rates: pd.Series) -> tuple[float, float]:
    """Return limits that hold the rates and zero, and the names of the regions beside them."""
    low, high = min(rates.min(), 0.0), max(rates.max(), 0.0)
    return low - 0.2 * (high - low), high + 0.2 * (high - low)


def rate_panel(axes: Axes, rates: pd.DataFrame) -> None:
    """Draw rates against the gain: a line per cell, with their spread, and each backend's points beside the gain."""
    style.log_axis(axes, "x", "")
    style.values_axis(axes, "x", rates["gain"])
    inks = dict.fromkeys(rates["cell"], INK)
    line = {"estimator": "median", "errorbar": ("pi", 100), "legend": False, "linewidth": 1.0, "zorder": 2}
    sns.lineplot(rates, x="gain", y="value", hue="cell", palette=inks, ax=axes, **line)
    points = rates.groupby(["backend", "cell", "gain"], sort=False)["value"].median().reset_index()
    style.points(axes, style.dodged(points, "gain", factor=1.06), "gain", "value", size=4.5)
    last = rates[rates["gain"] == rates["gain"].max()].groupby("cell", sort=False)["value"].median()
    style.label_ends(axes, [(rate, str(cell)) for cell, rate in last.items()])


def crossings(rates: pd.DataFrame) -> str:
    """Return at which gain each cell's gradients turn from vanishing to exploding, as a title."""
    parts = []
    for cell, rates_of_cell in rates.groupby("cell", sort=False):
        middle = rates_of_cell.groupby("gain")["value"].median()
        gain = crossing(middle.index.to_numpy(float), middle.to_numpy())
        parts.append(f"{cell} at gain {gain:.2g}" if np.isfinite(gain) else f"{cell} nowhere in this range")
    return f"From vanishing to exploding: {', '.join(parts)}"
