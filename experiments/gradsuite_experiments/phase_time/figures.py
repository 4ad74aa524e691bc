"""The figure of phase-time: rate over gain and noise, and the critical gain."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import EXPLODING, INK, PAPER, VANISHING, ordered_colours
from gradsuite.theory import driven_rnn
from matplotlib.axes import Axes

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import levels, members, tally, trials
from gradsuite_experiments.phase_time.laws import GAIN, RATE, crossing


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw the rate over gain and noise with the boundaries, and against the gain."""
    networks = pd.concat(members(trial).assign(backend=name, noise=at["noise"]) for name, at, trial in trials(rows))
    figure, ((plane, rates),) = style.figure(1, 2, height=4.6)
    draw_plane(plane, networks)
    draw_rates(rates, networks)
    noises = levels(networks, "noise")
    lines: list[style.Key] = [
        style.line_key("ln chi_1 = 0 (left)"),
        style.lines_key("ln chi_1 (right)", ordered_colours(len(noises))),
        style.line_key("Pascanu's sufficient g = 1/2", linestyle="--"),
    ]
    style.backend_legend(figure, networks["backend"], extra=lines)
    moved = [f"{driven_rnn.critical_gain(noise):.2f}" for noise in noises]
    finding = f"Noise moves the critical gain from {moved[0]} to {moved[-1]}, well above 1/2"
    style.title(figure, tally(claims, finding, "The boundary is not where theory puts it"))
    caption = (
        "Growth of ln |dL/dh|² per step back in driven tanh RNNs. Left: mean over seeds and backends by gain and "
        "noise, with each backend's zero crossing. Right: every network against the gain; lines are ln chi_1, and "
        "without noise 2 ln g, for such a network stays at h = 0, where it is linear." + folded(rows, "noise")
    )
    return Figure("phase-time", caption, figure)


def draw_plane(axes: Axes, networks: pd.DataFrame) -> None:
    """Draw one square for each gain and noise, noises one above the other."""
    square = networks.pivot_table(index="noise", columns=GAIN, values=RATE)
    gains, noises = square.columns.to_numpy(float), square.index.to_numpy(float)
    edge = max(abs(float(np.nanmax(square.to_numpy()))), 0.5)
    bar = {"location": "top", "shrink": 0.7, "label": "rate per step", "extend": "min"}
    sns.heatmap(square, cmap=style.shades(), vmin=-edge, vmax=edge, cbar_kws=bar, ax=axes)
    axes.invert_yaxis()

    def place(gain: np.ndarray | float) -> np.ndarray:
        """Return where gains lie on an axis that counts squares."""
        return (np.asarray(gain) - gains[0]) / (gains[1] - gains[0]) + 0.5

    rows = np.linspace(0, len(noises) - 1, 60)
    critical = [driven_rnn.critical_gain(noise) for noise in np.interp(rows, range(len(noises)), noises)]
    style.theory(axes, place(np.array(critical)), rows + 0.5)
    axes.axvline(float(place(driven_rnn.PASCANU_GAIN)), color=INK, linewidth=1.3, linestyle="--")
    crossings = networks.groupby(["backend", "noise"]).apply(crossing).rename("gain").reset_index()
    crossings = crossings.assign(
        x=place(crossings["gain"].to_numpy()), y=np.searchsorted(noises, crossings["noise"]) + 0.5
    )
    style.points(axes, style.dodged(crossings, "y", step=0.16), "x", "y", size=7)
    ticks = np.arange(np.ceil(2 * gains[0]), 2 * gains[-1] + 1) / 2
    axes.set_xticks(place(ticks), [f"{gain:g}" for gain in ticks], rotation=0)
    axes.set_yticks(np.arange(len(noises)) + 0.5, [f"{noise:g}" for noise in noises], rotation=0)
    axes.set(xlabel="gain g", ylabel=r"noise variance $s^2$", xlim=(0, len(gains)))
    paper = {"facecolor": PAPER, "edgecolor": "none"}
    for share, word, colour in ((0.15, "vanishing", VANISHING), (0.85, "exploding", EXPLODING)):
        axes.annotate(word, (share * len(gains), 0.2), color=colour, style="italic", ha="center", bbox=paper)


def draw_rates(axes: Axes, networks: pd.DataFrame) -> None:
    """Draw every network's rate against its gain, a line of theory for each noise."""
    noises = levels(networks, "noise")
    rates = networks.groupby(["backend", "noise", GAIN])[RATE].agg(["mean", "min", "max"]).reset_index()
    style.points(axes, style.thinned(rates, GAIN, curve=["noise"]), GAIN, "mean", low="min", high="max", size=5)
    gains = np.linspace(networks[GAIN].min(), networks[GAIN].max(), 60)
    ends = []
    for noise, colour in zip(noises, ordered_colours(len(noises)), strict=True):
        line = [driven_rnn.rate_from_zero(gain, noise) for gain in gains]
        style.theory(axes, gains, line, color=colour)
        ends.append((line[-1], rf"$s^2$ = {noise:g}"))
    axes.margins(y=0.12)
    # The line stops short of the words in the corners.
    axes.axvline(driven_rnn.PASCANU_GAIN, 0.1, 0.9, color=INK, linewidth=1.3, linestyle="--")
    style.regions(axes, (0.0, 0.0))
    style.label_ends(axes, ends)
    axes.set(xlabel="gain g", ylabel="rate of ln |dL/dh|² per step")
