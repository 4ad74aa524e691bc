"""AlgoPerf's score: how much of its performance profile a backend fills."""

import numpy as np
import pandas as pd
from gradsuite.report.palette import backend_order

from gradsuite_experiments.common.frames import where

MOST = 4.0  # times the fastest, r_max of AlgoPerf: from there on a target counts as not reached
OF_TARGET = ["target", "seed", "dtype", "device"]


def score(ratios: np.ndarray) -> float:
    """Return 1 / (r_max - 1) times the integral, from 1 to r_max, of the share of targets reached within a factor.

    `ratios` (targets) are times over the fastest, infinite where a target is not reached. Each of them adds the part of
    [1, r_max] that lies beyond it. Source: AlgoPerf's documentation, "Integrating performance profiles for the
    benchmark score"; the profiles are those of Dolan & Moré 2002.
    """
    return float(np.clip((MOST - np.maximum(ratios, 1.0)) / (MOST - 1.0), 0.0, 1.0).mean())


def scores(found: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return each backend's score by its paired ratios, and by its first training, which compiles as AlgoPerf counts.

    `found` has a row per backend, target and seed (`findings.outcomes`).
    """
    warm = np.array([np.inf if ratio is None else ratio.median for ratio in found["ratio"]])
    first = found["first"].to_numpy(float)
    least = found.groupby(OF_TARGET, sort=False)["first"].transform("min").to_numpy(float)
    cold = np.full(len(first), np.inf)
    np.divide(first, least, out=cold, where=np.isfinite(first))
    rated = found.assign(warm=warm, cold=cold)
    return {
        backend: (score(of_backend["warm"].to_numpy(float)), score(of_backend["cold"].to_numpy(float)))
        for backend in backend_order(list(rated["backend"]))
        for of_backend in (where(rated, backend=backend),)
    }
