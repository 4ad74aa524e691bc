"""The figure of critical-gain: spectra in the complex plane, the spectral radius by gain, growth by lag."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.parameters import KEEP_GATE
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from gradsuite.theory import gaussian_powers as powers
from matplotlib.ticker import MaxNLocator

from gradsuite_experiments.common.frames import by_backend, levels, places, tally, trials, values, where

Law = Callable[["Mapping[str, Any] | pd.Series[Any]"], tuple[float, float, float]]


def draw(rows: pd.DataFrame, claims: Sequence[Claim], gains: Sequence[float], law: Law) -> Figure:
    """Draw one row of panels a cell."""
    kinds = [cell for cell in KEEP_GATE if cell in set(rows["cell"])]
    drawn, axes = style.figure(len(kinds), 3, height=3.7)
    backends = [backend for backend, _ in by_backend(rows)]
    biases = levels(rows, "forget_bias")
    colours = dict(zip(biases, ordered_colours(len(biases)), strict=True))
    for (plane, radius, growth), kind in zip(axes, kinds, strict=True):
        own = where(rows, cell=kind)
        draw_plane(plane, own, backends, colours, law)
        plane.set_title(f"{kind}: eigenvalues at g = g_c")
        draw_radius(radius, own, backends, gains, colours, law)
        draw_growth(growth, where(own, forget_bias=biases[0]), backends, gains, law)
        growth.set_title(f"growth, forget bias {biases[0]:g}")
    keys = [style.line_key(f"forget bias {bias:g}", color=colours[bias]) for bias in biases]
    style.backend_legend(drawn, backends, extra=[*keys, style.line_key("finite-k law, band of 2 sd")])
    named = {kind: [law({"cell": kind, "forget_bias": bias})[1] for bias in biases] for kind in kinds}
    said = "; ".join(f"{kind} {', '.join(f'{g:.4g}' for g in found)}" for kind, found in named.items())
    finding = f"Critical gains for forget bias {', '.join(f'{b:g}' for b in biases)}: {said}"
    style.title(drawn, tally(claims, finding, "The critical gain is not where the fixed point puts it"))
    caption = (
        "LSTM and GRU at their fixed point. Left: eigenvalues of one step's Jacobian at the critical gain, the disc "
    )
    caption += "f0 + (1 - f0) z that they fill, and the unit circle. Middle: spectral radius by gain, over seeds, with "
    caption += "bars from the smallest to the largest. Right: mean squared gradient after k steps at three gains."
    return Figure("critical-gain", caption, drawn)


def draw_plane(ax: Any, rows: pd.DataFrame, backends: Sequence[str], colours: Mapping[float, str], law: Law) -> None:
    """Draw each backend's share of the eigenvalues, the circle of each bias, and the unit circle."""
    turn = np.exp(1j * np.linspace(0.0, 2.0 * np.pi, 200))
    ax.plot(turn.real, turn.imag, color=MUTED, linewidth=1.0, linestyle=":")
    for backend, at, cell in trials(rows):
        own = slice(backends.index(backend), None, len(backends))
        spot = (values(cell, "eigenvalue_real")[own], values(cell, "eigenvalue_imag")[own])
        style.measured(ax, *spot, backend, markersize=3.5)
        kept = law(at)[0]
        circle = kept + (1.0 - kept) * turn
        style.theory(ax, circle.real, circle.imag, color=colours[at["forget_bias"]])
    ax.set(xlabel="real part", ylabel="imaginary part", aspect="equal", xlim=(-0.3, 1.3), ylim=(-0.8, 0.8))


def draw_radius(
    ax: Any,
    rows: pd.DataFrame,
    backends: Sequence[str],
    gains: Sequence[float],
    colours: Mapping[float, str],
    law: Law,
) -> None:
    """Draw the spectral radius against the gain, a line of theory for each bias."""
    for backend, at, cell in trials(rows):
        kept, critical, pull = law(at)
        colour = colours[at["forget_bias"]]
        over = np.array([gains[0], gains[-1]])
        style.theory(ax, over, kept + pull * critical * over, color=colour)
        x = np.array(gains) + 0.03 * (backends.index(backend) - (len(backends) - 1) / 2)
        mean, low, high = (values(cell, metric) for metric in ("radius", "radius_low", "radius_high"))
        style.measured(ax, x, mean, backend, low=low, high=high)
    ax.set_ylim(0.7, 1.3)
    style.regions(ax, (1.0, 1.0))
    ax.set(xlabel="gain over the critical one", ylabel="spectral radius", title="spectral radius by gain")


def draw_growth(ax: Any, rows: pd.DataFrame, backends: Sequence[str], gains: Sequence[float], law: Law) -> None:
    """Draw the mean squared gradient against the lag, law and band for each gain."""
    ends = []
    for backend, at, cell in trials(rows):
        kept, critical, pull = law(at)
        for i, gain in enumerate(gains):
            lags = places(cell, f"ratio_{i}")
            power = [(int(lag), kept, pull * gain * critical, at["hidden_size"]) for lag in lags]
            mean, sd = (np.array([f(*p) for p in power]) for f in (powers.mean_square, powers.mean_square_sd))
            if backend == backends[0]:
                style.theory(ax, lags, mean)
                spread = np.exp(2.0 * sd / mean / np.sqrt(at["seeds"]))
                style.band(ax, lags, mean / spread, mean * spread)
                ends.append((mean[-1], f"{gain:g}"))
            own = slice(1 + backends.index(backend), None, len(backends))
            style.measured(ax, lags[own], values(cell, f"ratio_{i}")[own], backend)
    style.log_axis(ax, "y", "mean squared gradient")
    style.regions(ax, (0.5, 2.0))
    style.label_ends(ax, ends)
    ax.set_xlabel("lag k in steps")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
