"""The figures of truncation: the bias by the factor that a unit keeps and by the horizon; what truncation saves."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.measuring.timing import median_interval
from gradsuite.report import style
from gradsuite.report.palette import ordered_colours
from gradsuite.theory import driven_rnn

from gradsuite_experiments.common.frames import by_backend, levels, tally, trials, value, values, where
from gradsuite_experiments.truncation.networks import GAINS, LAWS, NOISE

FLOOR = 1e-13  # below it is rounding
LABELLED = 1e-3  # where a line bears its name
TITLES = {"rnn": "h = a h + x, error of dh/da", "lstm": "LSTM, error of dc/db_f", "gru": "GRU, error of dh/db_n"}
GAIN_NAMES = {"vanishing": (1.1, 0.01), "critical": (16.0, 0.15), "exploding": (1.1, 2.5)}  # and where they stand


def bias_figure(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw the relative bias of each law against the factor, and of driven RNNs against the horizon."""
    kinds = [cell for cell in LAWS if cell in set(rows["cell"])]
    drawn, axes = style.figure(2, 2, height=3.9)
    backends = [backend for backend, _ in by_backend(rows)]
    for ax, cell in zip(axes.flat, kinds, strict=False):
        draw_units(ax, where(rows, cell=cell), backends)
        ax.set_title(TITLES[cell])
    for ax in axes.flat[len(kinds) + ("rnn" in kinds) :]:
        ax.remove()
    if "rnn" in kinds:
        draw_driven(axes.flat[len(kinds)], where(rows, cell="rnn"), backends)
    style.backend_legend(drawn, backends, extra=[style.line_key("exact law; mean field for random networks")])
    finding = "A truncated gradient is off by what vanishes in k steps, and by all of it where gradients explode"
    style.title(drawn, tally(claims, finding, "Truncation does not do what it says"))
    caption = (
        "Relative error of a gradient that goes back k steps only. Units that keep a share a of their state: against "
    )
    caption += (
        "a, one line a horizon. Random tanh RNNs driven by noise: |g - g_k| / |g| of dL/dW_hh against the horizon, "
    )
    caption += "mean and range over networks."
    return Figure("truncation", caption, drawn)


def draw_units(ax: Any, rows: pd.DataFrame, backends: Sequence[str]) -> None:
    """Draw the bias against the factor, a line for each horizon shorter than the sequence."""
    rows = rows[rows["horizon"] < rows["length"]]
    horizons = levels(rows, "horizon")
    colours = dict(zip(horizons, ordered_colours(len(horizons)), strict=True))
    law, T = LAWS[rows["cell"].iloc[0]], int(rows["length"].max())
    factors = law.factors(int(rows["hidden_size"].max()))
    lines = {k: np.array([law.bias(a, T, k) for a in factors]) for k in horizons}
    for k, line in lines.items():
        style.theory(ax, factors, np.where(line > FLOOR, line, np.nan), color=colours[k])
    for backend, _, cell in trials(rows):
        own = slice(2 + 4 * backends.index(backend), None, 4 * len(backends))
        found = values(cell, "unit_bias")
        style.measured(ax, factors[own], np.where(found > FLOOR, found, np.nan)[own], backend)
    style.log_axis(ax, "y", "relative error")
    ax.set_ylim(FLOOR, 10.0)
    ax.set_xlabel("factor a per step")
    for k in horizons:
        spot = int(abs(np.log(np.maximum(lines[k], FLOOR)) - np.log(LABELLED)).argmin())
        place = (factors[spot], lines[k][spot])
        ax.annotate(f"k = {k}", place, (7, -14), textcoords="offset points", color=colours[k])


