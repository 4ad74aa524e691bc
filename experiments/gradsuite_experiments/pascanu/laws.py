"""What Pascanu, Mikolov & Bengio 2013 found of clipping and their regulariser, as sentences about fewer updates.

Their runs had 5,000,000 updates at a learning rate of 0.01, these have thousands at 0.1: the order of the methods is
claimed, their lengths are not. The share of five networks that four are is the slack.
"""

from typing import TYPE_CHECKING, Any

from gradsuite.claims import Resolution, Source

from gradsuite_experiments.common.learning import SHARE

if TYPE_CHECKING:
    import pandas as pd

PAPER = Source("Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, sec. 4.1.1 and fig. 7")

LONG = 50  # steps from which plain SGD solves nothing, and up to which Omega solves nearly all
NEARLY_ALL = 0.8  # four of five
PROTOCOL = {"hidden_size": 50, "batch_size": 20}
UPDATES = 4000

PUBLISHED = (50, 200)  # lengths of which one model, clipped and regularised, solved all, for 5 of 5 seeds

UNSOLVED = f"Plain SGD solves the task with no network from T = {LONG} on, within {UPDATES} updates."
SOLVED = f"{{start}} weights: clipped and with Omega, at least 80% of networks solve the task at each T up to {LONG}."
CLIPPED = "Clipped SGD solves the task with as many networks as plain SGD, or more, at every length."


def as_published(at: "pd.Series[Any]") -> bool:
    """Return whether a trial's network and batches are those of the paper: sentences about a method alone need it."""
    return all(at[name] == value for name, value in PROTOCOL.items())


def enough(at: "pd.Series[Any]") -> bool:
    """Return whether a trial has the updates in which its length is learnt: 100 a step, UPDATES at most."""
    return bool(at["updates"] >= min(UPDATES, 100 * at["length"]))


def no_fewer(share: float, seeds: int) -> Resolution:
    """Return that of a claim that one method solves no fewer than another's share: down from all of them."""
    return Resolution(1.0 - share + 1.0 / seeds, SHARE)
