"""The smallest faults that the claims about remedies are sure to notice: by how much a gradient must fall or rise."""

import math
from typing import TYPE_CHECKING, Any

from gradsuite.claims import Resolution
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.theory import driven_rnn, gates
from gradsuite.theory import gaussian_powers as powers
from gradsuite.theory.horizon import HORIZON_FACTOR

from gradsuite_experiments.remedies import laws

if TYPE_CHECKING:
    import pandas as pd

FACTOR = "the state gradient's factor per step"
RECURRENT_PATHS = 1.3  # at most, on average: what chrono's recurrent weights make of what its forget gates keep


def of_remedy(remedy: str) -> str:
    """Return the quantity where one remedy is compared with another."""
    return f"{FACTOR} with {remedy}"


def horizon(remedy: str, settings: "pd.Series[Any]") -> Resolution:
    """Return that of a horizon that has a law: a factor moves it by two tolerances either way.

    At the horizon h the gradient falls by r = rate / 2 per step, and with x more of it by h x / (r + x) steps sooner.
    """
    expected, tolerance = laws.theory(remedy, settings), laws.horizon_tolerance(remedy, settings)
    more = 2.0 * tolerance * laws.fall(remedy, settings).rate / 2.0 / max(expected - 2.0 * tolerance, 1.0)
    return Resolution(math.expm1(more), FACTOR)


def highest(remedy: str, settings: "pd.Series[Any]", lag: float) -> float:
    """Return ln of the most that is left of a gradient at a lag, over that at T."""
    H, k = settings["hidden_size"], round(lag)
    curve = laws.curve_law(remedy, settings)
    if remedy in laws.AT_HORIZON and curve is not None:
        errors = laws.horizon_tolerance(remedy, settings) * laws.fall(remedy, settings).rate / 2.0
        return math.log(curve[k]) + errors
    if remedy == "chrono":
        return math.log(RECURRENT_PATHS * gates.chrono_keep(2 * k, settings["length"])) / 2.0 + 0.5
    if remedy in laws.BIASES:  # powers at the fixed point, where nothing saturates
        pull = laws.UNIFORM * gates.lstm_pull()
        return math.log(powers.mean_square(k, gates.keep(laws.BIASES[remedy]), pull, H)) / 2.0
    if remedy == "ln-rnn":  # mean field, which a network of weights that stay the same does not reach
        return lag * driven_rnn.normalised_rate(laws.UNIFORM, 1.0 / (3.0 * H)) / 2.0
    if remedy == "residual":
        factors, variance = laws.deep(H, settings["length"])
        return (math.fsum(map(math.log, factors[::-1][:k])) + 4.0 * math.sqrt(variance / settings["seeds"])) / 2.0
    return 0.0  # identity: a unit's gradient is what it is at T, or zero


def sooner(remedy: str, settings: "pd.Series[Any]", lag: float, quantity: str = FACTOR) -> Resolution:
    """Return that of a claim that a remedy's horizon is at least this lag: a factor that leaves 1/1000 there."""
    return Resolution(math.expm1((math.log(HORIZON_FACTOR) + highest(remedy, settings, lag)) / lag), quantity)


def farther(remedy: str, nearer: str, settings: "pd.Series[Any]", times: float = 1.0) -> Resolution:
    """Return that of a claim that a remedy reaches at least so many times as far as another: down to its nearest."""
    lag = times * (laws.theory(nearer, settings) - laws.horizon_tolerance(nearer, settings))
    return sooner(remedy, settings, max(lag, 1.0), of_remedy(remedy))


def bits(settings: "pd.Series[Any]", quantity: str = FACTOR) -> Resolution:
    """Return that of a claim about every bit: a factor per step that adds up to a unit in the last place."""
    return Resolution(2.0 * UNIT_ROUNDOFF[settings["dtype"]] / (settings["length"] - 1), quantity)


def eigenvalues(settings: "pd.Series[Any]") -> Resolution:
    """Return that of what is left at the start, squared, of every unit."""
    tolerance = laws.eigenvalue_tolerance(settings)
    return Resolution.logarithmic(tolerance, FACTOR, power=2.0 * (settings["length"] - 1))


def grown(settings: "pd.Series[Any]") -> Resolution:
    """Return that of a squared gradient's factor per layer."""
    expected, tolerance = laws.grown(settings)
    return Resolution.logarithmic(math.log1p(2.0 * tolerance / expected) / 2.0, FACTOR, power=2.0)


def chrono_kept(settings: "pd.Series[Any]") -> Resolution:
    """Return that of what is left at the start, squared: what recurrent paths add, and two tolerances."""
    room = math.log(RECURRENT_PATHS) + 2.0 * laws.chrono_tolerance(settings)
    return Resolution(math.expm1(room / (2.0 * (settings["length"] - 1))), FACTOR)
