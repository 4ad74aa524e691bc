"""Mean-field theory of deep random networks: z_l = W phi(z_(l-1)) + b, Var W = sigma_w^2 / N, Var b = sigma_b^2.

Poole et al. 2016 (arXiv:1606.05340) for the variances, Schoenholz et al. 2017 (arXiv:1611.01232) for the gradients.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, repeat

from scipy.optimize import brentq

from gradsuite.errors import UserError
from gradsuite.theory.activations import LINEAR, check, first_moment, second_moment, slope_moment

LARGEST = 1000.0  # sigma beyond which nothing new happens and the quadrature would need millions of nodes


@dataclass(frozen=True, slots=True)
class MeanField:
    """One point of the phase plane.

    Raises UserError for an unknown activation, or a sigma that is negative, not finite or above 1000.
    """

    activation: str
    sigma_w: float
    sigma_b: float = 0.0

    def __post_init__(self) -> None:
        check(self.activation)
        for name in ("sigma_w", "sigma_b"):
            if not 0.0 <= getattr(self, name) <= LARGEST:
                raise UserError(f"{name} must be between 0 and {LARGEST:g}, not {getattr(self, name):g}")

    def next_variance(self, q: float) -> float:
        """Return the next layer's variance: sigma_w^2 E phi(sqrt(q) z)^2 + sigma_b^2 (Poole et al.)."""
        return self.sigma_w**2 * second_moment(self.activation, q) + self.sigma_b**2

    def chi(self, q: float) -> float:
        """Return the mean factor of the squared gradient per layer: sigma_w^2 E phi'^2 (Schoenholz et al.)."""
        return self.sigma_w**2 * slope_moment(self.activation, q)

    def variances(self, q: float) -> Iterator[float]:
        """Yield the variances q_1 = q, q_2, ... of one layer after another, without end."""
        return accumulate(repeat(None), lambda variance, _: self.next_variance(variance), initial=q)

    def fixed_point(self, start: float = 1.0) -> float:
        """Return q*, the variance of deep layers: infinite where it grows for ever, `start` where every q stays.

        The map is increasing and concave, so at most one fixed point attracts; without biases tanh has one above
        zero if sigma_w > 1, and since tanh^2 x >= x^2 - 2 x^4 / 3 it lies above (1 - 1 / sigma_w^2) / 2.
        """
        w, b = self.sigma_w**2, self.sigma_b**2
        if self.activation in LINEAR:
            growth = w * LINEAR[self.activation]
            if math.isclose(growth, 1.0, rel_tol=1e-15):
                return math.inf if b else start
            return b / (1.0 - growth) if growth < 1.0 else math.inf
        lowest = 0.0
        if self.activation == "tanh" and b == 0.0:
            if w <= 1.0:
                return 0.0
            lowest = (1.0 - 1.0 / w) / 2.0
        return _root(lambda q: self.next_variance(q) - q, lowest, w + b)

    @property
    def chi_1(self) -> float:
        """The factor at the fixed point: the gradient vanishes with depth below 1 and explodes above."""
        return self.chi(0.0 if self.activation in LINEAR else self.fixed_point())

    @property
    def depth_scale(self) -> float:
        """The depth xi = -1 / ln chi_1 in layers, negative where gradients explode (Schoenholz et al.)."""
        log = math.log(self.chi_1) if self.chi_1 else -math.inf
        return -1.0 / log if log else math.inf

    def gradient_product(self, q: float, depth: int) -> float:
        """Return the mean of |dL/dh_0|^2 / |dL/dh_depth|^2: chi(q_1) ... chi(q_depth), where q_1 = q."""
        return math.prod(self.chi(variance) for variance, _ in zip(self.variances(q), range(depth), strict=False))

    def log_variance(self, width: int, q: float) -> float:
        """Return the variance of ln |delta|^2 per layer at finite width: (3 E phi'^4 / (E phi'^2)^2 - 1) / N.

        The leading order: 2 / N for a linear layer, 5 / N for relu.
        """
        kurtosis = slope_moment(self.activation, q, 4) / slope_moment(self.activation, q) ** 2
        return (3.0 * kurtosis - 1.0) / width


@dataclass(frozen=True, slots=True)
class Residual:
    """Layers h_l = h_(l-1) + phi(W h_(l-1) + b) (Yang & Schoenholz 2017, arXiv:1712.08969).

    What a layer adds is independent of what it reads but for its mean: E h^2 grows by E phi^2 and, where E phi is not
    zero, by twice the product of the means. The gradient's own path keeps it whole, and the layer adds chi of it.
    """

    layer: MeanField

    def moments(self, mean: float, square: float) -> Iterator[tuple[float, float]]:
        """Yield E h and E h^2 of what one layer after another reads, without end."""
        while True:
            yield mean, square
            q = self.variance(square)
            grows = first_moment(self.layer.activation, q)
            square += second_moment(self.layer.activation, q) + 2.0 * mean * grows
            mean += grows

    def variance(self, square: float) -> float:
        """Return the variance of pre-activations that read states of this mean square."""
        return self.layer.sigma_w**2 * square + self.layer.sigma_b**2

    def factors(self, square: float, depth: int) -> list[float]:
        """Return 1 + chi of each of `depth` layers, from the first, which reads this mean square, to the top."""
        moments = zip(self.moments(0.0, square), range(depth), strict=False)
        return [1.0 + self.layer.chi(self.variance(of_layer[1])) for of_layer, _ in moments]

    def log_variance(self, width: int, factor: float, square: float) -> float:
        """Return the variance of ln |delta|^2 of one layer at finite width, to leading order.

        |delta + W^T D delta|^2 has the path's own length, 2 delta . W^T D delta, of variance 4 chi / N, and the square
        of what goes through the layer, which varies as in a network without the path.
        """
        chi = factor - 1.0
        through = self.layer.log_variance(width, self.variance(square)) * chi**2
        return (4.0 * chi / width + through) / factor**2


def critical_point(activation: str, sigma_b: float) -> tuple[float, float]:
    """Return sigma_w and q* on the critical line chi_1 = 1 for these biases.

    On it sigma_w^2 = 1 / E phi'^2 and sigma_b^2 = q - E phi^2 / E phi'^2: one equation for q. Linear activations are
    critical at one sigma_w, where q grows without end as soon as there are biases.
    """
    MeanField(activation, 1.0, sigma_b)
    if activation in LINEAR:
        return LINEAR[activation] ** -0.5, math.inf if sigma_b else 1.0

    def excess(q: float) -> float:
        return q - second_moment(activation, q) / slope_moment(activation, q) - sigma_b**2

    if activation == "tanh" and sigma_b == 0.0:
        return 1.0, 0.0
    highest = 1.0 + sigma_b**2
    while excess(highest) < 0.0:
        highest *= 2.0
    q = _root(excess, 0.0, highest)
    return slope_moment(activation, q) ** -0.5, q


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    if f(low) == 0.0:
        return low
    return float(brentq(f, low, high, xtol=1e-300, rtol=1e-14, maxiter=500))
