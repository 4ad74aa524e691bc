"""Yearly sunspot numbers, 1700 to 2008: a real series that ships in statsmodels."""

from collections.abc import Mapping
from functools import cache, cached_property

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.windows import Series, Windows, standardised

FIRST = 1700
ENDS = (1921 - FIRST, 1956 - FIRST, 1980 - FIRST)  # the years of Tong & Lim 1980 and Weigend et al. 1990
ORDER = 12
VARIANCE = 1535.0  # that published errors are divided by; of the years to learn from it is 1169, of all to 1979 1496


class Sunspots(Windows):
    """Windows of T years of the standardised series; the target is the year after.

    Years to 1920 are to learn from, 1921 to 1955 to validate and 1956 to 1979 to test, as has been usual since Weigend,
    Huberman & Rumelhart 1990. Errors are over 1535, the number that is usual too.
    """

    name = "sunspots"
    summary = "yearly sunspot numbers, 1700 to 2008: predict the next year"
    source = "statsmodels sunspots (BSD-3); data: NOAA National Geophysical Data Center, public domain"
    input_size = 1
    output_size = 1

    @cached_property
    def series(self) -> Series:
        """The series, less the mean of the years to 1920, over the usual standard deviation."""
        numbers = yearly()[:, np.newaxis]
        values = (numbers - numbers[: ENDS[0]].mean()) / np.sqrt(VARIANCE)
        return Series(values, values, ENDS)

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the errors of the year before, and of an AR(12)."""
        return {"the year before": self.persistence(), f"AR({ORDER})": self.autoregression(ORDER)}

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return windows of all years drawn with replacement (T, B, 1) and the next years (B, 1): nothing is learnt.

        Raises UserError if the series is not longer than the window.
        """
        series = standardised(yearly(), len(yearly()))
        if length >= len(series):
            raise UserError(f"sunspots has {len(series)} years: length must be at most {len(series) - 1}, not {length}")
        windows = np.lib.stride_tricks.sliding_window_view(series, length + 1)
        sample = windows[rng.integers(0, len(windows), size)]
        return Batch(sample[:, :-1].T[..., np.newaxis].copy(), sample[:, -1:].copy())


@cache
def yearly() -> np.ndarray:
    """Return the sunspot numbers of the years (309)."""
    from statsmodels.datasets import sunspots

    numbers: np.ndarray = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    return numbers
