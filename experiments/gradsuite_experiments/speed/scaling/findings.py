"""Exponents of the measured times, beside those of the operations."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.common.frames import by_backend, levels, where
from gradsuite_experiments.speed.metrics import GRADIENT
from gradsuite_experiments.speed.scaling.laws import BASE, SYMBOLS, operations, slope


def medians(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the median seconds of each backend at each multiple: a row per `backend`, `along` and `multiple`."""
    samples = where(rows, status="ok", metric=GRADIENT)
    return samples.groupby(["backend", "status", "cell", "along", "multiple"])["value"].median().reset_index()


def exponent(curve: pd.DataFrame) -> float:
    """Return the exponent of one backend's medians in one size."""
    curve = curve.sort_values("multiple")
    return slope(curve["multiple"].to_numpy(float), curve["value"].to_numpy(float))


def exponent_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield the exponents: those of the operations, and each backend's."""
    rows = medians(rows)
    lines = []
    for along in BASE:
        size = where(rows, along=along)
        if size["multiple"].nunique() > 1:
            multiples = levels(size, "multiple")
            work = [operations(size["cell"].iloc[0], along, multiple) for multiple in multiples]
            line: dict[str, Any] = {"size": SYMBOLS[along], "operations": f"{slope(multiples, work):.2f}"}
            lines.append(line | {backend: f"{exponent(curve):.2f}" for backend, curve in by_backend(size)})
    if lines:
        yield Table(
            "Exponents of the time of a gradient",
            "Slope of ln seconds over ln of the size, by least squares, beside that of the floating-point operations. "
            "A smaller one means overhead that does not grow, or a product that becomes more efficient.",
            pd.DataFrame(lines),
        )
