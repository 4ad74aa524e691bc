"""The tables of memory: bytes per step, and what checkpoints save and cost."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.common.frames import by_backend, levels, trials, value, where
from gradsuite_experiments.memory import laws


def tables(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield bytes per step by cell and backend, and what checkpoints save and cost."""
    slopes = [line for backend, rows_of_backend in by_backend(rows) for line in step_lines(backend, rows_of_backend)]
    if slopes:
        yield Table(
            "Bytes per step",
            "Slope of the peak memory over T, by least squares, beside what backward has to read: h; for lstm also "
            "i, f, g, o and c; for gru also r, z, n and W_hn h.",
            pd.DataFrame(slopes),
        )
    checkpoints = [checkpoint_line(*trial) for trial in trials(rows[rows["checkpoint"] > 0])]
    if checkpoints:
        yield Table(
            "Checkpoints",
            "Peak memory and time of a pass that keeps all states and of one that keeps those between segments; the "
            "times depend on the machine and what else runs on it.",
            pd.DataFrame(checkpoints),
        )


def bytes_per_step(rows: pd.DataFrame) -> float:
    """Return the slope of the memory over T, by least squares."""
    memory = rows[rows["metric"] == laws.MEMORY]
    return float(np.polyfit(memory["length"].to_numpy(float), memory["value"].to_numpy(float), 1)[0])


def step_lines(backend: str, rows: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    """Yield, for each cell, the bytes per step, measured and by formula."""
    for cell in levels(rows, "cell"):
        rows_of_cell = where(rows, cell=cell, checkpoint=0)
        if rows_of_cell["length"].nunique() > 1:
            slope, needed = bytes_per_step(rows_of_cell), laws.needed_per_step(rows_of_cell.iloc[0])
            yield {
                "cell": cell,
                "backend": backend,
                "bytes per step": f"{slope:.0f}",
                "to be read": f"{needed:.0f}",
                "ratio": f"{slope / needed:.2f}",
            }


def checkpoint_line(backend: str, settings: "pd.Series[Any]", trial: pd.DataFrame) -> Mapping[str, Any]:
    """Return what checkpoints save and cost in one trial."""
    plain, saved = value(trial, laws.MEMORY), value(trial, laws.MEMORY_CHECKPOINT)
    fast, slow = value(trial, laws.SECONDS), value(trial, laws.SECONDS_CHECKPOINT)
    return {
        "network": f"{settings['cell']} T{settings['length']} B{settings['batch_size']} H{settings['hidden_size']}",
        "steps per segment": settings["checkpoint"],
        "backend": backend,
        "all states": f"{plain / 1e6:.0f} MB",
        "checkpoints": f"{saved / 1e6:.0f} MB ({saved / plain:.1%})",
        "time": f"{fast:.2f} s and {slow:.2f} s ({slow / fast:.2f} times)",
        "difference": f"{value(trial, laws.DIFFERENCE):.1e}",
    }
