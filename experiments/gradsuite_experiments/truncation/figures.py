"""The figures of truncation: the bias by the factor that a unit keeps and by the horizon; what truncation saves."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.measuring.intervals import median_interval
from gradsuite.report import style
from gradsuite.report.palette import ordered_colours

from gradsuite_experiments.common import frames
from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import by_backend, levels, tally, trials, value, values, where
from gradsuite_experiments.truncation import laws
from gradsuite_experiments.truncation.laws import GAINS, LAWS

FLOOR = 1e-13  # below it is rounding
LABELLED = 1e-3  # the bias at which a line bears its name
TITLES = {"rnn": "h = a h + x, error of dh/da", "lstm": "LSTM, error of dc/db_f", "gru": "GRU, error of dh/db_n"}
# Where each regime's name stands: share of T, bias, alignment.
NAMED_AT = {"vanishing": (0.0, 0.004, "left"), "critical": (0.7, 0.1, "right"), "exploding": (0.0, 2.5, "left")}


def bias_figure(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw the relative bias of each law against the factor, and of driven RNNs against the horizon."""
    rows = frames.measured(rows)
    kinds = [cell for cell in LAWS if cell in set(rows["cell"])]
    panels = len(kinds) + ("rnn" in kinds)
    figure, axes = style.figure(math.ceil(panels / 2), 2, height=3.9)
    for ax, kind in zip(axes.flat, kinds, strict=False):
        draw_units(ax, where(rows, cell=kind))
        ax.set_title(TITLES[kind])
    for ax in axes.flat[panels:]:
        ax.remove()
    if "rnn" in kinds:
        draw_driven(axes.flat[len(kinds)], where(rows, cell="rnn"))
    lines = [style.lines_key("exact law; mean field for random networks", ordered_colours(len(GAINS)))]
    style.backend_legend(figure, set(rows["backend"]), extra=lines)
    finding = "A truncated gradient is off by what vanishes in k steps, and by all of it where gradients explode"
    style.title(figure, tally(claims, finding, "Truncation does not do what it says"))
    return Figure(
        "truncation",
        "Relative error of a gradient that goes back only k steps. Units that keep a share a of their state: against "
        "a, one line per horizon. Random tanh RNNs driven by noise: |g - g_k| / |g| of dL/dW_hh against the horizon, "
        "root mean square and range over networks." + folded(rows, "cell", "horizon"),
        figure,
    )


def draw_units(ax: Any, rows: pd.DataFrame) -> None:
    """Draw the bias against the factor, a line for each horizon shorter than the sequence."""
    rows = rows[rows["metric"] == laws.UNIT_BIAS]
    law, T = LAWS[rows["cell"].iloc[0]], int(rows["length"].max())
    factors = law.factors(int(rows["hidden_size"].max()))
    rows = rows[rows["horizon"] < rows["length"]]
    horizons = levels(rows, "horizon")
    colours = dict(zip(horizons, ordered_colours(len(horizons)), strict=True))
    for k in horizons:
        line = np.array([law.bias(a, T, k) for a in factors])
        style.theory(ax, factors, np.where(line > FLOOR, line, np.nan), color=colours[k])
        spot = int(abs(np.log(np.maximum(line, FLOOR)) - np.log(LABELLED)).argmin())
        place = (factors[spot], line[spot])
        ax.annotate(f"k = {k}", place, (7, -14), textcoords="offset points", color=colours[k])
    points = style.thinned(
        rows.assign(factor=factors[rows["index"].astype(int)]), "factor", curve=["horizon"], shown=11
    )
    style.points(ax, points[points["value"] > FLOOR], "factor", "value", size=5)
    style.log_axis(ax, "y", "relative error")
    ax.set_ylim(FLOOR, 10.0)
    ax.set_xlabel("factor a per step")


