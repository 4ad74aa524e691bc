"""The economy of the United States, quarter by quarter."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from gradsuite.tasks.windows import Series, Windows, by_shares, standardised

ORDER = 4  # quarters


class Macro(Windows):
    """Windows of T quarters, 1959 to 2009, of five indicators; the target is the next quarter's growth of real GDP.

    Read are the growth of real GDP, consumption and investment (differences of logarithms), the change of the rate of
    unemployment, and inflation. The first 70% are to learn from, 15% to validate and 15% to test.
    """

    name = "macro"
    summary = "five indicators of the US economy by quarter, 1959 to 2009: predict the growth of real GDP"
    source = "statsmodels macrodata (BSD-3); data: Federal Reserve Bank of St. Louis, public domain"
    input_size = 5
    output_size = 1

    @cached_property
    def series(self) -> Series:
        """The indicators and the growth, standardised by the quarters to learn from."""
        from statsmodels.datasets import macrodata

        data = macrodata.load_pandas().data
        growth = [np.diff(np.log(data[name].to_numpy())) for name in ("realgdp", "realcons", "realinv")]
        values = np.stack([*growth, np.diff(data["unemp"].to_numpy()), data["infl"].to_numpy()[1:]], axis=1)
        ends = by_shares(len(values))
        values = standardised(values, ends[0])
        return Series(values, values[:, :1], ends)

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the errors of the mean growth, of the quarter before, and of an AR(4)."""
        return {
            "mean growth": self.mean(),
            "the quarter before": self.persistence(),
            f"AR({ORDER})": self.autoregression(ORDER),
        }
