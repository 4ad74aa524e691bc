"""Figures of gradient flow: norms against the distance from the loss, and rates against the gain."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import seaborn as sns
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import INK
from matplotlib.axes import Axes

from gradsuite_experiments.common.frames import measured, where
from gradsuite_experiments.gradient_flow.findings import crossing, stable, thresholds, top_layer, verdicts
from gradsuite_experiments.gradient_flow.laws import (
    NORM_HIGH,
    NORM_LOW,
    NORM_MEAN,
    RATE,
    STABLE_FACTOR,
    stable_rate,
)

LIMITS = (1e-12, 1e12)  # a panel shows no more: beyond, a curve leaves it and is named at its edge
WIDE = 3  # panels in a row that are wide enough for a label of their own
NORMS = [NORM_MEAN, NORM_LOW, NORM_HIGH]
STABLE_CHANGE = (1 / STABLE_FACTOR, STABLE_FACTOR)


def curves(rows: pd.DataFrame, name: str, *, across: str, series: str, distance: str) -> Iterator[Figure]:
    """Yield one figure: a row of panels for each task, a column for each value of `across`."""
    norms = relative(rows, across, series)
    if norms.empty:
        return
    tasks, subjects = norms["task"].unique(), norms[across].unique()
    figure, panels = style.figure(len(tasks), len(subjects), height=3.0, sharey="row", sharex="row")
    for line, task in zip(panels, tasks, strict=True):
        for axes, subject in zip(line, subjects, strict=True):
            style.log_axis(axes, "y", "")
            panel(axes, where(norms, task=task, **{across: subject}), series)
            axes.set(title=f"{subject} on {task}")
            axes.locator_params(axis="x", integer=True)
        for axes in line if len(line) <= WIDE else [line[len(line) // 2]]:  # narrow panels have no room for it each
            axes.set_xlabel(f"{distance} from the loss")
        line[0].set_ylabel("|dL/dh|, relative")
        line[0].set_ylim(*limits(where(norms, task=task)[NORM_MEAN]))
        for axes, subject in zip(line, subjects, strict=True):
            style.regions(axes, STABLE_CHANGE)
            style.label_ends(axes, ends(where(norms, task=task, **{across: subject}), series))
    style.title(figure, f"On {tasks[0]}, {headline(where(rows, task=tasks[0]), across, series)}")
    style.backend_legend(figure, norms["backend"], extra=[style.line_key("mean over the batch (shaded: 10 to 90 %)")])
    yield Figure(
        name,
        "Norm of the state gradient against the distance from the loss, relative to the norm nearest the loss; one "
        f"curve per {series}. Where backends agree, the points of all lie on one curve. Stable means a change by less "
        f"than a factor of {STABLE_FACTOR:g}.",
        figure,
    )


def relative(rows: pd.DataFrame, across: str, series: str) -> pd.DataFrame:
    """Return one row per trial and distance (`index`): norms of the top layer over the mean norm at distance 0."""
    norms = top_layer(measured(rows))
    norms = norms[norms["metric"].isin(NORMS)]
    if norms.empty:
        return norms
    columns = ["key", "backend", "task", across, series, "index"]
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
    """Return limits that hold the norms and the stable region, within LIMITS."""
    seen = norms[np.isfinite(norms) & (norms > 0)]
    low, high = min(seen.min(), STABLE_CHANGE[0]), max(seen.max(), STABLE_CHANGE[1])
    return max(low / 2, LIMITS[0]), min(high * 2, LIMITS[1])


def ends(norms: pd.DataFrame, series: str) -> list[tuple[float, str]]:
    """Return where each curve ends, and its name."""
    last = norms[norms["index"] == norms["index"].max()].groupby(series, sort=False)[NORM_MEAN].median()
    return [(y, f"{series} {name:g}" if isinstance(name, float) else str(name)) for name, y in last.items()]


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
    style.title(figure, crossings(where(found, task=tasks[0], layer=layers[-1])))
    style.backend_legend(figure, found["backend"], extra=[style.line_key("median of the backends")])
    yield Figure(
        name,
        "Rate at which the state gradient changes with each step back in time, d ln|dL/dh| / d(lag), against the gain "
        "of the recurrent weights; shaded where backends or seeds differ. Below 0 gradients vanish, above it they "
        f"explode; stable is what changes by less than a factor of {STABLE_FACTOR:g} over the sequence. The top layer, "
        "in the last row, is reached through time alone.",
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
