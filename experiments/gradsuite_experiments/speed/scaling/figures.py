"""The figure of scaling: seconds against each size, with the growth of the operations."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.report import style
from matplotlib.axes import Axes

from gradsuite_experiments.common.frames import by_backend, where
from gradsuite_experiments.speed.metrics import GRADIENT
from gradsuite_experiments.speed.scaling.findings import exponent, medians
from gradsuite_experiments.speed.scaling.laws import BASE, SYMBOLS, operations


def size_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a panel per size: seconds over its multiple, with the growth of the operations."""
    curves = medians(rows)
    if curves.empty or curves["multiple"].nunique() < 2:
        return
    sizes = [along for along in BASE if along in set(curves["along"])]
    figure, panels = style.figure(1, len(sizes), height=3.6, sharey=True)
    for axes, along in zip(panels[0], sizes, strict=True):
        draw(axes, along, where(curves, along=along), where(rows, along=along, status="ok", metric=GRADIENT))
        style.unit_axis(axes, "y", "loss and gradients" if axes is panels[0, 0] else "", "s")
    exponents = [
        f"{SYMBOLS[along]} {', '.join(f'{exponent(curve):.2f}' for _, curve in by_backend(where(curves, along=along)))}"
        for along in sizes
    ]
    backends = [backend for backend, _ in by_backend(curves)]
    style.title(figure, f"Exponents of the time with {', '.join(backends)}: {'; '.join(exponents)}")
    style.backend_legend(figure, backends, extra=[style.line_key("growth of the operations")])
    yield Figure(
        "scaling",
        "Median seconds of the loss and all parameter gradients as one size grows and the others stay. The line grows "
        "as the floating-point operations of the products do, from the median over the backends.",
        figure,
    )


def draw(axes: Axes, along: str, curves: pd.DataFrame, samples: pd.DataFrame) -> None:
    """Draw one size's medians, and how they would grow with the operations."""
    multiples = np.array(sorted(curves["multiple"].unique()))
    growth = np.array([operations(curves["cell"].iloc[0], along, int(multiple)) for multiple in multiples])
    start = float(where(samples, multiple=multiples[0])["value"].median())
    style.theory(axes, multiples, start * growth / growth[0])
    style.points(axes, curves, "multiple", "value")
    style.log_axis(axes, "x", f"{SYMBOLS[along]}, times {BASE[along]}")
    style.values_axis(axes, "x", multiples)
