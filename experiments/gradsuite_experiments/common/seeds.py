"""Seeds of what is random besides the parameters."""

import numpy as np


def batch_rng(seed: int) -> np.random.Generator:
    """Return the generator of batches: parameters are drawn from `seed` itself, and must not be the same numbers."""
    return np.random.default_rng([seed, 1])
