"""What one tanh unit keeps of a bit and of its gradient, and how far a measurement may be off."""

import math
from typing import TYPE_CHECKING, Any

from gradsuite.claims import Resolution, Source
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.theory import latch as theory

if TYPE_CHECKING:
    import pandas as pd

# Metrics: half the distance between the states after a bit and after its opposite, and the gradient's factor per step.
KEPT = "kept"
FACTOR = "factor"

# The abstract and first page were read, the section on one unit was not.
BENGIO = Source(
    "h = tanh(w h) is exact; Bengio, Simard & Frasconi 1994, IEEE Trans. Neural Networks 5(2):157-166", checked=False
)
RATE = 20  # last steps that the factor per step is taken over, when the state has settled


def settled(at: "pd.Series[Any]") -> float:
    """Return how far a settled state may be off: each rounding, and the way from the start, shrink by the slope."""
    slope = theory.slope(abs(at["weight"]))
    rounding = 8.0 * 2.0 * UNIT_ROUNDOFF[at["dtype"]]
    return rounding / (1.0 - slope) + slope ** (at["silent_steps"] - RATE) if slope < 1.0 else 1.0


def factor_tolerance(at: "pd.Series[Any]") -> float:
    """Return how far the factor may be off: d slope / dh = -2 |w| h, and each step rounds the gradient a few times."""
    return 2.0 * abs(at["weight"]) * settled(at) + 8.0 * 2.0 * UNIT_ROUNDOFF[at["dtype"]]


def forgotten_tolerance(at: "pd.Series[Any]", most: float) -> float:
    """Return what the rounding of every step adds to the most that a bit may leave."""
    return at["silent_steps"] * 2.0 * UNIT_ROUNDOFF[at["dtype"]] * most


def left(weight: float, steps: int) -> float:
    """Return |h_T| after a bit, h_1 = tanh(1), and this many silent steps: h = tanh(|w| h), iterated."""
    h = math.tanh(1.0)
    for _ in range(steps):
        h = math.tanh(weight * h)
    return h


def kept_resolution(at: "pd.Series[Any]", tolerance: float) -> Resolution:
    """Return that of a kept bit: d ln h / d ln |w| = (1 - h^2) |w| / (1 - slope), from h = tanh(|w| h)."""
    weight = abs(at["weight"])
    slope, h = theory.slope(weight), theory.fixed_point(weight)
    return Resolution(2.0 * tolerance * (1.0 - slope) / (slope * h), "the recurrent weight")


def forgotten_resolution(at: "pd.Series[Any]", most: float, tolerance: float) -> Resolution:
    """Return that of a forgotten bit: tanh leaves less than |w|^T, and the weight must make up for it; by bisection."""
    weight, steps = abs(at["weight"]), at["silent_steps"]
    low, high = 0.0, 1.0 / weight  # a bit is kept from |w| = 1 on
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if left(weight * (1.0 + middle), steps) < most + 2.0 * tolerance else (low, middle)
    return Resolution(high, "the recurrent weight")


def vanishing_resolution(slope: float, tolerance: float) -> Resolution:
    """Return that of a factor below 1: what takes it there, and beyond what rounding may have taken from it."""
    return Resolution((1.0 + tolerance) / slope - 1.0, "the state gradient's factor per step")
