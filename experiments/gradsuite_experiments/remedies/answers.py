"""How far back each remedy's gradient reaches before any training, and what a step costs."""

from collections.abc import Iterator, Sequence

import pandas as pd
from gradsuite.experiment import Answer
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import levels, listed, measured, trials, where
from gradsuite_experiments.remedies.cost import cost
from gradsuite_experiments.remedies.laws import HORIZON
from gradsuite_experiments.remedies.networks import PLAIN, REMEDIES


def answers(rows: pd.DataFrame) -> Iterator[Answer]:
    """Yield, for each length, which remedies reach the start of the sequence and how far all others reach."""
    horizons = where(measured(rows), metric=HORIZON)
    for length in levels(horizons, "length"):
        found = where(horizons, length=length).groupby("remedy")["value"].mean()
        yield Answer(Topic.REMEDIES, reached(found, length - 1))
    if dear := costs(rows):
        yield Answer(Topic.REMEDIES, dear)


def costs(rows: pd.DataFrame) -> str:
    """Return in a sentence how long each remedy's step takes over plain tanh's, from the cheapest to the dearest.

    An empty text where no steps were timed. What is said of a remedy is the range of its medians over backends.
    """
    found: dict[str, list[float]] = {}
    for _, settings, trial in trials(rows):
        if (taken := cost(trial)) and settings["remedy"] != PLAIN:
            found.setdefault(settings["remedy"], []).append(taken.ratio.median)
    said = [
        f"{REMEDIES[name].title} {spread(found[name])}" for name in sorted(found, key=lambda name: max(found[name]))
    ]
    return f"A training step takes, in times of plain tanh's on the same backend: {listed(said)}." if said else ""


def spread(ratios: Sequence[float]) -> str:
    """Return the range of ratios: `1.0 to 1.3`, or `1.0` where its ends read alike."""
    ends = dict.fromkeys(f"{end:.1f}" for end in (min(ratios), max(ratios)))
    return " to ".join(ends)


def reached(found: "pd.Series[float]", start: int) -> str:
    """Return in a sentence how far back each remedy reaches, of `start` steps; the mean over networks and backends."""
    present = [name for name in REMEDIES if name in found.index]
    whole = [REMEDIES[name].title for name in present if found[name] >= start]
    part = sorted((name for name in present if found[name] < start), key=lambda name: -found[name])
    farther = [f"{REMEDIES[name].title} {found[name]:.1f}" for name in part]
    clauses = [f"all {start} steps back with {listed(whole)}"] if whole else []
    clauses += [f"{'part of them' if whole else f'part of {start} steps'}: {listed(farther)}"] if farther else []
    return f"Before training, a gradient reaches {'; '.join(clauses)}."
