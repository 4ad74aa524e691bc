"""Success, and the updates that it takes, against the clipping threshold in units of the mean norm."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import STABLE
from matplotlib.axes import Axes

from gradsuite_experiments.clip_threshold import laws
from gradsuite_experiments.clip_threshold.findings import working
from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import measured, tally, where
from gradsuite_experiments.common.learning import SOLVED_AFTER, outcomes

ASIDE = 1.2  # factor between backends along the thresholds


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure."""
    rows = measured(rows)
    found = outcomes(rows)
    canvas, ((success, speed),) = style.figure(1, 2, height=3.8)
    style.points(success, style.dodged(found, "threshold", factor=ASIDE), "threshold", "solved")
    success.set(ylim=(-0.07, 1.12), title="networks that solve the task")
    success.set_yticks([0.0, 0.5, 1.0], ["none", "half", "all"])
    networks = where(rows, metric=SOLVED_AFTER)
    networks = networks[np.isfinite(networks["value"])]
    style.points(speed, style.dodged(networks, "threshold", factor=ASIDE), "threshold", "value", size=5)
    speed.set(title="update after which each is solved", ylim=(0.0, None))
    for axes in (success, speed):
        style.log_axis(axes, "x", "threshold over the gradient's mean norm")
        advised(axes)
    style.backend_legend(canvas, set(rows["backend"]))
    thresholds = working(found)
    span = f"from {min(thresholds):g} to {max(thresholds):g} times" if thresholds else "at no multiple of"
    finding = f"A threshold {span} the gradient's mean norm works"
    style.title(canvas, tally(claims, finding, "A threshold that should work does not"))
    caption = (
        f"Clipped SGD on the temporal order problem, T = {rows['length'].max()}. Left: the share of "
        f"networks, {rows['seeds'].max()} at each threshold, that solve it within {rows['updates'].max()} updates; "
        "right: when those that do have. Shaded: what Pascanu et al. 2013 advise. "
        "The mean norm is that over trainings clipped at 1."
    )
    return Figure("clip-threshold", caption + folded(rows, "threshold"), canvas)


def advised(axes: Axes) -> None:
    """Shade the thresholds that the paper advises."""
    axes.axvspan(*laws.WORKING, color=STABLE, alpha=0.1, linewidth=0, zorder=0)
