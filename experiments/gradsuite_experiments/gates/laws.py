"""What a gate keeps of a gradient, and how far a measurement may be off."""

import math

import numpy as np
from gradsuite.claims import Resolution, Source
from gradsuite.precision import UNIT_ROUNDOFF, bound
from gradsuite.theory import gates as theory

# Metrics: the gradient over that at T by lag, behind each forget bias (member), and its mean over units and networks
# with chrono initialisation; and the largest relative error behind gates that inputs drive.
RATIO = "ratio"
CHRONO_RATIO = "chrono_ratio"
DRIVEN_ERROR = "driven_error"
OUTPUT_ERROR = "output_error"  # of dL/dc_T over dL/dh_T in the driven LSTM, the largest relative one

GERS = Source(
    "exact; the forget gate and its bias: Gers, Schmidhuber & Cummins 2000, Neural Computation 12(10), sec. 3"
)
TALLEC = Source("Tallec & Ollivier 2018, arXiv:1804.11188, eq. 16; the integral over u is derived")

CHRONO_LAGS = (10, 100)  # at which chrono initialisation is held against its integral
CHRONO_UNITS = 2048  # at least; their number makes the standard error of a mean over chrono's biases
LONGEST = 100.0  # T_max of chrono initialisation


def step_tolerance(dtype: str) -> float:
    """Return the relative error of one step: sigma(b) is off by two units in the last place, and the product rounds."""
    return 6.0 * UNIT_ROUNDOFF[dtype]


def factor_tolerance(dtype: str, steps: int) -> float:
    """Return the relative error after `steps`: sigma(b) is off the same way at each of them."""
    return steps * step_tolerance(dtype)


def half_life_tolerance(dtype: str, half_life: float) -> float:
    """Return how far a half-life may be off: what is left there falls by ln 2 / half-life per step."""
    return math.ceil(half_life) * step_tolerance(dtype) * half_life / math.log(2.0)


def driven_tolerance(dtype: str, steps: int, width: int) -> float:
    """Return the relative error behind driven gates: each step's gate reads a sum of H products."""
    return bound(dtype, steps * width)


def compared_steps(dtype: str, bias: float, steps: int) -> int:
    """Return over how many steps a gradient behind this forget bias is compared."""
    return min(steps, int(math.log(smallest(dtype)) / math.log(theory.keep(bias))))


def smallest(dtype: str) -> float:
    """Return the least part of a gradient at T that is compared, with room for the gradient itself."""
    return 1e6 * float(np.finfo(dtype).tiny)


def output_tolerance(dtype: str, width: int) -> float:
    """Return the relative error of o (1 - tanh(c)^2): gates read sums of 2 H products; 1 - t^2 cancels a few digits."""
    return 4.0 * bound(dtype, 2 * width)


def chrono_networks(width: int) -> int:
    """Return how many networks have CHRONO_UNITS units."""
    return math.ceil(CHRONO_UNITS / width)


def chrono_tolerance(lag: int, width: int) -> float:
    """Return four standard errors over the units, from the law's own second moment: the integral at 2 k."""
    variance = theory.chrono_keep(2 * lag, LONGEST) - theory.chrono_keep(lag, LONGEST) ** 2
    return 4.0 * math.sqrt(variance / (width * chrono_networks(width)))


def step_resolution(relative: float, steps: float) -> Resolution:
    """Return that of what `steps` factors leave, which may be off by this part of it."""
    return Resolution.logarithmic(relative, "the state gradient's factor per step", power=steps)


def half_life_resolution(tolerance: float, half_life: float) -> Resolution:
    """Return that of a half-life: a factor of 1 + s per step makes it longer by s half-life^2 / ln 2."""
    return Resolution(2.0 * tolerance * math.log(2.0) / half_life**2, "the state gradient's factor per step")
