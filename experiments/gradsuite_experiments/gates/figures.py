"""The gradient through the state against the lag, by forget bias and with chrono initialisation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.parameters import KEEP_GATE
from gradsuite.report import style
from gradsuite.report.palette import ordered_colours
from gradsuite.theory import gates as theory
from matplotlib.axes import Axes

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import measured, tally, where
from gradsuite_experiments.gates.laws import CHRONO_RATIO, LONGEST, RATIO

LAGS = 100  # that are drawn
FIRST = 4  # of the lags that have points: before it the curves are too close for them
LEAST = 1e-7  # of the gradient that is drawn


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure, one panel per cell."""
    rows = measured(rows)
    cells = [cell for cell in KEEP_GATE if cell in set(rows["cell"])]
    canvas, panels = style.figure(1, len(cells), height=4.4, sharey=True)
    for axes, cell in zip(panels[0], cells, strict=True):
        draw_cell(axes, where(rows, cell=cell))
        axes.set_title(f"{cell} without recurrent weights")
    panels[0, 0].set_ylabel("gradient over that at T")
    colours = ordered_colours(int(rows["biases"].max()))
    lines: list[style.Key] = [
        style.lines_key("sigma(b)^k", colours),
        style.line_key("chrono's integral", linestyle="--"),
    ]
    style.backend_legend(canvas, set(rows["backend"]), extra=lines)
    most = int(rows["biases"].max()) - 1
    finding = f"A forget gate's half-life is 1 step at bias 0 and {theory.half_life(most):.3g} at bias {most}"
    style.title(canvas, tally(claims, finding, "A gate does not keep what it should"))
    caption = "Gradient through the state (c of the LSTM, h of the GRU) against the lag, for several forget biases "
    caption += f"b and for chrono initialisation over {LONGEST:g} steps; lines are exact."
    return Figure("gates", caption + folded(rows, "cell"), canvas)


def draw_cell(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw one cell's gradients: theory as lines, each backend's points at lags of its own."""
    biases = range(int(rows["biases"].max()))
    lags = np.arange(min(LAGS, int(rows["length"].max()) - 1) + 1)
    for bias, colour in zip(biases, ordered_colours(len(biases)), strict=True):
        style.theory(axes, lags, theory.keep(bias) ** lags, color=colour)
    chrono = [theory.chrono_keep(int(lag), LONGEST) for lag in lags]
    style.theory(axes, lags, chrono, linestyle="--")
    points = style.thinned(measurements(rows), "index", curve=["key", "curve"])
    style.points(axes, points, "index", "value")
    style.log_axis(axes, "y", "")
    axes.set_ylim(LEAST, 30.0)
    style.regions(axes, (0.1, 10.0))
    curves = [(lags, theory.keep(bias) ** lags, f"b = {bias}") for bias in biases]
    style.label_curves(axes, [*curves, (lags, chrono, "chrono")])
    axes.set_xlabel("lag T - t in steps")


def measurements(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have points, with the `curve` that each belongs to: a forget bias, or -1 for chrono's."""
    rows = rows[rows["metric"].isin([RATIO, CHRONO_RATIO]) & rows["index"].between(FIRST, LAGS)]
    return rows.assign(curve=rows["member"].fillna(-1))
