"""What a scan must keep, what has been said of its speed, and metric names."""

from typing import TYPE_CHECKING, Any

from gradsuite.claims import Source
from gradsuite.precision import bound
from gradsuite.schedule import SCANS

if TYPE_CHECKING:
    import pandas as pd

LOOP, *FAST = SCANS
SECONDS = {kind: f"seconds_{kind}" for kind in SCANS}
MEMORY = {kind: f"memory_{kind}" for kind in SCANS}
DIFFERENCE = {kind: f"difference_{kind}" for kind in FAST}
RIVAL = "seconds_rival"

# The cell that each was made from, at equal width.
RIVALS = {"mingru": "gru", "minlstm": "lstm"}
INPUTS = 64

SAME = {kind: f"Gradients by a {kind} scan are those of the loop, by every parameter and every state." for kind in FAST}
EXACT = Source("exact: the same sums in another order, each chain within 8 sqrt(n) roundings")

# What a gradient of a minimal cell takes at T = 512, as a share of the cell it was made from.
PUBLISHED = 175.0
PUBLISHED_BY = "Feng et al. 2024, minGRU on a T4 GPU at T = 512"
USERS = 0.5
TARGET_CELL, TARGET_STEPS, TARGET, TARGET_BACKEND = "lru", 4096, 3.0, "jax"


def tolerance(settings: "pd.Series[Any]") -> float:
    """Return the relative difference that two chains of roundings may leave.

    A step is a sum over inputs and units and about ten elementwise operations, forward and back; the rest are sums over
    time and batch. A complex product is two sums of two products: twice as many roundings.
    """
    T, B, H = settings["length"], settings["batch_size"], settings["hidden_size"]
    operations = 2 * T * (INPUTS + H + 20) + 2 * H + T * B
    return 2 * bound(settings["dtype"], operations)
