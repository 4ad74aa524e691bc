"""Updates until the task is solved against what forget gates keep, and the loss against the updates."""

import math
from collections.abc import Sequence

import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import by_backend, measured, tally, where
from gradsuite_experiments.common.learning import LOSS, SOLVED_AFTER
from gradsuite_experiments.time_scale.laws import BIASES, TITLES, kept

UNSOLVED = 1.12  # of the most updates: where networks are drawn that did not solve the task
PLATEAUS = (math.log(4.0), math.log(2.0))  # of the loss: no symbol known, and one


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure, of the longest length measured."""
    rows = measured(rows)
    length = int(rows["length"].max())
    rows = where(rows, length=length)
    canvas, ((gates, curves),) = style.figure(1, 2, height=4.4)
    draw_updates(gates, rows, length)
    draw_losses(curves, rows)
    plateaus = style.line_key("no symbol known: ln 4, and one: ln 2", color=MUTED, linestyle=":")
    style.backend_legend(canvas, set(rows["backend"]), extra=[plateaus])
    finding = f"What is learnt over {length} steps depends on what forget gates keep over them at first"
    refuted = "What forget gates keep does not say what is learnt"
    style.title(canvas, tally(claims, finding, refuted) if claims else f"Updates until {length} steps are learnt")
    caption = (
        f"LSTMs of {rows['hidden_size'].max()} units on the temporal order problem. Left: the update after which each "
        "network solves it, against what forget gates keep of a gradient over its length at initialisation (exact; "
        "gates that see their biases alone). Right: the loss of the first, by update; lines are those of one backend."
    )
    return Figure("time-scale", caption + folded(rows, "bias"), canvas)


def draw_updates(axes: Axes, rows: pd.DataFrame, length: int) -> None:
    """Draw a point for each network, by what its gates keep: the update that solved the task."""
    most = float(rows["updates"].max())
    biases = sorted(set(rows["bias"]), key=lambda bias: kept(bias, length))
    points = where(rows, metric=SOLVED_AFTER)
    points = points.assign(
        place=points["bias"].map({bias: float(place) for place, bias in enumerate(biases)}),
        value=points["value"].clip(upper=UNSOLVED * most),
    )
    style.points(axes, style.dodged(points, "place", step=0.17), "place", "value")
    axes.axhline(1.06 * most, color=MUTED, linewidth=0.8)
    axes.set_xticks(range(len(biases)), [f"{TITLES[bias]}\n{kept(bias, length):.2g}" for bias in biases])
    ticks = [tick for tick in MaxNLocator(4).tick_values(0.0, most) if tick <= most]
    axes.set_yticks([*ticks, UNSOLVED * most], [*(f"{tick:.0f}" for tick in ticks), "never"])
    axes.set(ylim=(0.0, 1.18 * most), xlim=(-0.5, len(biases) - 0.5), title="update that solved the task")
    axes.set_xlabel("forget bias, and E f^T: left of a gradient over T steps")


def draw_losses(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the first network's loss against the update: a line for each bias, of the first backend that has it."""
    biases = [bias for bias in BIASES if bias in set(rows["bias"])]
    losses = where(rows, metric=LOSS, member=0)
    named = []
    for bias, colour in zip(biases, ordered_colours(len(biases)), strict=True):
        of_bias = where(losses, bias=bias)
        first = next(backend for backend, _ in by_backend(rows) if backend in set(of_bias["backend"]))
        curve = where(of_bias, backend=first).sort_values("index")
        axes.plot(curve["index"], curve["value"], color=colour, linewidth=1.5)
        named.append((curve["index"], curve["value"], TITLES[bias]))
    style.points(axes, style.thinned(losses, "index", curve=["bias"]), "index", "value", size=5)
    for loss in PLATEAUS:
        axes.axhline(loss, color=MUTED, linestyle=":", linewidth=1.2)
    axes.set(xlabel="update", title="loss of the first network", ylim=(0.0, None))
    style.label_curves(axes, named)
