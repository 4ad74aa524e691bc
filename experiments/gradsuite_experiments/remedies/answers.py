"""How far back each remedy's gradient reaches before any training, and what a step costs."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.experiment import Answer
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import levels, listed, measured, where
from gradsuite_experiments.remedies.laws import HORIZON
from gradsuite_experiments.remedies.networks import REMEDIES


def answers(rows: pd.DataFrame) -> Iterator[Answer]:
    """Yield, for each length, which remedies reach the start of the sequence and how far all others reach."""
    horizons = where(measured(rows), metric=HORIZON)
    for length in levels(horizons, "length"):
        found = where(horizons, length=length).groupby("remedy")["value"].mean()
        yield Answer(Topic.REMEDIES, reached(found, length - 1))


def reached(found: "pd.Series[float]", start: int) -> str:
    """Return in a sentence how far back each remedy reaches, of `start` steps; the mean over networks and backends."""
    present = [name for name in REMEDIES if name in found.index]
    whole = [REMEDIES[name].title for name in present if found[name] >= start]
    part = sorted((name for name in present if found[name] < start), key=lambda name: -found[name])
    farther = [f"{REMEDIES[name].title} {found[name]:.0f}" for name in part]
    clauses = [f"all {start} steps back with {listed(whole)}"] if whole else []
    clauses += [f"{'part of them' if whole else f'part of {start} steps'}: {listed(farther)}"] if farther else []
    return f"Before training, a gradient reaches {'; '.join(clauses)}."