def draw_driven(ax: Any, rows: pd.DataFrame, backends: Sequence[str]) -> None:
    """Draw the bias of driven tanh RNNs against the horizon, a line for each gain."""
    T = int(rows["length"].max())
    horizons = np.arange(1, T)
    for gain, (name, spot), colour in zip(GAINS, GAIN_NAMES.items(), ordered_colours(len(GAINS)), strict=True):
        line = np.array([driven_rnn.truncation_bias(gain, NOISE, T, int(k)) for k in horizons])
        style.theory(ax, horizons, np.maximum(line, FLOOR), color=colour)
        ax.annotate(f"g = {gain:.3g}, {name}", spot, color=colour)
    for backend, at, cell in trials(rows[rows["horizon"] < rows["length"]]):
        shift = 1.12 ** (backends.index(backend) - (len(backends) - 1) / 2)
        for biases in values(cell, "bias").reshape(len(GAINS), -1):
            mean = np.sqrt(np.square(biases).mean())
            style.measured(ax, at["horizon"] * shift, mean, backend, low=biases.min(), high=biases.max())
    style.log_axis(ax, "x", "horizon k in steps")
    style.log_axis(ax, "y", "|g - g_k| / |g|")
    ax.set_ylim(1e-6, 10.0)
    ax.set_title(f"driven tanh RNN, T = {T}")


def cost_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Draw seconds and memory of a truncated gradient over those of a full one, if they were measured."""
    rows = rows[rows["key"].isin(rows[rows["metric"] == "seconds_full"]["key"])]
    if rows.empty:
        return
    drawn, axes = style.figure(1, 2, height=3.9)
    backends = [backend for backend, _ in by_backend(rows)]
    draw_cost(axes[0, 0], rows, backends, seconds)
    draw_cost(axes[0, 1], rows, backends, memory)
    horizons = np.linspace(0.0, rows["horizon"].max(), 50)
    T = int(rows["length"].max())
    style.theory(axes[0, 0], horizons, (1.0 + 2.0 * horizons / T) / 3.0)
    style.theory(axes[0, 1], horizons, horizons / T)
    axes[0, 0].set(ylabel="over full BPTT's", title="time of a gradient")
    axes[0, 1].set(ylabel="over full BPTT's", title="memory of a pass")
    style.backend_legend(drawn, backends, extra=[style.line_key("matrix products; states kept")])
    shortest = rows[rows["horizon"] == rows["horizon"].min()]
    told = [f"{backend} {seconds(cell)[0]:.2f}" for backend, _, cell in trials(shortest)]
    k = rows["horizon"].min()
    style.title(
        drawn, f"Back through {k} of {T} steps, an LSTM's gradient takes this share of its time: {', '.join(told)}"
    )
    caption = (
        "LSTM, loss at the last step: forward goes through all steps, backward through k. Lines: (1 + 2 k / T) / 3 "
    )
    caption += (
        "of the matrix products, and k / T of the states. Bars: 95% of the median. Memory is that of the process "
    )
    caption += "at its peak beyond what it had before: the gradients themselves are part of it."
    yield Figure("truncation-cost", caption, drawn)


def draw_cost(
    ax: Any, rows: pd.DataFrame, backends: Sequence[str], ratio: Callable[[pd.DataFrame], tuple[float, float, float]]
) -> None:
    """Draw a ratio against the horizon."""
    step = 0.012 * float(rows["length"].max())
    for backend, at, cell in trials(rows):
        middle, low, high = ratio(cell)
        place = at["horizon"] + step * (backends.index(backend) - (len(backends) - 1) / 2)
        style.measured(ax, place, middle, backend, low=low, high=high)
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("horizon k in steps")


def seconds(cell: pd.DataFrame) -> tuple[float, float, float]:
    """Return the median of the paired ratios of times and the ends of its interval."""
    found = median_interval(values(cell, "seconds_truncated") / values(cell, "seconds_full"))
    return found.median, found.low, found.high


def memory(cell: pd.DataFrame) -> tuple[float, float, float]:
    """Return the ratio of peaks."""
    ratio = value(cell, "memory_truncated") / max(value(cell, "memory_full"), 1.0)
    return ratio, ratio, ratio
