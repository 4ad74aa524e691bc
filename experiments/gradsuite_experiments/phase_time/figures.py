"""The figure of phase-time: rate over gain and noise, and the critical gain."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import EXPLODING, INK, PAPER, VANISHING, ordered_colours
from gradsuite.theory import driven_rnn as theory
from matplotlib.colors import LinearSegmentedColormap

from gradsuite_experiments.common.frames import by_backend, levels, members, tally, trials

PHASES = LinearSegmentedColormap.from_list("phases", [VANISHING, PAPER, EXPLODING])


def draw(rows: pd.DataFrame, claims: Sequence[Claim], crossing: Callable[[pd.DataFrame], float]) -> Figure:
    """Draw the rate over gain and noise with the boundaries, and against the gain."""
    drawn, axes = style.figure(1, 2, height=4.6)
    backends = [backend for backend, _ in by_backend(rows)]
    draw_plane(drawn, axes[0, 0], rows, backends, crossing)
    draw_rates(axes[0, 1], rows, backends)
    lines = [style.line_key("ln chi_1 = 0"), style.line_key("Pascanu's sufficient g = 1/2", linestyle="--")]
    style.backend_legend(drawn, backends, extra=lines)
    moved = [f"{theory.critical_gain(noise):.2f}" for noise in levels(rows, "noise")]
    finding = f"Noise moves the critical gain from {moved[0]} to {moved[-1]}, far above Pascanu's 1/2"
    style.title(drawn, tally(claims, finding, "The boundary is not where theory puts it"))
    caption = "Growth of ln |dL/dh|² per step back in driven tanh RNNs. Left: mean over seeds and backends by gain and "
    caption += "noise, with each backend's zero crossing. Right: every network against the gain; lines are ln chi_1, "
    caption += "and without noise 2 ln g, for such a network stays at h = 0, where it is linear."
    return Figure("phase-time", caption, drawn)


def draw_plane(
    drawn: Any, ax: Any, rows: pd.DataFrame, backends: Sequence[str], crossing: Callable[[pd.DataFrame], float]
) -> None:
    """Draw one square for each gain and noise, noises one above the other."""
    noises = levels(rows, "noise")
    points = pd.concat(members(cell).assign(noise=at["noise"]) for _, at, cell in trials(rows))
    square = points.pivot_table(index="noise", columns="gain", values="rate")
    edge = max(abs(float(np.nanmax(square.to_numpy()))), 0.5)
    colours = ax.pcolormesh(square.columns, range(len(noises)), square, cmap=PHASES, vmin=-edge, vmax=edge)
    drawn.colorbar(colours, ax=ax, location="top", shrink=0.7, label="rate per step", extend="min")
    between = np.linspace(0, len(noises) - 1, 60)
    line = [theory.critical_gain(noise) for noise in np.interp(between, range(len(noises)), noises)]
    style.theory(ax, line, between)
    ax.axvline(theory.PASCANU_GAIN, color=INK, linewidth=1.3, linestyle="--")
    for backend, at, cell in trials(rows):
        height = noises.index(at["noise"]) + 0.16 * (backends.index(backend) - (len(backends) - 1) / 2)
        style.measured(ax, crossing(members(cell)), height, backend, markersize=7)
    ax.set_yticks(range(len(noises)), [f"{noise:g}" for noise in noises])
    ax.set(xlabel="gain g", ylabel=r"noise variance $s^2$")
    ax.grid(visible=False)
    low, high = float(points["gain"].min()), float(points["gain"].max())
    paper = {"facecolor": PAPER, "edgecolor": "none"}
    for place, word, colour in ((0.15, "vanishing", VANISHING), (0.85, "exploding", EXPLODING)):
        spot = (low + place * (high - low), -0.3)
        ax.annotate(word, spot, color=colour, style="italic", ha="center", bbox=paper)


def draw_rates(ax: Any, rows: pd.DataFrame, backends: Sequence[str]) -> None:
    """Draw every network's rate against its gain, a line of theory for each noise."""
    noises = levels(rows, "noise")
    colours = dict(zip(noises, ordered_colours(len(noises)), strict=True))
    ends = []
    for backend, at, cell in trials(rows):
        found = members(cell).groupby("gain")["rate"].agg(["mean", "min", "max"])
        found = found.iloc[backends.index(backend) :: len(backends)]
        style.measured(ax, found.index, found["mean"], backend, low=found["min"], high=found["max"])
        if backend == backends[0]:
            gains = np.linspace(members(cell)["gain"].min(), members(cell)["gain"].max(), 60)
            line = np.array([theory.rate_from_zero(gain, at["noise"]) for gain in gains])
            style.theory(ax, gains, line, color=colours[at["noise"]])
            ends.append((line[-1], rf"$s^2$ = {at['noise']:g}"))
    ax.axvline(theory.PASCANU_GAIN, color=INK, linewidth=1.3, linestyle="--")
    style.regions(ax, (0.0, 0.0))
    style.label_ends(ax, ends)
    ax.set(xlabel="gain g", ylabel="rate of ln |dL/dh|² per step back")
