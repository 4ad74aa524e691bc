"""What networks made of real data: sentences, and the table of scores."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.experiment import Table
from gradsuite.tasks.task import Task

from gradsuite_experiments.common.frames import listed, trials, values, where
from gradsuite_experiments.real_data import laws
from gradsuite_experiments.real_data.recipes import STUDIES

RETURNS, VOLATILITY = "sp500-returns", "sp500-volatility"


def outcomes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial: its settings, mean and range of its scores, and its baselines by name."""
    lines = []
    for _, at, trial in trials(rows):
        scores = values(trial, laws.TEST, "member")
        simple = where(trial, metric=laws.BASELINE).sort_values("index")
        baselines = dict(zip(simple["note"], simple["value"], strict=True))
        lines.append({**at, "mean": scores.mean(), "low": scores.min(), "high": scores.max(), "baselines": baselines})
    return pd.DataFrame(lines)


def best(baselines: Mapping[str, float], task: Task) -> tuple[str, float]:
    """Return the best of the baselines."""
    ranked = sorted(baselines.items(), key=lambda one: one[1], reverse=task.score.higher)
    return ranked[0]


def sentences(rows: pd.DataFrame, tasks: Mapping[str, Task]) -> Iterator[str]:
    """Yield which data sets networks beat the best simple answer on, which not, and what there is to forecast."""
    found = outcomes(rows)
    beaten, lost = list[str](), list[str]()
    for data in (name for name in STUDIES if len(found) and name in set(found["data"])):
        of_data, task = where(found, data=data), tasks[data]
        mean = float(of_data["mean"].mean())
        name, score = best(of_data["baselines"].iloc[0], task)
        line = f"{STUDIES[data].title} ({mean:.3g} against {score:.3g} with {name})"
        (beaten if task.score.better(mean, score) else lost).append(line)
    if beaten:
        yield f"Networks beat the best simple answer on {listed(beaten)}."
    if lost:
        yield f"Networks do not beat the best simple answer on {listed(lost)}."
    yield from explained(rows)


def explained(rows: pd.DataFrame) -> Iterator[str]:
    """Yield how much of the days to come forecasts of the market explain."""
    for data, what in ((RETURNS, "daily returns"), (VOLATILITY, "the size of daily returns")):
        of_data = where(rows, data=data, status="ok")
        if of_data.empty:
            continue
        middle, low, high = (
            float(where(of_data, metric=name)["value"].mean()) for name in (laws.EXPLAINED, laws.LOW, laws.HIGH)
        )
        nothing = (
            "next to nothing, which is what an efficient market leaves" if low <= 0.0 else "a part that can be used"
        )
        yield f"Of {what} of the S&P 500, R^2 = {middle:.3f} [{low:.3f}, {high:.3f}] is forecast: {nothing}."


def scores(rows: pd.DataFrame, tasks: Mapping[str, Task]) -> Iterator[Table]:
    """Yield the table: a row per data set, a column per backend, and the best simple answer."""
    found = outcomes(rows)
    if found.empty:
        return
    lines: list[dict[str, Any]] = []
    for data in (name for name in STUDIES if name in set(found["data"])):
        of_data = where(found, data=data)
        name, score = best(of_data["baselines"].iloc[0], tasks[data])
        scored = {at["backend"]: spread(at) for _, at in of_data.iterrows()}
        lines.append(
            {"data": STUDIES[data].title, "score": tasks[data].score.name, **scored, "simple": f"{score:.3g} ({name})"}
        )
    caption = (
        "Score on the test after the last update: mean over seeds, and their range. Simple: the best simple answer."
    )
    yield Table("Scores on real data", caption, pd.DataFrame(lines).fillna("-"))


def spread(at: "pd.Series[Any]") -> str:
    """Return a score as a table has it: `0.981 (0.978 to 0.983)`, without a range for one seed."""
    several = f" ({at['low']:.3g} to {at['high']:.3g})" if np.isfinite(at["low"]) and at["low"] < at["high"] else ""
    return f"{at['mean']:.3g}{several}"
