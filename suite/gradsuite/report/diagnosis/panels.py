"""The drawings of a diagnosis, each from the frames of its answer."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from gradsuite.diagnosis.answers import clipping
from gradsuite.diagnosis.thresholds import KEPT_ERROR
from gradsuite.report import style
from gradsuite.report.palette import INK, MUTED, STABLE, VANISHING, ordered_colours
from gradsuite.report.picture import Picture
from gradsuite.report.pictures import inline, vector, view
from gradsuite.theory.horizon import HORIZON_FACTOR

WIDTH, HEIGHT = 5.6, 3.3  # inches: as wide as a phone shows without shrinking the letters much
OF_ONE = ("weights", "gates")  # frames of which one row is worth a drawing
LOWEST = 1e-30  # of a gradient: what is smaller is drawn here

Frames = Mapping[str, pd.DataFrame]
Draw = Callable[[Axes, Frames], None]


def panels(frames: Frames) -> Iterator[Picture]:
    """Yield the drawings that there are frames for; to be called within `style.context()`."""
    for name, title, caption, needs, draw in PANELS:
        if needs in frames and len(frames[needs]) >= (1 if needs in OF_ONE else 2):
            canvas, axes = style.figure(height=HEIGHT, width=WIDTH)
            draw(axes[0, 0], frames)
            yield Picture(name, title, caption, inline(vector(canvas), canvas), view(canvas))


def _gradient(axes: Axes, frames: Frames) -> None:
    rows = frames["gradient"]
    layers = list(rows["layer"].unique())
    named = []
    for layer, colour in zip(layers, ordered_colours(len(layers)), strict=True):
        part = rows[rows["layer"] == layer]
        low, middle, high = (part[name].clip(lower=LOWEST) for name in ("low", "median", "high"))
        axes.plot(part["lag"], middle, color=colour, zorder=3)
        style.band(axes, part["lag"], low, high, colour)
        named.append((part["lag"], middle, layer if len(layers) > 1 else "this network"))
    begins = rows.loc[rows["lag"] == 0, "median"].iloc[-1]
    if "theory" in frames:
        for (name, line), dashes in zip(frames["theory"].groupby("line", sort=False), ("--", ":"), strict=False):
            y = (begins * line["left"]).clip(lower=LOWEST)
            style.theory(axes, line["lag"], y, linestyle=dashes, color=MUTED)
            named.append((line["lag"], y, str(name)))
    axes.axhline(begins / HORIZON_FACTOR, color=VANISHING, linewidth=1.0, linestyle=(0, (1, 2)), zorder=1)
    style.log_axis(axes, "y", "|dL/dh|")
    axes.set_xlabel("lag back from where the loss reads")
    axes.set_xlim(0, max(rows["lag"].max(), 1))
    style.label_curves(axes, named)


def _time_constants(axes: Axes, frames: Frames) -> None:
    rows = frames["gates"].dropna(subset=["time_constant"])
    places = np.arange(len(rows))[::-1]
    axes.hlines(places, rows["time_constant_low"], rows["time_constant_high"], color=MUTED, linewidth=4, alpha=0.5)
    axes.plot(rows["time_constant"], places, "o", color=INK)
    axes.set_yticks(places, [f"{row['gate']} gate of {row['layer']}" for _, row in rows.iterrows()])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    style.log_axis(axes, "x", "time constant -1 / ln f, steps")


def _weights(axes: Axes, frames: Frames) -> None:
    rows = frames["weights"]
    places = np.arange(len(rows))[::-1]
    axes.plot(rows["norm"], places, "o", color=MUTED, markerfacecolor="none", label="norm")
    axes.plot(rows["radius"], places, "o", color=INK, label="spectral radius")
    axes.axvline(1.0, color=STABLE, linewidth=1.0, linestyle="--", zorder=1)
    several = rows["layer"].nunique() > 1
    axes.set_yticks(places, [f"{r['layer']}, {r['block']}" if several else r["block"] for _, r in rows.iterrows()])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(left=0)
    axes.set_xlabel("spectral radius (full), norm (hollow)")


def _truncation(axes: Axes, frames: Frames) -> None:
    rows = frames["truncation"]
    rows = rows[rows["error"] > 0]
    axes.plot(rows["k"], rows["error"].clip(lower=LOWEST), color=INK, marker="o")
    axes.axhline(KEPT_ERROR, color=STABLE, linewidth=1.0, linestyle="--", zorder=1)
    style.log_axis(axes, "x", "steps k of a window")
    style.log_axis(axes, "y", "relative error of the gradient")


def _clipping(axes: Axes, frames: Frames) -> None:
    norms = np.sort(frames["gradient_norms"]["norm"].dropna())
    below = np.arange(1, len(norms) + 1) / len(norms)
    axes.plot(norms, below, color=INK, drawstyle="steps-post", marker="o", markersize=3.5)
    thresholds = frames["clipping"].set_index("threshold")["norm"]
    style.log_axis(axes, "x", "gradient norm")
    axes.axvspan(thresholds[clipping.LOW], thresholds[clipping.HIGH], color=STABLE, alpha=0.08, linewidth=0, zorder=0)
    axes.axvline(thresholds[clipping.USUAL], color=MUTED, linewidth=1.0, linestyle="--", zorder=1)
    axes.set_ylabel("share of batches below")
    axes.set_ylim(0, 1.02)


def _loss_scale(axes: Axes, frames: Frames) -> None:
    rows = frames["loss_scale"]
    axes.plot(rows["exponent"], rows["kept"], color=INK, marker="o", markersize=3.5)
    axes.set_xlabel("exponent of the loss scale, a power of two")
    axes.set_ylabel("share with numbers in float16")
    axes.set_ylim(0, 1.02)


def _remedies(axes: Axes, frames: Frames) -> None:
    rows = frames["remedies"].dropna(subset=["horizon"])
    longest = frames["lags"]["lag"].max()
    places = np.arange(len(rows))[::-1]
    low, middle, high = (rows[name].clip(upper=longest) for name in ("horizon_low", "horizon", "horizon_high"))
    axes.hlines(places, low, high, color=MUTED, linewidth=4, alpha=0.5)
    axes.plot(middle, places, "o", color=INK, clip_on=False, zorder=3)
    axes.set_yticks(places, list(rows["remedy"]))
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(0, max(longest, 1))
    axes.set_xlabel("horizon in steps")


# Name, title, caption, the frame it needs, and what draws it; in the order of the answers.
PANELS: tuple[tuple[str, str, str, str, Draw], ...] = (
    (
        "gradient",
        "What is left of the gradient",
        "The norm of the state gradient by lag: median over the batch, and 10 to 90%. Dashed and dotted grey lines are "
        "theory; at the blue one 1/1000 is left.",
        "gradient",
        _gradient,
    ),
    (
        "weights",
        "Recurrent weights",
        "Of each gate's block: the spectral radius, and the norm, which is never less. At the dashed line a linear "
        "network keeps its gradient.",
        "weights",
        _weights,
    ),
    (
        "gates",
        "How long units remember",
        "Time constants of the gate that keeps the state: the median over units, and 10 to 90%.",
        "gates",
        _time_constants,
    ),
    (
        "truncation",
        "What cutting costs",
        "The relative error of the parameters' gradient through windows of k steps; the dashed line is 1%.",
        "truncation",
        _truncation,
    ),
    (
        "clipping",
        "Gradient norms of the batches",
        "Shaded are the thresholds that Pascanu et al. (2013) advise, 0.5 to 10 times the mean; the dashed line is 1.",
        "gradient_norms",
        _clipping,
    ),
    (
        "loss-scale",
        "What a loss scale saves",
        "The share of the gradient, over lags and sequences, that float16 has numbers for, neither zero nor infinite.",
        "loss_scale",
        _loss_scale,
    ),
    (
        "remedies",
        "The horizon with each remedy",
        "Of this model on this batch at initialisation: the median of five seeds, and the ends. At the right end the "
        "horizon is beyond the longest lag.",
        "remedies",
        _remedies,
    ),
)
