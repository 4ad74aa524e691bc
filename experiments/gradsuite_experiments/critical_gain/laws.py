"""Gated cells at their fixed point: the critical gain, what it follows from, and how far samples may be off."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gradsuite.claims import Resolution, Source
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.theory import gates as theory
from gradsuite.theory import gaussian_powers as powers

if TYPE_CHECKING:
    import pandas as pd

EIGENVALUE_REAL = "eigenvalue_real"  # of one step's Jacobian at the critical gain, of the first Gaussian network
EIGENVALUE_IMAG = "eigenvalue_imag"
EIGENVALUE_ERROR = "eigenvalue_error"  # the largest distance from the formula's, over the largest of these
RELATIVE_GAIN = "relative_gain"  # over the critical one, of each member
RADIUS_ORTHOGONAL = "radius_orthogonal"  # spectral radius by member: of the orthogonal network
RADIUS = "radius"  # of the Gaussian networks: mean, smallest and largest
RADIUS_LOW = "radius_low"
RADIUS_HIGH = "radius_high"
RADIUS_DRAWN = "radius_drawn"  # mean of what the formula makes of the weights drawn
RATIO = "ratio"  # mean squared gradient by member and lag, over that at T

GAINS = (0.7, 1.0, 1.3)  # of the members, over the critical one

EXACT = Source("exact: at zero input and states every gate is sigma of its bias, and its weights are multiplied by 0")
DRAWN = Source(
    "exact for the weights drawn, whose eigenvalues fill the unit disc as N grows: circular law (Girko 1984, Theory "
    "Probab. Appl. 29:694-706)",
    checked=False,
)
HAAR = Source("exact but for the spacing 2 pi / N of a Haar-orthogonal W's eigenvalues on the unit circle")
PAIRINGS = Source(
    "finite-k law: sum_j C(k, j)^2 f0^(2(k-j)) (i0 o0 g)^(2j) and its term of order 1 / N, by Wick's theorem"
)

WEIGHTS = {"lstm": "W_g", "gru": "W_n"}  # the candidate's, of which the gain is
JACOBIAN = {"lstm": "f0 + i0 o0 eig(W_g)", "gru": "z0 + (1 - z0) r0 eig(W_n)"}

SPECTRUM = "{cell}, forget bias {bias:g}: the eigenvalues of one step's Jacobian are {jacobian}."
CROSSING = "{cell}, forget bias {bias:g}, orthogonal {weights}: the spectral radius crosses 1 at gain {critical:.6g}."
CROSSING_DRAWN = (
    "{cell}, forget bias {bias:g}, Gaussian {weights}: the spectral radius crosses 1 where that of {jacobian} does, "
    "near gain {critical:.6g}."
)
GROWTH = "{cell}, forget bias {bias:g}: the mean squared gradient changes by the finite-k law, per step of k steps."

FACTOR = "the state gradient's factor per step"
SQUARED_FACTOR = "the squared state gradient's factor per step"


class FixedPoint(NamedTuple):
    """What a step keeps of the state (f0 or z0), the critical gain, and the weight of W (i0 o0 or (1 - z0) r0)."""

    kept: float
    critical: float
    pull: float

    def power(self, steps: int, gain: float, size: int) -> tuple[int, float, float, int]:
        """Return the arguments of the finite-k law; the gain is over the critical one."""
        return steps, self.kept, self.pull * gain * self.critical, size


def fixed_point(at: "Mapping[str, Any] | pd.Series[Any]") -> FixedPoint:
    """Return the fixed point of a trial's cell and forget bias."""
    bias = at["forget_bias"]
    if at["cell"] == "lstm":
        return FixedPoint(theory.keep(bias), theory.lstm_critical_gain(bias), theory.lstm_pull())
    return FixedPoint(theory.keep(bias), theory.gru_critical_gain(), theory.gru_pull(bias))


def crossing(radii: np.ndarray) -> float:
    """Return the gain, over the critical one, at which the spectral radius is 1; NaN if it is outside the gains'."""
    return float(np.interp(1.0, radii, GAINS, left=math.nan, right=math.nan))


def spectrum_tolerance(N: int, dtype: str) -> float:
    """Return by how much eigenvalues may be off, over the largest: N times N roundings.

    An eigenvalue moves by its condition number times the rounding of a product and of the solver, N roundings each. The
    condition number is about sqrt(N) for most eigenvalues of a Gaussian matrix (Chalker & Mehlig 1998, Phys. Rev. Lett.
    81:3367, for complex ones); N for the worst is this suite's choice.
    """
    return N**2 * UNIT_ROUNDOFF[dtype]


def orthogonal_tolerance(N: int, point: FixedPoint) -> float:
    """Return by how much an orthogonal W's crossing may be off, whose nearest eigenvalue is at an angle theta from 1.

    |f0 + (1 - f0) g e^(i theta)| = 1 at g = 1 + f0 theta^2 / 2, here for theta of two spacings 2 pi / N.
    """
    return point.kept * (4.0 * math.pi / N) ** 2 / 2.0 * point.critical


def gaussian_tolerance(N: int, point: FixedPoint, dtype: str) -> float:
    """Return by how much a Gaussian W's crossing may be off from that of the weights drawn: what moves the radius.

    Up to the largest gain the radius is at most that gain; it grows by 1 - f0 per relative gain.
    """
    return GAINS[-1] * spectrum_tolerance(N, dtype) / (1.0 - point.kept) * point.critical


def crossing_resolution(tolerance: float, point: FixedPoint) -> Resolution:
    """Return that of a crossing: a factor on the Jacobian is one on the radius, which grows by 1 - f0 per gain."""
    return Resolution(2.0 * tolerance / point.critical * (1.0 - point.kept), FACTOR)


def growth(power: tuple[int, float, float, int], seeds: int) -> tuple[float, float]:
    """Return the factor per step that the finite-k law has over k steps, and its tolerance.

    That is four standard errors of the mean square over seeds, from the law's own variance over W, of which the k-th
    root leaves one part in k.
    """
    steps, expected = power[0], powers.mean_square(*power)
    relative = 4.0 * powers.mean_square_sd(*power) / math.sqrt(seeds) / expected
    factor = expected ** (1.0 / steps)
    return factor, factor * relative / steps
