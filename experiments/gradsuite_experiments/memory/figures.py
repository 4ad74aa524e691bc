"""Memory against T, with the bytes that backward has to read as a line."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.report import style

from gradsuite_experiments.common.frames import by_backend, levels, where
from gradsuite_experiments.memory.bytes_per_step import needed_a_step, slope_of


def length_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a panel for each cell: peak memory over T."""
    rows = rows[(rows["status"] == "ok") & (rows["metric"] == "memory") & (rows["checkpoint"] == 0)]
    if rows.empty or rows["length"].nunique() < 2:
        return
    names = levels(rows, "cell")
    drawn, panels = style.figure(1, len(names), sharey=True)
    ratios: dict[str, list[float]] = {}
    for axes, name in zip(panels[0], names, strict=True):
        own = where(rows, cell=name)
        lengths = np.array(levels(own, "length"), float)
        style.theory(axes, lengths, needed_a_step(own.iloc[0]) * lengths)
        for backend, mine in by_backend(own):
            points = mine.sort_values("length")
            style.measured(axes, points["length"], points["value"], backend)
            ratios.setdefault(backend, []).append(slope_of(mine) / needed_a_step(own.iloc[0]))
        style.log_axis(axes, "x", "time steps T")
        style.values_axis(axes, "x", lengths)
        style.unit_axis(axes, "y", "peak memory of a gradient" if axes is panels[0, 0] else "", "B")
        axes.set_title(name)
    told = ", ".join(f"{np.mean(found):.1f} with {backend}" for backend, found in ratios.items())
    style.title(drawn, f"Memory grows with T; in units of what backward has to read: {told}")
    style.backend_legend(drawn, list(ratios), extra=[style.line_key("what backward has to read")])
    yield Figure(
        "memory",
        "Peak of the resident set during the loss and all parameter gradients, over what is resident before. The line "
        "is the states and gates that backward has to read.",
        drawn,
    )
