"""What truncation should do: the laws, their sentences and sources, and what claims allow; the names of the metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Resolution, Source
from gradsuite.parameters import KEEP_GATE
from gradsuite.precision import bound
from gradsuite.theory import driven_rnn, linear

if TYPE_CHECKING:
    import pandas as pd

UNIT_BIAS = "unit_bias"  # by unit of the network of linear units
BIAS = "bias"  # |truncated - exact| / |exact| of dL/dW_hh, by member; its note is the regime of a driven RNN
SHARE, FLOW = (
    "share",
    "flow",
)  # of a driven RNN: what is missing along the exact gradient, and |dL/dh_(T-k)| / |dL/dh_T|
# By exact recursions: the two laws, |truncated| / |exact| of dL/dW_hh, and the largest |dL/dh_t| over |dL/dh_T|.
SHARE_LAW, FLOW_LAW, LENGTH, MEMBER_AMPLIFICATION = "share_law", "flow_law", "length", "member_amplification"
BEYOND, WITHIN, WHOLE, AMPLIFICATION = "beyond", "inside", "whole", "amplification"
SECONDS_TRUNCATED, SECONDS_FULL = "seconds_truncated", "seconds_full"
MEMORY_TRUNCATED, MEMORY_FULL = "memory_truncated", "memory_full"

EXACT = Source("exact: all that is left out reaches h_T through h_(T-k), and dh_T/dh_(T-k) = a^k")
# The publisher's abstract was read; the name BPTT(h; h') is from code that cites the paper.
WILLIAMS = Source(
    "exact: by the definition of truncated BPTT (k1, k2), BPTT(h; h') of Williams & Peng 1990, "
    "Neural Computation 2(4):490-501",
    checked=False,
)
RECURSION = Source("exact: backpropagation through time of the same network, by the textbook's recursions in float64")

BEYOND_ZERO = "No state gradient crosses the horizon: dL/dh_t is exactly 0 for t <= T - k."
WITHIN_FULL = "Up to the horizon, state gradients are those of full BPTT."
WHOLE_FULL = "With a horizon of all steps, gradients are those of full BPTT."
SHARE_MISSING = (
    "Driven tanh RNN, gain {gain:.3g}: what a truncated gradient lacks is the share of steps before the horizon."
)
FLOW_LEFT = (
    "Driven tanh RNN, gain {gain:g}: as much of the state gradient is left at the horizon as exact recursions leave."
)

NOISE = 0.25
SMALL = 2.0**-60  # what every linear unit adds per step: tanh of numbers this small is the identity in every bit
GAINS = {"vanishing": 0.75, "critical": driven_rnn.critical_gain(NOISE), "exploding": 2.0}  # of the driven RNNs
CANDIDATE = {"rnn": 0, "lstm": 2, "gru": 2}  # the gate block that adds to the state


@dataclass(frozen=True, slots=True)
class Law:
    """One gradient in a linear recurrence: `whole(a, T)` of all steps, and its relative bias `bias(a, T, k)`.

    A unit's own gradient is on the diagonal of `parameter` where that is a matrix, else in its gate block.
    """

    sentence: str
    parameter: str
    block: int
    largest: float
    bias: Callable[[float, int, int], float]
    whole: Callable[[np.ndarray, int], np.ndarray]

    def factors(self, size: int) -> np.ndarray:
        """Return the factors a of the units, from 0.05 to the largest."""
        return np.linspace(0.05, self.largest, size)

    def diagonal(self, gradient: np.ndarray, size: int) -> np.ndarray:
        """Return the gradient with respect to each unit's own parameter."""
        return np.diag(gradient) if gradient.ndim == 2 else gradient.reshape(-1, size)[self.block]


def of_factor(a: np.ndarray, T: int) -> np.ndarray:
    """Return dh_T/da of h_t = a h_(t-1) + SMALL: the sum of a^(T-t) h_(t-1) over all steps."""
    h = slope = np.zeros_like(a)
    for _ in range(T):
        slope, h = h + a * slope, a * h + SMALL
    return slope


LAWS = {
    "rnn": Law(
        "RNN h = a h + x: dh_T/da through k steps is off by a^k times the gradient of T - k steps.",
        "weight_hh_l0", 0, 1.1, linear.truncation_bias, of_factor,
    ),
    "lstm": Law(
        "LSTM, a = sigma(b_f): dc_T/db_f through k steps is off by a^k times the gradient of T - k steps.",
        "bias_ih_l0", KEEP_GATE["lstm"], 0.98, linear.truncation_bias,
        # i = o = 1/2 add SMALL / 2 to c in every step, and give half of dL/dh_T to c_T; da/db_f = a (1 - a).
        lambda a, T: 0.25 * a * (1.0 - a) * of_factor(a, T),
    ),
    "gru": Law(
        "GRU, a = sigma(b_z): dh_T/db_n through k steps is off by (a^k - a^T) / (1 - a^T).",
        "bias_ih_l0", CANDIDATE["gru"], 0.98, linear.input_truncation_bias, lambda a, T: 1.0 - a**T,
    ),
}  # fmt: skip


def driven_bias(regime: str, T: int) -> np.ndarray:
    """Return the relative bias of dL/dW_hh in a driven tanh RNN for the horizons 0 ... T, by mean field."""
    return np.array(driven_rnn.truncation_bias(GAINS[regime], NOISE, T))


def time_share(k: np.ndarray, T: int) -> np.ndarray:
    """Return the share of a full gradient's matrix products: forward takes one of three through all T steps."""
    return (1.0 + 2.0 * k / T) / 3.0


def two_gradients(settings: "pd.Series[Any]") -> float:
    """Return what rounding leaves of the difference of two gradients, over one of them.

    Each sums T B products after T steps, each step a sum of N terms.
    """
    return 2.0 * bound(settings["dtype"], settings["length"] * (settings["batch_size"] + settings["hidden_size"]))


def unit_resolution(tolerance: float) -> Resolution:
    """Return that of the linear units: those of small a lose nothing, so that a factor is as large in their bias."""
    return Resolution.linear(1.0, tolerance, "the truncated gradient")


def share_resolution(share: float, tolerance: float) -> Resolution:
    """Return that of a share: a truncated gradient off by s changes it by s (1 - share), which is <g_k, g> / |g|^2."""
    return Resolution.linear(1.0 - share, tolerance, "the truncated gradient")


def flow_resolution(flow: float, tolerance: float, k: int) -> Resolution:
    """Return that of what is left after k steps: k factors of one step."""
    return Resolution.logarithmic(tolerance / flow, "the state gradient's factor per step", power=k)
