"""What Pascanu, Mikolov & Bengio 2013 say of the clipping threshold."""

from typing import TYPE_CHECKING, Any

from gradsuite.claims import Source

from gradsuite_experiments.common.names import number
from gradsuite_experiments.pascanu.laws import PROTOCOL, UPDATES

if TYPE_CHECKING:
    import pandas as pd

PAPER = Source("Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, sec. 3.2")

WORKING = (0.5, 10.0)  # thresholds in units of the mean norm which 'can still yield convergence'
NEARLY_ALL = 0.8  # of the networks

MEAN_NORM = "mean_norm"

SOLVED = "Clipped at {threshold:g} times the gradient's mean norm, four of five networks learn the task, or more."


def is_claimed(at: "pd.Series[Any]") -> bool:
    """Return whether a trial's threshold is one that works, its updates are enough and its length not too long."""
    protocol = all(at[name] == value for name, value in PROTOCOL.items())
    enough = at["updates"] >= UPDATES and at["length"] <= 20
    return bool(protocol and enough and WORKING[0] <= at["threshold"] <= WORKING[1])


def name_of(threshold: float) -> str:
    """Return the name of the claim about a threshold."""
    return f"clip-threshold/solved/{number(threshold)}"
