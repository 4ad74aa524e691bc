"""The figures of jacobian-spectrum: singular values by lag, condition numbers, and the density of one step."""

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

from gradsuite_experiments.common.frames import by_backend, places, tally, trials, values, where

SHOWN = (  # network, weights, what the panel is called
    ("linear", "orthogonal", "linear rnn, orthogonal"),
    ("tanh", "orthogonal", "tanh rnn, orthogonal"),
    ("lstm", "normal", "lstm, Gaussian"),
    ("linear", "normal", "linear rnn, Gaussian"),
    ("tanh", "normal", "tanh rnn, Gaussian"),
    ("gru", "normal", "gru, Gaussian"),
)


def draw_fans(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw quantiles against the lag, one panel a network."""
    drawn, axes = style.figure(2, 3, height=3.3, sharex=True, sharey=True)
    backends = [backend for backend, _ in by_backend(rows)]
    for ax, (network, weights, name) in zip(axes.flat, SHOWN, strict=True):
        draw_fan(ax, where(rows, network=network, weights=weights), backends)
        ax.set_title(name)
    for ax in axes.flat:
        ax.set_ylim(1e-8, 1e3)
        style.regions(ax, (1e-2, 1e2))
    for ax in axes[:, 0]:
        ax.set_ylabel("singular value")
    for ax in axes[-1]:
        ax.set_xlabel("lag T - t in steps")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    lines = [style.line_key("law (root mean square, or bound)"), style.line_key("10% to 90%", linewidth=7, alpha=0.16)]
    style.backend_legend(drawn, backends, extra=lines)
    finding = "Only linear orthogonal networks keep every direction alive"
    style.title(drawn, tally(claims, finding, "Singular values are not what theory says"))
    caption = "Singular values of the Jacobian of h at T by the state so many steps before (c of the LSTM, h else): "
    caption += "smallest, median and largest as points, 10% to 90% as a band, means over networks; lines are the root "
    caption += "mean square of Gaussian powers, and the orthogonal bound 1."
    return Figure("jacobian-spectrum", caption, drawn)


def draw_fan(ax: Any, rows: pd.DataFrame, backends: Sequence[str]) -> None:
    """Draw one network's quantiles, each backend beside the others."""
    for backend, at, cell in trials(rows):
        lags = places(cell, "median")
        if backend == backends[0]:
            style.band(ax, lags, values(cell, "low"), values(cell, "high"))
            if at["weights"] == "orthogonal":
                style.theory(ax, lags, np.ones(len(lags)), linestyle="-" if at["network"] == "linear" else "--")
            elif at["network"] == "linear":
                square = [powers.mean_square(int(lag), 0.0, 1.0, at["hidden_size"]) for lag in lags]
                style.theory(ax, lags, np.sqrt(square))
        own = slice(backends.index(backend), None, len(backends))
        for quantile in ("smallest", "median", "largest"):
            style.measured(ax, lags[own], values(cell, quantile)[own], backend)
    style.log_axis(ax, "y", "")


def draw_density(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw condition number and spread by lag, and the density of one step's singular values."""
    drawn, axes = style.figure(1, 3, height=4.0)
    backends = [backend for backend, _ in by_backend(rows)]
    colours = ordered_colours(len(SHOWN))
    for ax, metric in zip(axes[0], ("condition", "spread"), strict=False):
        ends = []
        for (network, weights, name), colour in zip(SHOWN, colours, strict=True):
            for backend, _, cell in trials(where(rows, network=network, weights=weights)):
                lags, line = places(cell, metric), values(cell, metric)
                if backend == backends[0]:
                    ax.plot(lags, line, color=colour, linewidth=1.3)
                    ends.append((float(line[-1]), name.replace(" rnn", "")))
                own = slice(backends.index(backend), None, len(backends))
                style.measured(ax, lags[own], line[own], backend)
        if metric == "spread":
            steps = np.arange(1, max(rows["lags"]) + 1)
            style.theory(ax, steps, [theory.spread(int(k)) for k in steps], linestyle="--")
        style.log_axis(ax, "y", "")
        style.label_ends(ax, ends)
        ax.set_xlabel("lag T - t in steps")
    axes[0, 0].set_title("condition number")
    axes[0, 1].set_title("spread E s⁴ / (E s²)²")
    draw_step(axes[0, 2], where(rows, network="linear", weights="normal"), backends)
    keys = [style.line_key("quarter circle"), style.line_key("Fuss-Catalan k + 1", linestyle="--")]
    style.backend_legend(drawn, backends, extra=keys)
    judged = tally(claims, "Gaussian weights spread singular values until rounding hides them", "A law is broken")
    style.title(drawn, judged)
    caption = "Condition number and spread of the Jacobian's singular values by lag (isometry is 1), and the singular "
    caption += "values of one step of a linear RNN with Gaussian weights against the quarter-circle density."
    return Figure("condition", caption, drawn)


def draw_step(ax: Any, rows: pd.DataFrame, backends: Sequence[str]) -> None:
    """Draw the density of one step's singular values, each backend's points beside the others."""
    edges = np.linspace(0.0, 2.2, 12)
    for backend, _, cell in trials(rows):
        density, _ = np.histogram(values(cell, "singular_value"), edges, density=True)
        own = slice(backends.index(backend), None, len(backends))
        style.measured(ax, ((edges[1:] + edges[:-1]) / 2)[own], density[own], backend)
    x = np.linspace(0.0, 2.0, 200)
    style.theory(ax, x, theory.quarter_circle(x))
    ax.set(xlabel="singular value", title="density of one step", ylim=(0.0, None))
