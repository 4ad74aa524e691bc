"""Carbon dioxide over Mauna Loa, month by month: a trend, and the breath of a year."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from gradsuite.tasks.windows import Series, Windows, by_shares, standardised

YEAR = 12  # months


class CO2(Windows):
    """Windows of T monthly changes of the concentration, 1958 to 2001; the target is the next month's change.

    Months are means of the weeks that were measured; the few without any are interpolated between their neighbours. The
    first 70% are to learn from, 15% to validate and 15% to test.
    """

    name = "co2"
    summary = "monthly change of carbon dioxide over Mauna Loa, 1958 to 2001: predict the next month's"
    source = "statsmodels co2 (BSD-3); data: Keeling & Whorf 2004, Scripps Institution of Oceanography, public domain"
    input_size = 1
    output_size = 1

    @cached_property
    def series(self) -> Series:
        """The changes, standardised by those to learn from."""
        from statsmodels.datasets import co2

        monthly = co2.load_pandas().data["co2"].resample("MS").mean().interpolate()
        changes = np.diff(monthly.to_numpy())[:, np.newaxis]
        ends = by_shares(len(changes))
        values = standardised(changes, ends[0])
        return Series(values, values, ends)

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the errors of last year's month, and of an AR(12)."""
        return {"a year before": self.persistence(YEAR), f"AR({YEAR})": self.autoregression(YEAR)}
