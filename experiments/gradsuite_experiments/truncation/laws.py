"""What truncation should do: the laws, their sentences and sources, and what claims allow; the names of the metrics."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Source
from gradsuite.parameters import KEEP_GATE
from gradsuite.precision import bound
from gradsuite.theory import driven_rnn, linear

if TYPE_CHECKING:
    import pandas as pd

UNIT_BIAS = "unit_bias"  # by unit of the network of linear units
BIAS, FLOW = "bias", "flow"  # by member; its note is the regime of a driven RNN
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
MEAN_FIELD = Source("mean field: gradsuite.theory.driven_rnn.truncation_bias, derived there")

BEYOND_ZERO = "No state gradient crosses the horizon: dL/dh_t is exactly 0 for t <= T - k."
WITHIN_FULL = "Up to the horizon, state gradients are those of full BPTT."
WHOLE_FULL = "With a horizon of all steps, gradients are those of full BPTT."
SHARE = "Driven tanh RNN, gain {gain:.3g}: the bias squared is the share of steps before the horizon."
BIAS_IS_FLOW = "Driven tanh RNN, gain {gain:g}: the bias is the state gradient at the horizon over that at T."

NOISE = 0.25
GAINS = {"vanishing": 0.75, "critical": driven_rnn.critical_gain(NOISE), "exploding": 2.0}  # of the driven RNNs
CANDIDATE = {"rnn": 0, "lstm": 2, "gru": 2}  # the gate block that adds to the state


@dataclass(frozen=True, slots=True)
class Law:
    """The relative bias of one gradient in a linear recurrence: `bias(a, T, k)`.

    A unit's own gradient is on the diagonal of `parameter` where that is a matrix, else in its gate block.
    """

    sentence: str
    parameter: str
    block: int
    largest: float
    bias: Callable[[float, int, int], float]

    def factors(self, size: int) -> np.ndarray:
        """Return the factors a of the units, from 0.05 to the largest."""
        return np.linspace(0.05, self.largest, size)

    def diagonal(self, gradient: np.ndarray, size: int) -> np.ndarray:
        """Return the gradient with respect to each unit's own parameter."""
        return np.diag(gradient) if gradient.ndim == 2 else gradient.reshape(-1, size)[self.block]


LAWS = {
    "rnn": Law(
        "RNN h = a h + x: dh_T/da through k steps is off by a^k times the gradient of T - k steps.",
        "weight_hh_l0", 0, 1.1, linear.truncation_bias,
    ),
    "lstm": Law(
        "LSTM, a = sigma(b_f): dc_T/db_f through k steps is off by a^k times the gradient of T - k steps.",
        "bias_ih_l0", KEEP_GATE["lstm"], 0.98, linear.truncation_bias,
    ),
    "gru": Law(
        "GRU, a = sigma(b_z): dh_T/db_n through k steps is off by (a^k - a^T) / (1 - a^T).",
        "bias_ih_l0", CANDIDATE["gru"], 0.98, linear.input_truncation_bias,
    ),
}  # fmt: skip


def driven_bias(regime: str, T: int, k: int) -> float:
    """Return the relative bias of dL/dW_hh in a driven tanh RNN, by mean field."""
    return driven_rnn.truncation_bias(GAINS[regime], NOISE, T, k)


def time_share(k: np.ndarray, T: int) -> np.ndarray:
    """Return the share of a full gradient's matrix products: forward takes one of three through all T steps."""
    return (1.0 + 2.0 * k / T) / 3.0


def two_gradients(settings: "pd.Series[Any]") -> float:
    """Return what rounding leaves of the difference of two gradients, over one of them.

    Each sums T B products after T steps, each step a sum of N terms.
    """
    return 2.0 * bound(settings["dtype"], settings["length"] * (settings["batch_size"] + settings["hidden_size"]))


def share_tolerance(settings: "pd.Series[Any]", regime: str) -> float:
    """Return three standard errors of a bias: mean field's own fluctuations at this width, over the seeds.

    ln |dL/dh|^2 gains a variance of `log_variance` per step, and so does the logarithm of what is before the horizon
    over what is within it, in k steps. The two are orthogonal up to a cosine of 1 / sqrt(N), which changes |g|.
    """
    N = settings["hidden_size"]
    law = driven_bias(regime, settings["length"], settings["horizon"])
    field = driven_rnn.mean_field(GAINS[regime], NOISE)
    sd = math.sqrt(settings["horizon"] * field.log_variance(N, field.fixed_point()) / settings["seeds"])
    within = 1.0 - law**2
    ends = [law / math.sqrt(law**2 + within * math.exp(3.0 * sign * sd)) for sign in (-1.0, 1.0)]
    return max(abs(end - law) for end in ends) + 3.0 * law**2 * math.sqrt(within / N) + two_gradients(settings)


def flow_tolerance(settings: "pd.Series[Any]", regime: str, flow: float) -> float:
    """Return by how much a bias may differ from the state gradient at the horizon, `flow`, in three standard errors.

    Both are shares of the same gradients: they differ by the few steps, about 1 / (1 - chi_1), that make up each sum.
    """
    field = driven_rnn.mean_field(GAINS[regime], NOISE)
    variance = 2.0 * field.log_variance(settings["hidden_size"], field.fixed_point()) / (1.0 - field.chi_1)
    return flow * math.expm1(1.5 * math.sqrt(variance / settings["seeds"])) + two_gradients(settings)
