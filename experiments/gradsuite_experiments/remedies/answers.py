"""How far back each remedy's gradient reaches before any training, and what a step costs."""

from collections.abc import Iterator, Sequence

import pandas as pd
from gradsuite.experiment import Answer
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import levels, listed, measured, spread, trials, where
from gradsuite_experiments.remedies.cost import cost
from gradsuite_experiments.remedies.laws import HORIZON
from gradsuite_experiments.remedies.networks import PLAIN, REMEDIES

FARTHER = 2.0  # times as far as plain tanh: less is no answer to what helps


def answers(rows: pd.DataFrame) -> Iterator[Answer]:
    """Yield, for each length, which remedies reach much farther back than plain tanh, and what their steps cost."""
    horizons = where(measured(rows), metric=HORIZON)
    for length in levels(horizons, "length"):
        found = where(horizons, length=length).groupby("remedy")["value"].mean()
        yield Answer(Topic.REMEDIES, reached(found, length - 1))
        if dear := costs(where(rows, length=length), helping(found)):
            yield Answer(Topic.REMEDIES, dear)


def helping(found: "pd.Series[float]") -> list[str]:
    """Return the remedies with which gradients reach much farther back than with plain tanh, the farthest first.

    Where plain tanh was not measured there is nothing to hold the others against, and all are returned.
    """
    remedies = [name for name in REMEDIES if name in found.index and name != PLAIN]
    least = FARTHER * found.get(PLAIN, 0.0)
    return sorted((name for name in remedies if found[name] >= least), key=lambda name: -found[name])


def reached(found: "pd.Series[float]", start: int) -> str:
    """Return in a sentence how far back gradients reach, of `start` steps; the mean over networks and backends."""
    names = helping(found)
    whole = [REMEDIES[name].title for name in names if found[name] >= start]
    part = [f"{found[name]:.1f} with {REMEDIES[name].title}" for name in names if found[name] < start]
    clauses = [f"all {start} with {listed(whole)}"] if whole else []
    clauses += [listed(part)] if part else []
    farther = "; ".join(clauses)
    if PLAIN not in found.index:
        return f"Before training, a gradient reaches so many steps back: {farther}."
    plain = f"Before training, a gradient reaches {found[PLAIN]:.1f} steps back with plain tanh"
    return f"{plain}; {farther}." if farther else f"{plain}, and with nothing else {FARTHER:g} times as far."


def costs(rows: pd.DataFrame, names: Sequence[str]) -> str:
    """Return in a sentence how long a step of these remedies takes over plain tanh's, from the cheapest to the dearest.

    An empty text where no steps were timed. What is said of a remedy is the range of its medians over backends.
    """
    found: dict[str, list[float]] = {}
    for _, settings, trial in trials(rows):
        if settings["remedy"] in names and (taken := cost(trial)):
            found.setdefault(settings["remedy"], []).append(taken.ratio.median)
    said = [
        f"{REMEDIES[name].title} {spread(found[name], '.1f')}"
        for name in sorted(found, key=lambda name: max(found[name]))
    ]
    return f"A step takes so many times as long as plain tanh's: {listed(said)}." if said else ""
