"""Gradients against the lag, and rates and Lyapunov exponents against the gain."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from gradsuite.theory import driven_rnn as theory

from gradsuite_experiments.common.frames import levels, measured, tally
from gradsuite_experiments.driven_rnn.laws import LOG_RATIO_MEAN, LOG_RATIO_SD, LYAPUNOV, RATE

POINTS = 5  # of each backend on a curve


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure: by lag on the left, by gain on the right."""
    rows = measured(rows)
    canvas, panels = style.figure(1, 2, height=4.4)
    draw_lags(panels[0, 0], rows)
    draw_gains(panels[0, 1], rows)
    keys = [style.line_key("ln chi_1"), style.line_key("ln(chi_1) / 2", linestyle="--")]
    style.backend_legend(canvas, set(rows["backend"]), extra=keys)
    style.title(canvas, tally(claims, "Gradients through time grow by ln chi_1 per step", "Theory is missed"))
    caption = "Driven tanh RNN: squared state gradient by lag for each gain; rate per step and largest Lyapunov "
    caption += "exponent by gain, mean over seeds with bars of 2 standard deviations; lines are mean-field theory."
    return Figure("driven-rnn", caption, canvas)


def draw_lags(axes: Any, rows: pd.DataFrame) -> None:
    """Draw the squared gradient against the lag, one line of theory per gain."""
    gains, noise = levels(rows, "gain"), rows["noise"].iloc[0]
    lags = np.arange(rows["lags"].max() + 1)
    lines = {gain: np.exp(theory.rate(gain, noise) * lags) for gain in gains}
    for (_, line), colour in zip(lines.items(), ordered_colours(len(gains)), strict=True):
        style.theory(axes, lags, line, color=colour)
    ratios = rows[rows["metric"].isin([LOG_RATIO_MEAN, LOG_RATIO_SD])]
    ratios = ratios.pivot(index=["backend", "gain", "key", "index"], columns="metric", values="value").reset_index()
    mean, sd = ratios[LOG_RATIO_MEAN], ratios[LOG_RATIO_SD]
    ratios = ratios.assign(ratio=np.exp(mean), low=np.exp(mean - 2 * sd), high=np.exp(mean + 2 * sd))
    points = style.thinned(ratios[ratios["index"] > 0], "index", curve=["key"], shown=POINTS)
    style.points(axes, points, "index", "ratio", low="low", high="high")
    style.log_axis(axes, "y", "|dL/dh|² over that at T")
    style.regions(axes, (0.1, 10.0))
    style.label_ends(axes, [(line[-1], f"g = {gain:g}") for gain, line in lines.items()])
    axes.set(xlabel="lag T - t in steps", title=f"noise variance {noise:g}, N = {rows['hidden_size'].iloc[0]}")


def draw_gains(axes: Any, rows: pd.DataFrame) -> None:
    """Draw rate and largest exponent against the gain."""
    noise = float(rows["noise"].iloc[0])
    gains = np.linspace(min(levels(rows, "gain")), max(levels(rows, "gain")), 60)
    line = np.array([theory.rate(gain, noise) for gain in gains])
    style.theory(axes, gains, line)
    style.theory(axes, gains, line / 2.0, linestyle="--")
    by_network = rows[rows["metric"].isin([RATE, LYAPUNOV])].groupby(["backend", "gain", "metric"])["value"]
    mean, sd = by_network.mean(), by_network.std(ddof=0)
    points = pd.DataFrame({"mean": mean, "low": mean - 2.0 * sd, "high": mean + 2.0 * sd}).reset_index()
    style.points(axes, style.dodged(points, "gain", step=0.03), "gain", "mean", low="low", high="high")
    style.regions(axes, (0.0, 0.0))
    axes.set(xlabel="gain g", ylabel="per step", title=f"critical gain {theory.critical_gain(noise):.3f}")
    axes.axvline(theory.critical_gain(noise), color=MUTED, linewidth=1.0, linestyle=":")
