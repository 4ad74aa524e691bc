"""Singular values by lag, condition numbers and spreads, and the density of one step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import ordered_colours
from gradsuite.theory import gaussian_powers as powers
from gradsuite.theory import singular_values as theory
from matplotlib.ticker import MaxNLocator

from gradsuite_experiments.common.frames import measured, tally, trials, values, where
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

SHOWN = (  # network, initialiser, what the panel is called
    ("linear", "orthogonal", "linear rnn, orthogonal"),
    ("tanh", "orthogonal", "tanh rnn, orthogonal"),
    ("lstm", "normal", "lstm, Gaussian"),
    ("linear", "normal", "linear rnn, Gaussian"),
    ("tanh", "normal", "tanh rnn, Gaussian"),
    ("gru", "normal", "gru, Gaussian"),
)


def fans(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw quantiles against the lag, one panel per network."""
    rows = measured(rows)
    canvas, panels = style.figure(2, 3, height=3.3, sharex=True, sharey=True)
    for axes, (network, initialiser, name) in zip(panels.flat, SHOWN, strict=True):
        fan(axes, where(rows, network=network, initialiser=initialiser))
        axes.set_title(name)
    for axes in panels.flat:
        axes.set_ylim(1e-8, 1e3)
        style.regions(axes, (1e-2, 1e2))
    for axes in panels[:, 0]:
        axes.set_ylabel("singular value")
    for axes in panels[-1]:
        axes.set_xlabel("lag T - t in steps")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    keys = [style.line_key("law (root mean square, or bound)"), style.line_key("10% to 90%", linewidth=7, alpha=0.16)]
    style.backend_legend(canvas, set(rows["backend"]), extra=keys)
    finding = "Only linear orthogonal networks keep every direction alive"
    style.title(canvas, tally(claims, finding, "Singular values are not what theory says"))
    caption = "Singular values of the Jacobian of the state at T by the state some steps before (c of the LSTM, h "
    caption += (
        "elsewhere): smallest, median and largest as points, 10% to 90% as a band, means over networks; lines are "
    )
    caption += "the root mean square of Gaussian powers, and the orthogonal bound 1."
    return Figure("jacobian-spectrum", caption, canvas)


def fan(axes: Any, rows: pd.DataFrame) -> None:
    """Draw one network's quantiles: a band and a law, and every backend's points."""
    if rows.empty:
        return
    band = rows[rows["metric"].isin([LOW, HIGH])].pivot_table(index="index", columns="metric", values="value")
    lags = band.index.to_numpy(int)
    style.band(axes, lags, band[LOW], band[HIGH])
    at = rows.iloc[0]
    if at["initialiser"] == "orthogonal":
        style.theory(axes, lags, np.ones(len(lags)), linestyle="-" if at["network"] == "linear" else "--")
    elif at["network"] == "linear":
        square = [powers.mean_square(int(lag), 0.0, 1.0, at["hidden_size"]) for lag in lags]
        style.theory(axes, lags, np.sqrt(square))
    points = rows[rows["metric"].isin([SMALLEST, MEDIAN, LARGEST])]
    style.points(axes, style.thinned(points, "index", curve=["metric"]), "index", "value")
    style.log_axis(axes, "y", "")


def density(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw condition number and spread by lag, and the density of one step's singular values."""
    rows = measured(rows)
    canvas, panels = style.figure(1, 3, height=4.0)
    left, middle, right = panels[0]
    by_network(left, rows, CONDITION)
    by_network(middle, rows, SPREAD)
    steps = np.arange(1, rows["lags"].max() + 1)
    style.theory(middle, steps, [theory.spread(int(k)) for k in steps], linestyle="--")
    left.set_title("condition number")
    middle.set_title("spread E s⁴ / (E s²)²")
    one_step(right, where(rows, network="linear", initialiser="normal", metric=ONE_STEP))
    keys = [style.line_key("quarter circle"), style.line_key("Fuss-Catalan k + 1", linestyle="--")]
    style.backend_legend(canvas, set(rows["backend"]), extra=keys)
    finding = "Gaussian weights spread singular values until rounding hides them"
    style.title(canvas, tally(claims, finding, "A law is broken"))
    caption = "Condition number and spread of the Jacobian's singular values by lag (isometry is 1), and the singular "
    caption += "values of one step of a linear RNN with Gaussian weights against the quarter-circle density."
    return Figure("condition", caption, canvas)


def by_network(axes: Any, rows: pd.DataFrame, metric: str) -> None:
    """Draw a metric against the lag, one line per network that is shown, named at its end."""
    ends = []
    for (network, initialiser, name), colour in zip(SHOWN, ordered_colours(len(SHOWN)), strict=True):
        curve = where(rows, metric=metric, network=network, initialiser=initialiser)
        if curve.empty:
            continue
        line = curve.groupby("index")["value"].median()
        axes.plot(line.index, line, color=colour, linewidth=1.3)
        ends.append((float(line.iloc[-1]), name.replace(" rnn", "")))
        style.points(axes, style.thinned(curve, "index"), "index", "value")
    style.log_axis(axes, "y", "")
    style.label_ends(axes, ends)
    axes.set_xlabel("lag T - t in steps")


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
