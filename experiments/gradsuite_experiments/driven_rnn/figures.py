"""The figure of driven-rnn: gradients by lag, rates and exponents by gain, one row per cell and noise variance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from matplotlib.axes import Axes

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import levels, measured, tally, where
from gradsuite_experiments.driven_rnn.laws import LN_RATIO_MEAN, LN_RATIO_SD, LYAPUNOV, RATE, critical_gain, log_factor


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw one row of panels per cell and noise variance."""
    rows = measured(rows)
    kinds = rows[["cell", "noise"]].drop_duplicates().sort_values(["cell", "noise"], ascending=[False, True])
    figure, axes = style.figure(len(kinds), 2, height=3.9)
    for (lags, gains), (cell, noise) in zip(axes, kinds.itertuples(index=False), strict=True):
        draw_lags(lags, where(rows, cell=cell, noise=noise), cell, noise)
        draw_gains(gains, where(rows, cell=cell, noise=noise), cell, noise)
    gradients = ordered_colours(rows["gain"].nunique())
    lines: list[style.Key] = [
        style.lines_key("chi_1^k (left)", gradients),
        style.line_key("ln chi_1 (right)"),
        style.line_key("its half: largest Lyapunov exponent", linestyle="--"),
    ]
    style.backend_legend(figure, rows["backend"], extra=lines)
    style.title(figure, tally(claims, "Gradients through time grow by ln chi_1 per step", "Theory is missed"))
    caption = (
        "Driven tanh RNN, and with layer normalisation (ln-rnn): squared state gradient by lag for each gain; rate per "
        "step and largest Lyapunov exponent by gain, mean over seeds with bars of 2 standard deviations; lines are "
        "mean-field theory."
    )
    return Figure("driven-rnn", caption + folded(rows, "cell", "noise", "gain"), figure)


def draw_lags(axes: Axes, rows: pd.DataFrame, cell: str, noise: float) -> None:
    """Draw the squared gradient against the lag, a line of theory for each gain."""
    gains = levels(rows, "gain")
    ends = []
    for gain, colour in zip(gains, ordered_colours(len(gains)), strict=True):
        lags = np.arange(where(rows, gain=gain)["lags"].max() + 1)
        line = np.exp(log_factor(cell, gain, noise) * lags)
        style.theory(axes, lags, line, color=colour)
        ends.append((line[-1], f"g = {gain:g}"))
    points = style.thinned(ratios(rows), "index", curve=["gain", "hidden_size"], shown=6)
    style.points(axes, points, "index", "ratio", low="low", high="high")
    style.log_axis(axes, "y", "|dL/dh|² over that at T")
    style.regions(axes, (0.1, 10.0))
    style.label_ends(axes, ends)
    sizes = ", ".join(f"{N:g}" for N in levels(rows, "hidden_size"))
    axes.set(xlabel="lag T - t in steps", title=f"{cell}, noise variance {noise:g}, N = {sizes}")


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial and lag from 1 on: the typical ratio, `low` and `high` 2 standard deviations away."""
    logs = rows[rows["metric"].isin([LN_RATIO_MEAN, LN_RATIO_SD]) & (rows["index"] > 0)]
    curve = ["backend", "gain", "hidden_size", "key", "index"]
    table = logs.pivot(index=curve, columns="metric", values="value").reset_index()
    mean, sd = table[LN_RATIO_MEAN], table[LN_RATIO_SD]
    return table.assign(ratio=np.exp(mean), low=np.exp(mean - 2 * sd), high=np.exp(mean + 2 * sd))


def draw_gains(axes: Axes, rows: pd.DataFrame, cell: str, noise: float) -> None:
    """Draw the rate and the largest exponent against the gain."""
    gains = np.linspace(min(levels(rows, "gain")), max(levels(rows, "gain")), 60)
    line = np.array([log_factor(cell, gain, noise) for gain in gains])
    style.theory(axes, gains, line)
    style.theory(axes, gains, line / 2.0, linestyle="--")
    style.points(axes, style.dodged(rates(rows), "gain", step=0.05), "gain", "mean", low="low", high="high")
    axes.margins(y=0.12)  # room for the regions' names
    style.regions(axes, (0.0, 0.0))
    axes.set(
        xlabel="gain g",
        ylabel="rate, ln per step",
        title=f"vanishing below gain {critical_gain(cell, noise):.3f} (dotted)",
    )
    axes.axvline(critical_gain(cell, noise), color=MUTED, linewidth=1.0, linestyle=":")


def rates(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial and metric: the mean over networks, `low` and `high` 2 standard deviations away."""
    networks = rows[rows["metric"].isin([RATE, LYAPUNOV])].groupby(["backend", "gain", "key", "metric"])["value"]
    table = pd.DataFrame({"mean": networks.mean(), "sd": networks.std(ddof=0)}).reset_index()
    return table.assign(low=table["mean"] - 2 * table["sd"], high=table["mean"] + 2 * table["sd"])
