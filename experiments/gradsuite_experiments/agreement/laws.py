"""How far from exact arithmetic a backend may be: by rounding below criticality, at the Lyapunov rate above it."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Source
from gradsuite.precision import UNIT_ROUNDOFF, bound
from gradsuite.theory import driven_rnn

from gradsuite_experiments.common.networks import CHEN

if TYPE_CHECKING:
    import pandas as pd

GAIN = "gain"  # of each network, a member of its trial
STATES = "states"  # relative distance of a member's states from the twin's, by time step
GRADIENTS = "gradients"  # that of its state gradients, by lag

NOISE = 0.05
GAINS = (0.5, 0.9, 2.0, 3.0)  # of the members; the critical one is 1.327
SETTLED = 30.0  # times the unit roundoff: from here on, distances point in the direction that grows fastest
SATURATED = 1e-2  # from here on, two trajectories are different ones

# The paper gives sqrt(n) u for n roundings; theorem 2.4 is known from texts that cite it.
ROUNDING = Source(
    "every step rounds, and shrinks what came before; sqrt(n) u: Higham & Mary 2019, SIAM J. Sci. Comput. 41(5):A2815, "
    "theorem 2.4",
    checked=False,
)
LYAPUNOV = CHEN

STATES_ROUND = "Below criticality, states differ from exact ones by rounding alone, however long the sequence."
GRADIENTS_ROUND = (
    "Below criticality, state gradients differ from exact ones by at most sqrt(lag) times the rounding of one step."
)
STATES_PART = "Above criticality, at gain {gain:g}, the distance between states grows at the Lyapunov rate."


def rate(gain: float) -> float:
    """Return the Lyapunov exponent: by how much the log of a small distance grows per step."""
    return driven_rnn.lyapunov_exponent(gain, NOISE)


def state_bound(at: "pd.Series[Any]", gain: float) -> float:
    """Return the largest distance that rounding leaves below criticality.

    A state sums N products; what it inherits shrinks by e^rate per step: a geometric series.
    """
    return bound(at["dtype"], at["hidden_size"]) / -math.expm1(rate(gain))


def gradient_bound(at: "pd.Series[Any]", gain: float) -> float:
    """Return the largest distance of state gradients, over sqrt(steps): each adds a product and a state's error."""
    return 2.0 * state_bound(at, gain)


def gradient_strain(distances: np.ndarray) -> float:
    """Return the largest of the distances by lag over sqrt(steps), for a gradient's relative errors add up."""
    steps = np.arange(1, len(distances) + 1)
    return float((distances / np.sqrt(steps)).max())


def growth(distances: np.ndarray, dtype: str) -> float:
    """Return the slope of ln distance per step, by least squares while it is neither rounding nor saturated.

    NaN if that is for fewer than three steps.
    """
    growing = (distances > SETTLED * UNIT_ROUNDOFF[dtype]) & (np.maximum.accumulate(distances) < SATURATED)
    if growing.sum() < 3:
        return math.nan
    return float(np.polyfit(np.flatnonzero(growing), np.log(distances[growing]), 1)[0])


def growth_tolerance(at: "pd.Series[Any]", gain: float) -> float:
    """Return three standard errors of a growth rate: ln |d|^2 gains the mean field's variance in each step.

    It does so over as many steps as the distance takes from rounding to saturation. Sequences share the weights, and so
    count as one. The factor is half of three, for the norm is not squared.
    """
    field = driven_rnn.mean_field(gain, NOISE)
    steps = math.log(SATURATED / (SETTLED * UNIT_ROUNDOFF[at["dtype"]])) / rate(gain)
    steps = min(steps, float(at["length"]))
    return 1.5 * math.sqrt(field.log_variance(at["hidden_size"], field.fixed_point()) / steps)
