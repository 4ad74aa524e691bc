"""When two trainings that differ by rounding stay together, and how far a fault would part them."""

import numpy as np
from gradsuite.claims import Resolution, Source

DIFFERENCE = "difference"  # of the loss from the twin's, by step
LOSS = "loss"  # of the twin, by step
SENSITIVITY = "sensitivity"  # of the loss curve to a factor of the gradient
RATE = "divergence_rate"  # per step

STABLE, CHAOTIC = "stable", "chaotic"
# Recurrent gain and learning rate. Below a gain of 1 a tanh network forgets where it was, and so does a descent of
# small steps; at 2 states are chaotic, and gradients through them magnify whatever they are given.
REGIMES = {STABLE: (0.9, 0.05), CHAOTIC: (2.0, 0.1)}

AGREED = 1e-8  # largest difference of a loss, of the order of 1, over a training below criticality
PROBED = 1e-6  # factor of the gradient, less 1, that tells how sensitive the curve is
APART = 1e-3  # of the loss: what has grown so far is no small difference any more

SAME = "Below criticality the loss curve of one training is the same on every backend: to 1e-8, at every step."
SOURCE = Source("exact: the same arithmetic; rounding does not grow where gradients and steps do not")
FACTOR = "every gradient of the training"


def resolution(sensitivity: float) -> Resolution:
    """Return the factor of the gradient that moves the loss curve by two tolerances."""
    return Resolution(2.0 * AGREED / sensitivity, FACTOR)


def rate(differences: np.ndarray) -> float:
    """Return the slope of ln |difference| per step while it is small: from the first that is not zero to APART.

    NaN if there are fewer than ten such steps.
    """
    apart = np.flatnonzero(differences > APART)
    small = np.arange(apart[0] if apart.size else len(differences))
    small = small[differences[small] > 0.0]
    if len(small) < 10:
        return float("nan")
    return float(np.polyfit(small, np.log(differences[small]), 1)[0])
