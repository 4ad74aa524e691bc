"""Singular values by lag, condition numbers and spreads, and the density of one step."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from gradsuite.cells import find
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import ordered_colours
from gradsuite.theory import gaussian_powers as powers
from gradsuite.theory import linear_recurrence
from gradsuite.theory import singular_values as theory
from matplotlib.ticker import MaxNLocator

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import measured, tally, trials, values, where
from gradsuite_experiments.jacobian_spectrum.diagonal import weights_between
from gradsuite_experiments.jacobian_spectrum.laws import (
    CONDITION,
    HIGH,
    LARGEST,
    LOW,
    MEDIAN,
    ONE_STEP,
    SMALLEST,
    SPREAD,
)

COLUMNS = 4  # of panels


class Shown(NamedTuple):
    """What has a panel and a curve: a cell, its activation and how it is drawn."""

    cell: str
    activation: str
    initialiser: str

    @property
    def title(self) -> str:
        """What it is called: only what tells it from others of its cell."""
        if self.initialiser == "normal" and weights_between(self.cell) is None:
            return self.cell
        phi = {"identity": "linear ", "tanh": "tanh "}.get(self.activation, f"{self.activation} ")
        several = phi if len(find(self.cell).activations) > 1 else ""
        return f"{several}{self.cell}, {'Gaussian' if self.initialiser == 'normal' else self.initialiser}"


def shown(rows: pd.DataFrame) -> list[Shown]:
    """Return what is drawn of the rows: all but networks without recurrent weights, the orthogonal ones first."""
    found = rows[["cell", "activation", "initialiser"]].drop_duplicates()
    kinds = [Shown(*kind) for kind in found.itertuples(index=False) if kind.initialiser != "zero"]
    return sorted(kinds, key=lambda kind: kind.initialiser == "normal")  # else in the order of the trials


def fans(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw quantiles against the lag, one panel per network."""
    rows = measured(rows)
    kinds = shown(rows)
    columns = min(COLUMNS, max(len(kinds), 1))
    canvas, panels = style.figure(
        math.ceil(max(len(kinds), 1) / columns), columns, height=3.0, sharex=True, sharey=True
    )
    for axes, kind in zip(panels.flat, kinds, strict=False):
        fan(axes, where(rows, **kind._asdict()))
        axes.set_title(kind.title)
    for axes in panels.flat[len(kinds) :]:
        axes.set_visible(False)
    for axes in panels.flat[: len(kinds)]:
        axes.set_ylim(1e-8, 1e3)
        style.regions(axes, (1e-2, 1e2))
    for axes in panels[:, 0]:
        axes.set_ylabel("singular value")
    for axes in panels.flat[max(len(kinds) - columns, 0) : len(kinds)]:
        axes.set_xlabel("lag T - t in steps")
        axes.tick_params(labelbottom=True)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    keys = [style.line_key("law (root mean square, or bound)"), style.line_key("10% to 90%", linewidth=7, alpha=0.16)]
    style.backend_legend(canvas, set(rows["backend"]), extra=keys)
    finding = "Only linear orthogonal networks keep every direction alive"
    style.title(canvas, tally(claims, finding, "Singular values are not what theory says"))
    caption = "Singular values of the Jacobian of the state at T by the state some steps before (c of an LSTM, both "
    caption += "parts of a complex state, h elsewhere): smallest, median and largest as points, 10% to 90% as a band, "
    caption += "means over networks; lines are the root mean square of Gaussian powers and of eigenvalues uniform on "
    caption += "the disk, and the orthogonal bound 1."
    return Figure("jacobian-spectrum", caption + folded(rows, "cell", "activation", "initialiser"), canvas)


