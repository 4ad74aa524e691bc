"""Yearly sunspot numbers, 1700 to 2008: a real series that ships in statsmodels."""

from functools import cache

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.task import Task


class Sunspots(Task):
    """Windows of T years of the standardised series; the target is the year after."""

    name = "sunspots"
    summary = "yearly sunspot numbers, 1700 to 2008: predict the next year"
    source = "statsmodels sunspots (BSD-3); data: NOAA National Geophysical Data Center, public domain"
    input_size = 1
    output_size = 1
    loss = "mse"
    readout = "last"

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return windows drawn with replacement (T, B, 1) and the next years (B, 1).

        Raises UserError if the series is not longer than the window.
        """
        series = load()
        if length >= len(series):
            raise UserError(f"sunspots has {len(series)} years: length must be at most {len(series) - 1}, not {length}")
        windows = np.lib.stride_tricks.sliding_window_view(series, length + 1)
        sample = windows[rng.integers(0, len(windows), size)]
        return Batch(sample[:, :-1].T[..., np.newaxis].copy(), sample[:, -1:].copy())


@cache
def load() -> np.ndarray:
    """Return the series (309), with mean 0 and standard deviation 1."""
    from statsmodels.datasets import sunspots

    yearly = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    return (yearly - yearly.mean()) / yearly.std()
