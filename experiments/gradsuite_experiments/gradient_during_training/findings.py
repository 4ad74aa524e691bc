"""When learning starts and when the horizon opens: sentences and the table."""

from collections.abc import Iterator
from math import inf, isfinite, log
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.common.frames import measured, places, trials, values
from gradsuite_experiments.common.learning import LOSS, SCORE
from gradsuite_experiments.gradient_during_training.experiment import HORIZON
from gradsuite_experiments.learning.networks import LEARNERS

GUESS = log(4.0)  # loss of who knows neither symbol
STARTED = 0.9 * GUESS  # a loss that says that something has been learnt
SECOND = 0.5  # of T: the lag at which the second symbol stands at the most


class Opening(NamedTuple):
    """One training: the updates at which learning starts and the horizon opens, infinite for never."""

    at: "pd.Series[Any]"
    starts: float
    opens: float
    before: float
    after: float
    score: float


def found(rows: pd.DataFrame) -> Iterator[Opening]:
    """Yield what became of each training; the horizon is open once it reaches the second symbol."""
    for _, at, trial in trials(rows):
        updates, losses, horizons = places(trial, LOSS), values(trial, LOSS), values(trial, HORIZON)
        if not len(updates):
            continue
        starts, opens = first(updates, losses < STARTED), first(updates, horizons >= SECOND * at["length"])
        yield Opening(at, starts, opens, float(horizons[0]), float(horizons[-1]), float(values(trial, SCORE)[-1]))


def first(updates: np.ndarray, there: np.ndarray) -> float:
    """Return the first update at which something is so and stays so; infinite if it never does."""
    stays = np.logical_and.accumulate(there[::-1])[::-1]
    return float(updates[stays.argmax()]) if stays.any() else inf


def headline(rows: pd.DataFrame) -> str:
    """Return in how many of the trainings that learn the horizon opened first, and in how many it did in vain."""
    openings = list(found(measured(rows)))
    learn = [one for one in openings if isfinite(one.starts)]
    if not learn:
        return "No training starts to learn"
    first_open = sum(one.opens <= one.starts for one in learn)
    vain = sum(isfinite(one.opens) and not isfinite(one.starts) for one in openings)
    of_others = (
        f"; it opened in vain in {vain} of {len(openings) - len(learn)} others" if len(openings) > len(learn) else ""
    )
    return f"In {first_open} of {len(learn)} trainings that learn, the horizon opened before{of_others}"


def sentences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what one network's horizon does while it learns, for each that learns, and for one that does not."""
    openings = list(found(measured(rows)))
    for network, learner in LEARNERS.items():
        of_network = [one for one in openings if one.at["network"] == network]
        if of_network:
            yield sentence(
                learner.title[0].upper() + learner.title[1:], pd.DataFrame([one._asdict() for one in of_network])
            )


def sentence(title: str, of_network: pd.DataFrame) -> str:
    """Return what one network's horizon does while it learns: medians over seeds and backends."""
    before, after, starts, opens = (float(of_network[name].median()) for name in ("before", "after", "starts", "opens"))
    if not isfinite(starts):
        reached = f"{before:.0f} steps back at first, {after:.0f} at last"
        return f"{title} does not start to learn; its gradient reaches {reached}."
    reaches = (
        f"reaches half a sequence back after {opens:.0f}" if isfinite(opens) else "never reaches half a sequence back"
    )
    return (
        f"{title} starts to learn after {starts:.0f} updates (medians); its gradient {reaches}, and goes from "
        f"{before:.0f} steps back to {after:.0f}."
    )


def openings(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield the table: one row per training."""
    lines = [
        {
            "network": LEARNERS[one.at["network"]].title,
            "backend": one.at["backend"],
            "seed": str(one.at["seed"]),
            "starts to learn": in_words(one.starts),
            "horizon opens": in_words(one.opens),
            "horizon at first": f"{one.before:.0f}",
            "at the end": f"{one.after:.0f}",
            "accuracy": f"{one.score:.3f}",
        }
        for one in found(measured(rows))
    ]
    if lines:
        caption = (
            "Updates after which the loss is for good a tenth below that of a guess, and after which the gradient "
            "reaches half a sequence back for good."
        )
        yield Table("Learning and the horizon", caption, pd.DataFrame(lines))


def in_words(update: float) -> str:
    """Return an update as a table has it."""
    return f"{update:.0f}" if isfinite(update) else "never"
