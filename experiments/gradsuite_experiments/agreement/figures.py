"""The figure of agreement: distances of states by time and of state gradients by lag, one row per precision."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from matplotlib.axes import Axes

from gradsuite_experiments.agreement.laws import GAINS, GRADIENTS, STATES, rate
from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import levels, measured, tally, where

NAMES = {STATES: "states", GRADIENTS: "state gradients"}
ALONG = {STATES: "time t in steps", GRADIENTS: "lag T - t in steps"}


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw one row of panels per precision."""
    rows = measured(rows)
    dtypes = [dtype for dtype in ("float64", "float32") if dtype in levels(rows, "dtype")]
    figure, axes = style.figure(len(dtypes), 2, height=3.6)
    for panels, dtype in zip(axes, dtypes, strict=True):
        for panel, metric in zip(panels, NAMES, strict=True):
            draw_distances(panel, where(rows, dtype=dtype, metric=metric), metric, UNIT_ROUNDOFF[dtype])
            panel.set_title(f"{NAMES[metric]}, {dtype}")
    growing = [colour for gain, colour in zip(GAINS, ordered_colours(len(GAINS)), strict=True) if rate(gain) > 0.0]
    keys: list[style.Key] = [
        style.lines_key("Lyapunov rate", growing),
        style.line_key("unit roundoff", color=MUTED, linestyle=":"),
    ]
    style.backend_legend(figure, rows["backend"], extra=keys)
    finding = "Backends agree to rounding below criticality, and drift apart at the Lyapunov rate above it"
    style.title(figure, tally(claims, finding, "Distances are not those of rounding"))
    caption = (
        "Relative distance of each backend from a twin in extended precision, for tanh RNNs driven by noise: states "
        "against time, state gradients against the lag. Lines are e^(rate t) from the unit roundoff up to 1."
    )
    return Figure("agreement", caption + folded(rows, "dtype"), figure)


def draw_distances(axes: Axes, rows: pd.DataFrame, metric: str, roundoff: float) -> None:
    """Draw one metric's distances for every gain, with lines of theory for the states."""
    steps = np.arange(rows["length"].max())
    if metric == STATES:
        for gain, colour in zip(GAINS, ordered_colours(len(GAINS)), strict=True):
            if rate(gain) > 0.0:
                style.theory(axes, steps, np.minimum(roundoff * np.exp(rate(gain) * steps), 1.0), color=colour)
    points = style.thinned(rows, "index", curve=["member"], shown=9)
    style.points(axes, points[points["value"] > 0.0], "index", "value")  # a distance of zero has no logarithm
    axes.axhline(roundoff, color=MUTED, linestyle=":", linewidth=1.3)
    style.log_axis(axes, "y", "relative distance")
    style.label_ends(axes, [(end(where(rows, member=k)), f"g = {gain:g}") for k, gain in enumerate(GAINS)])
    axes.set_xlabel(ALONG[metric])


def end(curves: pd.DataFrame) -> float:
    """Return the median over the backends of a curve's last distance."""
    return float(curves[curves["index"] == curves["index"].max()]["value"].median())
