"""One unit that stores one bit: h_t = phi(w h_(t-1)) (Bengio, Simard & Frasconi 1994, sec. III)."""

import math

from scipy.optimize import brentq

from gradsuite.errors import UserError


def fixed_point(weight: float) -> float:
    """Return the stable h >= 0 of h = tanh(w h): 0 up to w = 1, then the bit that is stored.

    Raises UserError for a weight at or below -1, where the unit has no stable fixed point, or not finite.
    """
    if not -1.0 < weight < math.inf:
        raise UserError(f"weight must be finite and more than -1, where h = tanh(w h) is stable, not {weight:g}")
    if weight <= 1.0:
        return 0.0
    # tanh x >= x - x^3 / 3 puts h^2 above 3 (w - 1) / w^3 for every w > 1, and tanh puts h at or below 1.
    lowest = min(math.sqrt(3.0 * (weight - 1.0) / weight**3), math.tanh(weight)) * (1.0 - 1e-9)
    if lowest >= math.tanh(weight * lowest):
        return lowest
    return float(brentq(lambda h: math.tanh(weight * h) - h, lowest, 1.0, xtol=1e-300, rtol=1e-15))


def slope(weight: float) -> float:
    """Return the factor of the gradient per step at that point, w (1 - h^2): a bit that is kept vanishes."""
    e = math.exp(-2.0 * weight * fixed_point(weight))
    return weight * 4.0 * e / (1.0 + e) ** 2  # 1 - tanh^2 without cancelling where h rounds to 1


def sigmoid_bound(weight: float) -> float:
    """Return the most by which one step of a sigmoid unit can scale the gradient: |w| / 4, since sigma' <= 1 / 4.

    Below 1 for |w| < 4: the bound of Hochreiter's analysis (1991), derived here.
    """
    return abs(weight) / 4.0
