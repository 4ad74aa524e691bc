"""What phase-time shows besides its claims: how much time stacks save."""

import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.common.frames import members, trials, value
from gradsuite_experiments.phase_time.laws import SECONDS_ALONE, SECONDS_STACKED


def savings(rows: pd.DataFrame) -> Table:
    """Return the time of stacks and of the same networks one by one, a row per backend, over all trials."""
    times = [
        {
            "backend": backend,
            "networks": len(members(trial)),
            "stacked, s": value(trial, SECONDS_STACKED),
            "one by one, s": value(trial, SECONDS_ALONE),
        }
        for backend, _, trial in trials(rows)
    ]
    table = pd.DataFrame(times).groupby("backend", sort=False).sum().reset_index()
    table["times faster"] = table["one by one, s"] / table["stacked, s"]
    caption = (
        "Time that the whole phase diagram takes, with every network's state gradients on the host at the end: as "
        "members of stacks, and one by one; compilation is not included."
    )
    return Table("What stacks save", caption, table.round(2))
