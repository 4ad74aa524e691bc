"""The gradient against the lag, to the limits of every precision."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.precision import LIMITS
from gradsuite.report import style
from gradsuite.report.palette import EXPLODING, MUTED, VANISHING, backend_order

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import levels, measured, tally, where
from gradsuite_experiments.precision.laws import EXPONENT, FLOWS, SIGNS, ends

POINTS = 7  # of each backend on a curve


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure, one panel per precision."""
    rows = measured(rows)
    dtypes = [dtype for dtype in LIMITS if dtype in set(rows["dtype"])]
    canvas, panels = style.figure((len(dtypes) + 1) // 2, 2, height=3.9)
    for axes, dtype in zip(panels.flat, dtypes, strict=False):
        draw_precision(axes, dtype, where(rows, dtype=dtype))
    for axes in panels.flat[len(dtypes) :]:
        axes.set_axis_off()
    for axes in panels[-1]:
        axes.set_xlabel("lag in steps")
    for axes in panels[:, 0]:
        axes.set_ylabel("gradient")
    scales = levels(rows, "loss_scale")
    keys = [style.line_key(f"loss times $2^{{{scale}}}$", linestyle=line_of(scale)) for scale in scales]
    style.backend_legend(canvas, set(rows["backend"]), extra=keys)
    finding = "Gradients end where their precision does; loss scaling moves that"
    style.title(canvas, tally(claims, finding, "A precision ends elsewhere"))
    caption = "A gradient that every step halves or doubles, by precision. Lines are powers of two to the precision's "
    caption += "limits; large points are the last lag at which the gradient is exactly that, for the loss as it is and "
    caption += "(hollow) scaled. Where subnormal numbers are flushed to zero the gradient ends above their band."
    return Figure("precision", caption + folded(rows, "dtype", "loss_scale"), canvas)


def line_of(scale: int) -> str:
    """Return the line of a flow with the loss as it is, or scaled."""
    return ":" if scale else "-"


def draw_precision(axes: Any, dtype: str, rows: pd.DataFrame) -> None:
    """Draw both flows with every loss scale, and shade where a precision has no number, or subnormal ones only."""
    exponents = rows[rows["metric"] == EXPONENT]
    for scale in levels(rows, "loss_scale"):
        for flow, sign in zip(FLOWS, SIGNS, strict=True):
            lags = np.array([0, ends(flow, dtype, scale)[-1]])
            style.theory(axes, lags, scale + sign * lags, linestyle=line_of(scale))
    last = exponents["index"] == exponents.groupby(["key", "member"])["index"].transform("max")
    style.points(
        axes, style.thinned(exponents[~last], "index", curve=["key", "member"], shown=POINTS), "index", "value"
    )
    names = backend_order(list(rows["backend"]))
    for rank, name in enumerate(names):  # rings around each other, so that none hides another
        ring = 6 + 3.5 * (len(names) - 1 - rank)
        for hollow, scaled in ((False, exponents["loss_scale"] == 0), (True, exponents["loss_scale"] > 0)):
            chosen = exponents[last & scaled & (exponents["backend"] == name)]
            if len(chosen):
                style.points(axes, chosen, "index", "value", hollow=hollow, size=ring)
    shade(axes, dtype)
    axes.set_title(dtype)


def shade(axes: Any, dtype: str) -> None:
    """Shade and name where a precision has no number, or only subnormal ones, and put ticks at its limits."""
    normal, subnormal, over = LIMITS[dtype]
    height = over - subnormal
    low, high = subnormal - 0.14 * height, over + 0.14 * height
    bands = (
        ("zero", low, subnormal, VANISHING),
        ("subnormal", subnormal, normal, MUTED),
        ("infinite", over, high, EXPLODING),
    )
    look: dict[str, Any] = {"style": "italic", "va": "center", "fontsize": 9}
    for word, start, end, colour in bands:
        axes.axhspan(start, end, color=colour, alpha=0.12, linewidth=0, zorder=0)
        place = (0.01, (start + end) / 2)
        axes.annotate(word, place, xycoords=("axes fraction", "data"), color=colour, **look)
    axes.set_ylim(low, high)
    ticks = (subnormal, 0, over) if normal - subnormal < 0.06 * height else (subnormal, normal, 0, over)
    axes.set_yticks(ticks, [f"$2^{{{tick}}}$" for tick in ticks])
