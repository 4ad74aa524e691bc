"""|dL/dh|^2 by the layers that it has passed, with the exact laws as lines and bands."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style

from gradsuite_experiments.common.frames import levels, measured, tally, where
from gradsuite_experiments.exact_depth.laws import LAWS, LOG_RATIO_MEAN, LOG_RATIO_SD, log_ratio, sigma_w

POINTS = 5  # of each backend on a curve


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure, one panel per law."""
    rows = measured(rows)
    laws = [law for law in LAWS if law in set(rows["law"])]
    canvas, panels = style.figure(1, len(laws), height=4.2)
    for axes, law in zip(panels[0], laws, strict=True):
        draw_law(axes, law, where(rows, law=law))
    panels[0, 0].set_ylabel("|dL/dh|² over that at the top")
    style.backend_legend(canvas, set(rows["backend"]), extra=[style.line_key("exact law, band of 2 sd")])
    style.title(canvas, tally(claims, "Gradients of deep networks obey the exact laws", "A law is broken"))
    return Figure(
        "exact-depth",
        "Squared norm of the gradient by the layers that it has passed, below, at and above the critical gain: typical "
        "value over many networks with bars of 2 standard deviations; lines and bands are the exact laws.",
        canvas,
    )


def draw_law(axes: Any, law: str, rows: pd.DataFrame) -> None:
    """Draw one law's lines and bands, and every backend's points."""
    for gain, width, depth in rows[["relative_gain", "hidden_size", "depth"]].drop_duplicates().itertuples(index=False):
        layers = np.arange(depth + 1)
        mean, sd = log_ratio(law, width, sigma_w(law, gain), layers)
        style.theory(axes, layers, np.exp(mean))
        style.band(axes, layers, np.exp(mean - 2 * sd), np.exp(mean + 2 * sd))
    points = style.thinned(ratios(rows), "layer", curve=["key"], shown=POINTS)
    style.points(axes, points, "layer", "ratio", low="low", high="high")
    style.log_axis(axes, "y", "")
    style.regions(axes, (0.5, 2.0))
    axes.set_xlabel("layers below the top")
    ends = [(log_ratio(law, width, sigma_w(law, gain), depth)[0], gain) for gain in levels(rows, "relative_gain")]
    style.label_ends(axes, [(np.exp(end), f"gain {gain:g}") for end, gain in ends])
    axes.set_title(f"deep {law}")


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial and layer below the top: the typical ratio, and 2 standard deviations to either side."""
    logs = rows[rows["metric"].isin([LOG_RATIO_MEAN, LOG_RATIO_SD])]
    logs = logs.pivot(index=["backend", "key", "layer"], columns="metric", values="value").reset_index()
    logs = logs[logs["layer"] > 0]
    mean, sd = logs[LOG_RATIO_MEAN], logs[LOG_RATIO_SD]
    return logs.assign(ratio=np.exp(mean), low=np.exp(mean - 2 * sd), high=np.exp(mean + 2 * sd))
