"""The S&P 500, day by day: returns, which nobody can forecast, and their size, which anybody can to a part."""

from collections.abc import Mapping
from functools import cache, cached_property

import numpy as np

from gradsuite.tasks.windows import Series, Windows, by_shares, standardised

MONTH = 22  # trading days
SMALLEST = 0.01  # percent squared, added to squared returns so that quiet days have a logarithm


class Returns(Windows):
    """Windows of T daily returns of the index, 1999 to 2018, in percent; the target is the next day's.

    An honest null: markets leave next to nothing to forecast, and a network that does better than the mean has been
    lucky, or has seen the future. The first 70% of days are to learn from, 15% to validate and 15% to test.
    """

    name = "sp500-returns"
    summary = "daily returns of the S&P 500, 1999 to 2018: predict the next day's, which should fail"
    source = "arch sp500 (NCSA); data: Yahoo Finance"
    input_size = 1
    output_size = 1

    @cached_property
    def series(self) -> Series:
        """The returns, standardised by the days to learn from."""
        values, ends = percent()[:, np.newaxis], by_shares(len(percent()))
        values = standardised(values, ends[0])
        return Series(values, values, ends)

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the errors of the mean return, and of the day before."""
        return {"mean return": self.mean(), "the day before": self.persistence()}


class Volatility(Windows):
    """Windows of T daily returns r in percent and of ln(r^2 + .01); the target is the next day's ln(r^2 + .01)."""

    name = "sp500-volatility"
    summary = "size of the daily returns of the S&P 500, 1999 to 2018: predict the next day's"
    source = Returns.source
    input_size = 2
    output_size = 1

    @cached_property
    def series(self) -> Series:
        """Returns and the logarithms of their squares, standardised by the days to learn from."""
        returns = percent()
        values = np.stack([returns, np.log(np.square(returns) + SMALLEST)], axis=1)
        ends = by_shares(len(values))
        values = standardised(values, ends[0])
        return Series(values, values[:, 1:], ends)

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the errors of the mean, of the month before (historical volatility), and of an AR(22)."""
        return {
            "mean volatility": self.mean(),
            "a month's mean": self.historical(MONTH),
            f"AR({MONTH})": self.autoregression(MONTH),
        }

    def historical(self, days: int) -> float:
        """Return the mean squared error on the test of the mean over the days before."""
        targets, (first, end) = self.series.targets[:, 0], self.series.bounds("test")
        means = np.convolve(targets, np.ones(days) / days, "valid")  # of the days up to k + days - 1
        return float(np.square(targets[first:end] - means[first - days : end - days]).mean())


@cache
def percent() -> np.ndarray:
    """Return the logarithmic daily returns of the adjusted close, in percent (5030)."""
    from arch.data import sp500

    returns: np.ndarray = 100.0 * np.diff(np.log(sp500.load()["Adj Close"].to_numpy()))
    return returns
