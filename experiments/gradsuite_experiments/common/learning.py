"""What a training leaves behind: whether it solved its task, after how many updates, and its curve."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gradsuite.backend import Backend
from gradsuite.claims import Resolution
from gradsuite.model import Model
from gradsuite.rows import Measurement
from gradsuite.settings import Setting, Settings
from gradsuite.tasks.task import Task
from gradsuite.training.curve import Curve
from gradsuite.training.recipe import Recipe
from gradsuite.training.session import Session

from gradsuite_experiments.common.frames import trials, values

if TYPE_CHECKING:
    import pandas as pd

UPDATES = Setting("updates", int, "updates of the parameters at most", minimum=1, size=True)

SOLVED = "solved"  # 1 or 0; its note says how the training ended
SOLVED_AFTER = "solved_after"  # updates; infinite for a training that did not solve its task
SCORE = "score"  # of the validation split, at the last look
LOSS = "loss"  # over the updates since the look before
NORM = "gradient_norm"  # of one update, before clipping
SHOWN = 20  # looks of one training that are kept
SHARE = "the share of networks that solve the task"


def learn(
    backend: Backend,
    task: Task,
    model: Model,
    parameters: Mapping[str, np.ndarray],
    recipe: Recipe,
    *,
    device: str,
    dtype: str,
) -> Session:
    """Train one network to its end; the session has its curve, and the network as it is then."""
    session = Session(backend, task, model, parameters, recipe, device=device, dtype=dtype)
    for _ in session.run():
        pass
    return session


def of_curve(curve: Curve, member: int) -> Iterator[Measurement]:
    """Yield what is measured of one training: how it ended, when, its last score, and about SHOWN of its looks."""
    solved = curve.end == "solved"
    ending = f"diverged at step {curve.steps}" if curve.end == "diverged" else ""
    yield Measurement(SOLVED, float(solved), member=member, note=ending)
    yield Measurement(SOLVED_AFTER, curve.steps if solved else math.inf, "steps", member=member)
    yield Measurement(SCORE, curve.looks[-1].score, member=member)
    chosen = np.unique(np.linspace(0, len(curve.looks) - 1, SHOWN).astype(int))
    for look in (curve.looks[place] for place in chosen):
        yield Measurement(LOSS, look.loss, index=look.step, member=member)
        yield Measurement(NORM, look.gradient_norm, index=look.step, member=member)


class Trained(NamedTuple):
    """A trial's settings, and the update after which each of its networks solved the task, in their order."""

    at: "pd.Series[Any]"
    after: np.ndarray

    @property
    def share(self) -> float:
        """The share of networks that solved the task."""
        return float(np.isfinite(self.after).mean())


Family = Mapping[Any, Trained]  # trials that differ in one setting alone, by its value


def families(rows: "pd.DataFrame", settings: Sequence[Setting], along: str) -> Iterator[Family]:
    """Yield, of one backend's rows, the trials that differ in this setting alone."""
    others = [setting.name for setting in settings if setting.name != along]
    for _, of_family in rows.groupby(others, sort=False):
        found = [Trained(at, values(trial, SOLVED_AFTER, "member")) for _, at, trial in trials(of_family)]
        yield {trained.at[along]: trained for trained in found}


def fewer(share: float, seeds: int) -> Resolution:
    """Return that of a claim that at least this share is solved: so many fewer that all but them are too few."""
    return Resolution((math.floor(seeds * (1.0 - share) + 1e-9) + 1) / seeds, SHARE)


def more(share: float, seeds: int) -> Resolution:
    """Return that of a claim that at most this share is solved: so many more than none that they are too many."""
    return Resolution((math.floor(seeds * share + 1e-9) + 1) / seeds, SHARE)


def among(settings: Settings) -> range:
    """Return the numbers of a trial's networks, which are also the seeds of their parameters and batches."""
    return range(settings["seeds"])


def outcomes(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return one row per trial: its backend and settings, the share `solved`, and the median update `after` which.

    The median is over all networks of the trial: infinite if fewer than half of them solve their task.
    """
    import pandas as pd

    found = [Trained(at, values(trial, SOLVED_AFTER, "member")) for _, at, trial in trials(rows)]
    return pd.DataFrame([{**one.at, "solved": one.share, "after": float(np.median(one.after))} for one in found])


def count(at: "pd.Series[Any]") -> str:
    """Return how many networks of an outcome solve the task, and the median update, as a table has it: `4 of 5 (300)`.

    The median is left out where fewer than half of them do.
    """
    after = f" ({at['after']:.0f})" if math.isfinite(at["after"]) else ""
    return f"{at['solved'] * at['seeds']:.0f} of {at['seeds']}{after}"
