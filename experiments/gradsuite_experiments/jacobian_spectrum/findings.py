"""The table of the Jacobian's spectrum: spread and condition number of each network at its largest lag."""

import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.common.frames import places, trials, values
from gradsuite_experiments.jacobian_spectrum import laws


def spread_table(rows: pd.DataFrame) -> Table:
    """Return a line for each network and backend."""
    lines = [
        {
            "cell": at["cell"],
            "activation": at["activation"],
            "initialiser": at["initialiser"],
            "backend": backend,
            "lag": int(places(trial, laws.SPREAD)[-1]),
            "median singular value": float(f"{values(trial, laws.MEDIAN)[-1]:.3g}"),
            "E s^4 / (E s^2)^2": float(f"{values(trial, laws.SPREAD)[-1]:.3g}"),
            "condition number": float(f"{values(trial, laws.CONDITION)[-1]:.3g}"),
        }
        for backend, at, trial in trials(rows)
    ]
    caption = "Dynamical isometry is a spread and condition number of 1. Condition numbers end where rounding does."
    return Table("Spread of the Jacobian's singular values", caption, pd.DataFrame(lines))
