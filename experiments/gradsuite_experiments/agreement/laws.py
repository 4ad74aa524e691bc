"""How far from exact arithmetic a backend may be: by rounding, and above criticality at the Lyapunov rate."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Resolution, Source
from gradsuite.precision import UNIT_ROUNDOFF, bound
from gradsuite.theory import driven_rnn

from gradsuite_experiments.common.networks import CHEN

if TYPE_CHECKING:
    import pandas as pd

GAIN = "gain"  # of each network, a member of its trial
STATES = "states"  # relative distance of a member's states from the twin's, by time step
GRADIENTS = "gradients"  # that of its state gradients, by lag
GROWTH = "growth"  # of the distance between states, per step, of a member above criticality
ROUNDING_GROWTH = "rounding_growth"  # that of rounding errors in the twin, linearised: its mean and its variance
ROUNDING_VARIANCE = "rounding_variance"
# Relative errors of a small network of each cell (note): the largest of its parameters' gradients, dL/dh and dL/dc.
PARAMETERS_ERROR, STATES_ERROR, CELL_STATES_ERROR = "parameters_error", "states_error", "cell_states_error"

NOISE = 0.05
GAINS = (0.5, 0.9, 2.0, 3.0)  # of the members; the critical one is 1.327
NETWORKS = 20  # per gain above criticality
MEMBERS = (*GAINS, *(gain for gain in GAINS[2:] for _ in range(NETWORKS - 1)))  # gains; further seeds come last
SAMPLES = 8  # of rounding errors in each network
EXACT_SIZES = (6, 3, 3, 4, 2)  # T, B, inputs, units and outputs of the small networks
SATURATED = 1e-2  # from here on, two trajectories are different ones

# The paper gives sqrt(n) u for n roundings; theorem 2.4 is known from texts that cite it.
ROUNDING = Source(
    "every step rounds, and shrinks what came before; sqrt(n) u: Higham & Mary 2019, SIAM J. Sci. Comput. 41(5):A2815, "
    "theorem 2.4",
    checked=False,
)
LYAPUNOV = CHEN
COMPLEX_STEP = Source("exact: dL/dx = Im L(x + ih) / h, Squire & Trapp 1998, SIAM Review 40(1):110-112", checked=False)

STATES_ROUND = "Below criticality, states differ from exact ones by rounding alone, however long the sequence."
GRADIENTS_ROUND = (
    "Below criticality, state gradients differ from exact ones by at most sqrt(lag) times the rounding of one step."
)
STATES_PART = (
    "Above criticality, at gain {gain:g}, the distance between states grows at the Lyapunov rate: as rounding errors "
    "do in the network linearised."
)
EXACT = {
    PARAMETERS_ERROR: ("parameters", "{cell}: the gradient of every parameter is that of the complex step."),
    STATES_ERROR: ("states", "{cell}: the state gradients dL/dh are those of the complex step."),
    CELL_STATES_ERROR: ("cell-states", "{cell}: the state gradients dL/dc are those of the complex step."),
}

QUANTITY = {
    PARAMETERS_ERROR: "one parameter's gradient",
    STATES_ERROR: "the state gradients",
    CELL_STATES_ERROR: "the state gradients",
}


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
    """Return by how much ln distance grows per step, from one unit roundoff before the first to where it saturates.

    NaN if that is fewer than three steps.
    """
    with np.errstate(divide="ignore"):
        grown = np.log(distances / UNIT_ROUNDOFF[dtype])
    steps = int(np.argmin(np.append(distances, math.inf) < SATURATED))
    return float(grown[steps - 1] / steps) if steps >= 3 else math.nan


def growing_steps(at: "pd.Series[Any]", rate: float) -> float:
    """Return after how many steps at this rate a rounding error saturates, or the length if that is less."""
    return min(math.log(SATURATED / UNIT_ROUNDOFF[at["dtype"]]) / rate, float(at["length"]))


def growth_tolerance(at: "pd.Series[Any]", rate: float, variances: np.ndarray) -> float:
    """Return four standard errors of the difference of two mean growths, from the variance over rounding errors.

    In each network one growth is the backend's and the other the mean of SAMPLES. A backend may round each state to
    half or twice the 2 u that the twin assumes, in whichever order it sums: ln 2 over all steps.
    """
    standard_error = math.sqrt(variances.sum() * (1.0 + 1.0 / SAMPLES)) / len(variances)
    return 4.0 * standard_error + math.log(2.0) / growing_steps(at, rate)


def growth_resolution(at: "pd.Series[Any]", rate: float, tolerance: float) -> Resolution:
    """Return that of a growth: a fault of the recurrent weights is added in every step as rounding, 2 u, is.

    It stays in front of the growth: e^(2 tolerance steps) times as much of it is two tolerances more per step.
    """
    size = 2.0 * UNIT_ROUNDOFF[at["dtype"]] * math.exp(2.0 * tolerance * growing_steps(at, rate))
    return Resolution(size, "the recurrent weights")


def exact_bound(dtype: str) -> float:
    """Return the relative error that rounding leaves of a small network's gradients.

    They sum T B products after T steps, every step a sum of at most 2 N + 1 terms.
    """
    T, B, _, N, _ = EXACT_SIZES
    return bound(dtype, T * (B + 2 * N + 1))
