"""What forget gates keep over a sequence before anything is learnt, and what is claimed of the updates it takes.

The claims are those of one protocol: an LSTM of 32 units, Adam with a learning rate of 0.005, clipped at 1, batches of
32 sequences of 100 steps. None of its numbers is published; they are this project's own, from three seeds.
"""

from typing import TYPE_CHECKING, Any

from gradsuite.claims import Resolution, Source
from gradsuite.theory import gates

if TYPE_CHECKING:
    import pandas as pd

TALLEC = Source("Tallec & Ollivier 2018, arXiv:1804.11188, eq. 16; the bound on updates is this project's own")
GATE = Source("exact: E f^T = sigma(b)^T; that it decides what is learnt is this project's own observation")

CHRONO = "chrono"
BIASES = ("0", "1", "3", "5", CHRONO)
FORGETFUL = ("0", "1")  # less than 1e-13 of a gradient is left after 100 steps
KEEPING = ("3", "5")  # more than 0.005 of it
TITLES = {bias: f"b = {bias}" for bias in BIASES} | {CHRONO: "chrono"}

LENGTH = 100
EVALUATE_EVERY = 50  # updates
UPDATES = 2000
SOON = 750  # updates in which chrono's networks have all solved the task
SEEN = 250  # updates in which they had when the bound was set

NEVER = "Forget bias {bias}, of which next to nothing is kept over 100 steps: not learnt within {updates} updates."
CHRONO_SOON = f"Chrono initialisation learns a dependency of 100 steps within {SOON} updates, with every network."
FIRST = "Chrono initialisation learns it in no more updates than forget bias {bias} (medians)."

SLOWDOWN = "the updates that chrono's networks need"


def kept(bias: str, steps: int) -> float:
    """Return E f^T of gates that see their biases alone: what they keep of a gradient over T steps."""
    return gates.chrono_keep(steps, steps) if bias == CHRONO else gates.keep(float(bias)) ** steps


def is_protocol(at: "pd.Series[Any]") -> bool:
    """Return whether a trial is of the claims' protocol, but for the number of seeds."""
    return bool(at["length"] == LENGTH and at["hidden_size"] == 32 and at["batch_size"] == 32)


def slower(updates: float) -> Resolution:
    """Return that of a claim that chrono's networks need at most so many updates: one look later than these is red."""
    return Resolution((updates + EVALUATE_EVERY) / SEEN - 1.0, SLOWDOWN)
