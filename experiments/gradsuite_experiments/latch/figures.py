"""The bit that is kept and the gradient's factor per step, against the weight."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, STABLE
from gradsuite.theory import latch as theory

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import measured, tally, where
from gradsuite_experiments.latch.laws import FACTOR, KEPT

AT_ZERO: dict[str, Any] = {"color": MUTED, "linestyle": "--", "linewidth": 1.1}


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure: what is left of the bit on the left, the factor of the gradient on the right."""
    rows = measured(rows)
    canvas, panels = style.figure(1, 2, height=4.2, sharex=True)
    left, right = panels[0]
    most = 1.1 * abs(rows["weight"]).max()
    weights = np.linspace(-most, most, 601)
    for axes, metric, law in ((left, KEPT, theory.fixed_point), (right, FACTOR, theory.slope)):
        style.theory(axes, weights, [law(abs(weight)) for weight in weights])
        points = style.dodged(where(rows, metric=metric), "weight", step=0.015 * abs(rows["weight"]).max())
        style.points(axes, points, "weight", "value")
        axes.set_xlabel("recurrent weight w")
    right.plot(weights, abs(weights), zorder=1, **AT_ZERO)
    right.set(ylim=(-0.12, 1.5), ylabel="factor of the gradient per step", title="below 1 at every weight")
    style.regions(right, (1.0, 1.0))
    left.set(ylabel="state left after the last step", title="keeps its bit beyond |w| = 1", xlim=(-most, most))
    for side in (-1.0, 1.0):
        left.axvspan(side, side * most, color=STABLE, alpha=0.07, linewidth=0, zorder=0)
    keys = [style.line_key("fixed point of h = tanh(|w| h)"), style.line_key("at h = 0: |w|", **AT_ZERO)]
    style.backend_legend(canvas, set(rows["backend"]), extra=keys)
    style.title(canvas, tally(claims, "One unit keeps a bit but not its gradient", "The latch's laws are broken"))
    caption = "One tanh unit that has read a bit, after many silent steps. Left: what is left of it, zero where it is "
    caption += "forgotten. Right: the factor of the gradient per step there."
    return Figure("latch", caption + folded(rows, "weight"), canvas)
