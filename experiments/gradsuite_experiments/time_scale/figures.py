"""Updates until the task is solved against what forget gates keep, and the loss against the updates."""

import math
from collections.abc import Sequence

import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from matplotlib.axes import Axes

from gradsuite_experiments.common.frames import by_backend, measured, tally, where
from gradsuite_experiments.common.learning import LOSS, SOLVED_AFTER
from gradsuite_experiments.time_scale.laws import BIASES, TITLES, kept

UNSOLVED = 1.12  # of the most updates: where networks are drawn that did not solve the task
PLATEAUS = ((math.log(4.0), "nothing known: ln 4"), (math.log(2.0), "one symbol known: ln 2"))


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure, of the longest length measured."""
    rows = measured(rows)
    length = int(rows["length"].max())
    rows = where(rows, length=length)
    canvas, ((gates, curves),) = style.figure(1, 2, height=4.4)
    draw_updates(gates, rows, length)
    draw_losses(curves, rows)
    style.backend_legend(canvas, set(rows["backend"]), extra=[style.line_key("plateaus", color=MUTED, linestyle=":")])
    finding = f"What is learnt over {length} steps depends on what forget gates keep over them at first"
    style.title(canvas, tally(claims, finding, "What forget gates keep does not say what is learnt"))
    caption = (
        f"LSTMs of {rows['hidden_size'].max()} units on the temporal order problem. Left: the update after which each "
        "network solves it, against what forget gates keep of a gradient over its length at initialisation (exact; "
        "gates that see their biases alone). Right: the mean loss of the networks, by update; lines are those of one "
        "backend."
    )
    return Figure("time-scale", caption, canvas)


def draw_updates(axes: Axes, rows: pd.DataFrame, length: int) -> None:
    """Draw a point for each network: what its gates keep, and when it solved the task."""
    most = float(rows["updates"].max())
    points = where(rows, metric=SOLVED_AFTER)
    at = {bias: kept(bias, length) for bias in BIASES}
    points = points.assign(kept=points["bias"].map(at), value=points["value"].clip(upper=UNSOLVED * most))
    style.log_axis(axes, "x", "E f^T: left of a gradient over T steps")
    style.points(axes, style.dodged(points, "kept", factor=3.0), "kept", "value")
    axes.axhline(1.04 * most, color=MUTED, linewidth=0.8)
    axes.set(ylim=(0.0, 1.2 * most), title="update after which each is solved")
    axes.text(0.5, UNSOLVED * most, "not solved", va="center", ha="center", transform=axes.get_yaxis_transform())
    for bias in set(points["bias"]):
        axes.annotate(
            TITLES[bias], (at[bias], 0.02), xycoords=axes.get_xaxis_transform(), ha="center", fontsize=style.LABEL_SIZE
        )


def draw_losses(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the mean loss of the networks against the update: a line for each bias, of the first backend that has it."""
    biases = [bias for bias in BIASES if bias in set(rows["bias"])]
    means = where(rows, metric=LOSS).groupby(["backend", "bias", "index"])["value"].mean().reset_index()
    ends = []
    for bias, colour in zip(biases, ordered_colours(len(biases)), strict=True):
        of_bias = where(means, bias=bias)
        first = next(backend for backend, _ in by_backend(rows) if backend in set(of_bias["backend"]))
        curve = where(of_bias, backend=first).sort_values("index")
        axes.plot(curve["index"], curve["value"], color=colour, linewidth=1.5)
        ends.append((float(curve["value"].iloc[-1]), TITLES[bias]))
    style.points(axes, style.thinned(means, "index", curve=["bias"]), "index", "value", size=5)
    for loss, _ in PLATEAUS:
        axes.axhline(loss, color=MUTED, linestyle=":", linewidth=1.2)
    style.label_ends(axes, ends)
    axes.set(xlabel="update", title="loss")
