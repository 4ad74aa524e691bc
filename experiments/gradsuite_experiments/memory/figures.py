"""Memory against T, with the bytes that backward has to read as a line."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.report import style

from gradsuite_experiments.common.frames import by_backend, levels, listed, measured, where
from gradsuite_experiments.memory import laws
from gradsuite_experiments.memory.findings import bytes_per_step


def length_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a panel for each cell: peak memory against T."""
    rows = where(measured(rows), metric=laws.MEMORY, checkpoint=0)
    if rows["length"].nunique() < 2:
        return
    cells = levels(rows, "cell")
    figure, panels = style.figure(1, len(cells), sharey=True)
    ratios: dict[str, list[float]] = {}
    for axes, cell in zip(panels[0], cells, strict=True):
        rows_of_cell = where(rows, cell=cell)
        lengths = np.array(levels(rows_of_cell, "length"), float)
        needed = laws.needed_per_step(rows_of_cell.iloc[0])
        style.theory(axes, lengths, needed * lengths)
        style.points(axes, style.dodged(rows_of_cell, "length", factor=1.03), "length", "value", size=5)
        for backend, rows_of_backend in by_backend(rows_of_cell):
            if rows_of_backend["length"].nunique() > 1:
                ratios.setdefault(backend, []).append(bytes_per_step(rows_of_backend) / needed)
        style.log_axis(axes, "x", "time steps T")
        style.values_axis(axes, "x", lengths)
        style.unit_axis(axes, "y", "peak memory" if axes is panels[0, 0] else "", "B")
        axes.set_title(cell)
    times = listed([f"{np.mean(numbers):.1f} ({backend})" for backend, numbers in ratios.items()])
    style.title(figure, f"Each time step takes {times} times the memory that backward has to read")
    style.backend_legend(figure, set(rows["backend"]), extra=[style.line_key("what backward has to read")])
    yield Figure(
        "memory",
        "Peak of the resident set during the loss and all parameter gradients, minus what is resident before. The line "
        "is the states and gates that backward has to read.",
        figure,
    )
