"""The half-lives behind each forget bias, as a table."""

from typing import Any

import pandas as pd
from gradsuite.experiment import Table
from gradsuite.theory import gates as theory

from gradsuite_experiments.common.frames import trials, values
from gradsuite_experiments.gates.laws import RATIO
from gradsuite_experiments.gates.ratios import half_life


def half_lives(rows: pd.DataFrame) -> Table:
    """Return the table, one row per cell and forget bias, one column per backend."""
    lines: dict[tuple[str, int], dict[str, Any]] = {}
    for backend, at, trial in trials(rows):
        for bias in range(at["biases"]):
            law = {"cell": at["cell"], "forget bias": bias, "factor per step": round(theory.keep(bias), 6)}
            line = lines.setdefault((at["cell"], bias), law | {"half-life": round(theory.half_life(bias), 4)})
            line[backend] = round(half_life(values(trial, RATIO, member=bias)), 4)
    caption = "Steps after which half of the gradient is left: -ln 2 / ln sigma(b), and what each backend measured."
    return Table("Half-life of the gradient by forget bias", caption, pd.DataFrame(lines.values()))