def draw_driven(ax: Any, rows: pd.DataFrame) -> None:
    """Draw the bias of driven tanh RNNs against the horizon, a line for each regime."""
    T = int(rows["length"].max())
    horizons = np.arange(1, T)
    for regime, colour in zip(GAINS, ordered_colours(len(GAINS)), strict=True):
        line = laws.driven_bias(regime, T)[horizons]
        style.theory(ax, horizons, np.maximum(line, FLOOR), color=colour)
        share, bias, align = NAMED_AT[regime]
        ax.annotate(f"g = {GAINS[regime]:.3g}, {regime}", (max(share * T, 1.1), bias), color=colour, ha=align)
    rows = rows[(rows["metric"] == laws.BIAS) & (rows["horizon"] < rows["length"])]
    groups = rows.groupby(["backend", "horizon", "note"], sort=False)["value"]
    points = groups.agg(bias=root_mean_square, low="min", high="max").reset_index()
    style.points(ax, style.dodged(points, "horizon", factor=1.12), "horizon", "bias", low="low", high="high", size=5)
    style.log_axis(ax, "x", "horizon k in steps")
    style.log_axis(ax, "y", "|g - g_k| / |g|")
    ax.set_ylim(1e-6, 10.0)
    ax.set_title(f"driven tanh RNN, T = {T}")


def root_mean_square(numbers: "pd.Series[float]") -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.square(numbers).mean()))


def cost_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Draw seconds and memory of a truncated gradient over those of a full one, if they were measured."""
    rows = rows[rows["key"].isin(rows[rows["metric"] == laws.SECONDS_FULL]["key"])]
    if rows.empty:
        return
    figure, axes = style.figure(1, 2, height=3.9)
    shares, T = cost_shares(rows), int(rows["length"].max())
    horizons = np.linspace(0.0, rows["horizon"].max(), 50)
    style.theory(axes[0, 0], horizons, laws.time_share(horizons, T))
    style.theory(axes[0, 1], horizons, horizons / T)
    points = style.dodged(shares, "horizon", step=0.012 * T)
    style.points(axes[0, 0], points, "horizon", "seconds", low="low", high="high", size=5)
    style.points(axes[0, 1], points, "horizon", "memory", size=5)
    axes[0, 0].set_title("time per gradient")
    axes[0, 1].set_title("memory per pass")
    for ax in axes[0]:
        ax.set(xlabel="horizon k in steps", ylabel="share of full BPTT's")
        ax.set_ylim(bottom=0.0)
    backends = [backend for backend, _ in by_backend(rows)]
    style.backend_legend(figure, backends, extra=[style.line_key("matrix products; states kept")])
    k = int(shares["horizon"].min())
    shortest = where(shares, horizon=k)
    pairs = shortest[["backend", "seconds"]].to_numpy()
    ratios = frames.listed([f"{ratio:.2f} with {backend}" for backend, ratio in pairs])
    taken = f"Back through {k} of {T} steps, an LSTM's gradient takes this share of full BPTT's time"
    style.title(figure, f"{taken}: {ratios}")
    yield Figure(
        "truncation-cost",
        "LSTM, loss at the last step: forward goes through all steps, backward through k. Lines: (1 + 2 k / T) / 3 "
        "of the matrix products, and k / T of the states. Bars: 95% intervals of the median. Memory is the process's "
        "peak beyond what it had before: the gradients themselves are part of it."
        + folded(where(rows, cell="lstm"), "horizon"),
        figure,
    )


def cost_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per trial: medians of the paired ratios of times with their intervals, and the ratio of peaks."""
    shares = []
    for backend, settings, trial in trials(rows):
        interval = median_interval(values(trial, laws.SECONDS_TRUNCATED) / values(trial, laws.SECONDS_FULL))
        share = {"backend": backend, "horizon": settings["horizon"], "seconds": interval.median}
        share |= {"low": interval.low, "high": interval.high}
        share["memory"] = value(trial, laws.MEMORY_TRUNCATED) / max(value(trial, laws.MEMORY_FULL), 1.0)
        shares.append(share)
    return pd.DataFrame(shares)
