"""What Pascanu, Mikolov & Bengio 2013 say of the clipping threshold, at their own learning rate.

A threshold is a length of step only together with a learning rate: at ten times theirs, that of `pascanu`, five times
the mean norm is too much for every network.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Source

from gradsuite_experiments.common.names import number
from gradsuite_experiments.pascanu.laws import as_published

if TYPE_CHECKING:
    import pandas as pd

PAPER = Source("Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, sec. 3.2")

WORKING = (0.5, 10.0)  # thresholds in units of the mean norm which 'can still yield convergence'
MOST = 0.8  # of the networks
LEARNT = {10: 1_000, 20: 10_000}  # lengths that clipped SGD learns, and updates in which it does

MEAN_NORM = "mean_norm"

SOLVED = "Clipped at {threshold:g} times the gradient's mean norm, at least 80% of networks learn the task."


def is_claimed(at: "pd.Series[Any]") -> bool:
    """Return whether a trial's threshold is one that works, for a length that clipping alone learns in its updates."""
    learnt = at["updates"] >= LEARNT.get(at["length"], np.inf)
    return bool(as_published(at) and learnt and WORKING[0] <= at["threshold"] <= WORKING[1])


def name_of(threshold: float) -> str:
    """Return the name of the claim about a threshold."""
    return f"clip-threshold/solved/{number(threshold)}"
