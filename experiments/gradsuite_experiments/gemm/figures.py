"""The figure of matrix products: rates against the size."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.measuring.gemm import SUBNORMAL
from gradsuite.report import style

from gradsuite_experiments.gemm.findings import best_rates, rates


def rate_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield median rates with their intervals against the size, those with subnormal numbers hollow."""
    medians = rates(rows)
    if medians.empty:
        return
    figure, ((axes,),) = style.figure(1, 1, height=4.2)
    for numbers, points in medians.groupby("numbers"):
        style.points(axes, points, "size", "rate", low="low", high="high", hollow=numbers == SUBNORMAL)
    style.log_axis(axes, "x", "size of the matrices")
    style.values_axis(axes, "x", medians["size"])
    style.unit_axis(axes, "y", "rate", "FLOP/s")
    style.title(figure, next(best_rates(rows), "Rates of matrix products").rstrip("."))
    caption = "Median rate of matrix products by their size, with 95% intervals"
    caption += "; hollow, with one factor subnormal." if SUBNORMAL in set(medians["numbers"]) else "."
    style.backend_legend(figure, list(medians["backend"]))
    yield Figure("gemm", caption, figure)
