"""The figure of exact-depth: |dL/dh|^2 by the layers that the gradient has passed, one panel per law."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from matplotlib.axes import Axes

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import measured, tally, where
from gradsuite_experiments.exact_depth.laws import LAWS, LN_RATIO_MEAN, LN_RATIO_SD

CURVE = ["relative_gain", "hidden_size", "depth"]


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw one panel per law."""
    curves = ratios(measured(rows))
    laws = [law for law in LAWS if law in set(curves["law"])]
    figure, axes = style.figure(1, len(laws), height=4.2)
    for panel, law in zip(axes[0], laws, strict=True):
        draw_law(panel, law, where(curves, law=law))
    axes[0, 0].set_ylabel("|dL/dh|² over that at the top")
    style.backend_legend(figure, curves["backend"], extra=[style.line_key("exact law, band of 2 sd")])
    style.title(figure, tally(claims, "Gradients of deep networks obey the exact laws", "A law is broken"))
    caption = (
        "Squared norm of the gradient by the layers it has passed, below, at and above the critical gain: the typical "
        "value over many networks, with bars of 2 standard deviations; lines and bands are the exact laws."
    )
    return Figure("exact-depth", caption + folded(rows, "law", "relative_gain"), figure)


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial and layer: the typical ratio, `low` and `high` 2 standard deviations away."""
    logs = rows[rows["metric"].isin([LN_RATIO_MEAN, LN_RATIO_SD])]
    table = logs.pivot(index=["backend", "law", *CURVE, "key", "layer"], columns="metric", values="value").reset_index()
    mean, sd = table[LN_RATIO_MEAN], table[LN_RATIO_SD]
    return table.assign(ratio=np.exp(mean), low=np.exp(mean - 2 * sd), high=np.exp(mean + 2 * sd))


def draw_law(axes: Axes, law: str, curves: pd.DataFrame) -> None:
    """Draw one law's lines and bands, and the points of every backend below the top."""
    ends = {}
    for gain, N, depth in curves[CURVE].drop_duplicates().itertuples(index=False):
        layers = np.arange(depth + 1)
        mean, sd = LAWS[law].ratio(N, gain * LAWS[law].critical, layers)
        style.theory(axes, layers, np.exp(mean))
        style.band(axes, layers, np.exp(mean - 2 * sd), np.exp(mean + 2 * sd))
        ends[gain] = float(np.exp(mean[-1]))
    below = curves[curves["layer"] > 0]
    style.points(axes, style.thinned(below, "layer", curve=CURVE, shown=5), "layer", "ratio", low="low", high="high")
    style.log_axis(axes, "y", "")
    style.regions(axes, (0.5, 2.0))
    style.label_ends(axes, [(end, f"gain {gain:g}") for gain, end in ends.items()])
    axes.set(xlabel="layers below the top", title=f"deep {law}")