def fan(axes: Any, rows: pd.DataFrame) -> None:
    """Draw one network's quantiles: a band and a law, and every backend's points."""
    if rows.empty:
        return
    band = rows[rows["metric"].isin([LOW, HIGH])].pivot_table(index="index", columns="metric", values="value")
    lags = band.index.to_numpy(int)
    style.band(axes, lags, band[LOW], band[HIGH])
    at = rows.iloc[0]
    linear = at["activation"] == "identity"
    if at["cell"] == "rnn" and at["initialiser"] == "orthogonal":
        style.theory(axes, lags, np.ones(len(lags)), linestyle="-" if linear else "--")
    elif at["cell"] == "rnn" and linear:
        square = [powers.mean_square(int(lag), 0.0, 1.0, at["hidden_size"]) for lag in lags]
        style.theory(axes, lags, np.sqrt(square))
    elif at["cell"] == "lru":
        style.theory(axes, lags, np.sqrt(linear_recurrence.ring_power(lags)))
    points = rows[rows["metric"].isin([SMALLEST, MEDIAN, LARGEST])]
    style.points(axes, style.thinned(points, "index", curve=["metric"]), "index", "value")
    style.log_axis(axes, "y", "")


def density(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw condition number and spread by lag, and the density of one step's singular values."""
    rows = measured(rows)
    canvas, panels = style.figure(1, 3, height=max(4.0, 1.5 + 0.24 * len(shown(rows))))  # room for a name each
    left, middle, right = panels[0]
    by_network(left, rows, CONDITION)
    by_network(middle, rows, SPREAD)
    steps = np.arange(1, rows["lags"].max() + 1)
    style.theory(middle, steps, [theory.spread(int(k)) for k in steps], linestyle="--")
    left.set_title("condition number")
    middle.set_title("spread E s⁴ / (E s²)²")
    one_step(right, where(rows, cell="rnn", activation="identity", initialiser="normal", metric=ONE_STEP))
    keys = [style.line_key("quarter circle"), style.line_key("Fuss-Catalan k + 1", linestyle="--")]
    style.backend_legend(canvas, set(rows["backend"]), extra=keys)
    finding = "Gaussian weights spread singular values until rounding hides them"
    style.title(canvas, tally(claims, finding, "A law is broken"))
    caption = "Condition number and spread of the Jacobian's singular values by lag (isometry is 1), and the singular "
    caption += "values of one step of a linear RNN with Gaussian weights against the quarter-circle density."
    return Figure("condition", caption + folded(rows, "cell", "activation", "initialiser"), canvas)


def by_network(axes: Any, rows: pd.DataFrame, metric: str) -> None:
    """Draw a metric against the lag, one line per network that is shown, named at its end."""
    ends = []
    kinds = shown(rows)
    for kind, colour in zip(kinds, ordered_colours(len(kinds)), strict=True):
        curve = where(rows, metric=metric, **kind._asdict())
        line = curve.groupby("index")["value"].median()
        axes.plot(line.index, line, color=colour, linewidth=1.3)
        ends.append((float(line.iloc[-1]), kind.title.replace(" rnn", "")))
        style.points(axes, style.thinned(curve, "index"), "index", "value")
    style.log_axis(axes, "y", "")
    style.label_ends(axes, ends)
    axes.set_xlabel("lag T - t in steps")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def one_step(axes: Any, rows: pd.DataFrame) -> None:
    """Draw the density of one step's singular values, with the quarter circle."""
    edges = np.linspace(0.0, 2.2, 12)
    histograms = [
        pd.DataFrame(
            {
                "backend": backend,
                "middle": (edges[1:] + edges[:-1]) / 2,
                "density": np.histogram(values(trial, ONE_STEP), edges, density=True)[0],
            }
        )
        for backend, _, trial in trials(rows)
    ]
    if histograms:
        style.points(axes, style.thinned(pd.concat(histograms), "middle", shown=len(edges)), "middle", "density")
    x = np.linspace(0.0, 2.0, 200)
    style.theory(axes, x, theory.quarter_circle(x))
    axes.set(xlabel="singular value", title="density of one step", ylim=(0.0, None))
