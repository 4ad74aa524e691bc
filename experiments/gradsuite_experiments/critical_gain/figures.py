"""The figure of critical-gain: spectra in the complex plane, the spectral radius by gain, growth by lag."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.parameters import KEEP_GATE
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from gradsuite.theory import gaussian_powers as powers
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import levels, measured, tally, where
from gradsuite_experiments.critical_gain.laws import (
    EIGENVALUE_IMAG,
    EIGENVALUE_REAL,
    GAINS,
    RADIUS,
    RADIUS_HIGH,
    RADIUS_LOW,
    RATIO,
    RELATIVE_GAIN,
    FixedPoint,
    fixed_point,
)

Colours = Mapping[float, str]  # by forget bias


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw one row of panels per cell."""
    rows = measured(rows)
    kinds = [cell for cell in KEEP_GATE if cell in set(rows["cell"])]
    biases = levels(rows, "forget_bias")
    colours = dict(zip(biases, ordered_colours(len(biases)), strict=True))
    figure, axes = style.figure(len(kinds), 3, height=3.7)
    for (plane, radius, growth), kind in zip(axes, kinds, strict=True):
        rows_of_cell = where(rows, cell=kind)
        draw_plane(plane, rows_of_cell, kind, colours)
        draw_radius(radius, rows_of_cell, kind, colours)
        draw_growth(growth, where(rows_of_cell, forget_bias=biases[0]), kind, biases[0])
    keys = [style.line_key(f"forget bias {bias:g}", color=colours[bias]) for bias in biases]
    style.backend_legend(figure, rows["backend"], extra=[*keys, style.line_key("finite-k law, band of 2 sd")])
    style.title(figure, tally(claims, finding(kinds, biases), "The critical gain is not where the fixed point puts it"))
    caption = (
        "LSTM and GRU at their fixed point. Left: eigenvalues of one step's Jacobian at the critical gain, the disc "
        "f0 + (1 - f0) z that they fill, and the unit circle. Middle: spectral radius by gain, mean over seeds with "
        "bars from the smallest to the largest. Right: mean squared gradient after k steps at three gains."
    )
    return Figure("critical-gain", caption + folded(rows, "cell", "forget_bias"), figure)


def finding(kinds: Sequence[str], biases: Sequence[float]) -> str:
    """Return the critical gains as a title says them."""
    gains = {kind: ", ".join(f"{point(kind, bias).critical:.4g}" for bias in biases) for kind in kinds}
    of_cells = "; ".join(f"{kind} {gains_of_cell}" for kind, gains_of_cell in gains.items())
    return f"Critical gains at forget bias {', '.join(f'{bias:g}' for bias in biases)}: {of_cells}"


def point(kind: str, bias: float) -> FixedPoint:
    """Return the fixed point of a cell at a forget bias."""
    return fixed_point({"cell": kind, "forget_bias": bias})


def draw_plane(axes: Axes, rows: pd.DataFrame, kind: str, colours: Colours) -> None:
    """Draw each backend's share of the eigenvalues, the circle of each bias, and the unit circle."""
    turn = np.exp(1j * np.linspace(0.0, 2.0 * np.pi, 200))
    axes.plot(turn.real, turn.imag, color=MUTED, linewidth=1.0, linestyle=":")
    for bias, colour in colours.items():
        kept = point(kind, bias).kept
        circle = kept + (1.0 - kept) * turn
        style.theory(axes, circle.real, circle.imag, color=colour)
    parts = rows[rows["metric"].isin([EIGENVALUE_REAL, EIGENVALUE_IMAG])]
    spectra = parts.pivot(index=["backend", "key", "index"], columns="metric", values="value").reset_index()
    shown = style.thinned(spectra, "index", curve=["key"], shown=len(spectra))
    style.points(axes, shown, EIGENVALUE_REAL, EIGENVALUE_IMAG, size=4.0)
    axes.set(xlabel="real part", ylabel="imaginary part", title=f"{kind}: eigenvalues at g = g_c")
    axes.set(aspect="equal", xlim=(-0.3, 1.3), ylim=(-0.8, 0.8))


def draw_radius(axes: Axes, rows: pd.DataFrame, kind: str, colours: Colours) -> None:
    """Draw the spectral radius against the gain, a line of theory for each bias."""
    gains = np.array([GAINS[0], GAINS[-1]])
    for bias, colour in colours.items():
        kept, critical, pull = point(kind, bias)
        style.theory(axes, gains, kept + pull * critical * gains, color=colour)
    radii = rows[rows["metric"].isin([RELATIVE_GAIN, RADIUS, RADIUS_LOW, RADIUS_HIGH])]
    members = radii.pivot(index=["backend", "key", "member"], columns="metric", values="value").reset_index()
    members = style.dodged(members, RELATIVE_GAIN, step=0.03)
    style.points(axes, members, RELATIVE_GAIN, RADIUS, low=RADIUS_LOW, high=RADIUS_HIGH)
    axes.set_ylim(0.7, 1.3)
    style.regions(axes, (1.0, 1.0))
    axes.set(xlabel="gain over the critical one", ylabel="spectral radius", title="spectral radius by gain")


def draw_growth(axes: Axes, rows: pd.DataFrame, kind: str, bias: float) -> None:
    """Draw the mean squared gradient against the lag, law and band for each gain."""
    ends = []
    for N, lags, seeds in rows[["hidden_size", "lags", "seeds"]].drop_duplicates().itertuples(index=False):
        for gain in GAINS:
            arguments = [point(kind, bias).power(lag, gain, N) for lag in range(lags + 1)]
            mean, sd = (
                np.array([f(*power) for power in arguments]) for f in (powers.mean_square, powers.mean_square_sd)
            )
            spread = np.exp(2.0 * sd / mean / np.sqrt(seeds))
            style.theory(axes, range(lags + 1), mean)
            style.band(axes, range(lags + 1), mean / spread, mean * spread)
            ends.append((mean[-1], f"gain {gain:g}"))
    ratios = rows[(rows["metric"] == RATIO) & (rows["index"] > 0)]
    shown = style.thinned(ratios, "index", curve=["key", "member"], shown=len(ratios))
    style.points(axes, shown, "index", "value")
    style.log_axis(axes, "y", "mean squared gradient")
    style.regions(axes, (0.5, 2.0))
    style.label_ends(axes, ends)
    axes.set(xlabel="lag k in steps", title=f"growth, forget bias {bias:g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
