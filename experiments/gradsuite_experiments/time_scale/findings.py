"""What gates keep beside the updates until a dependency is learnt: the sentence and the table."""

from collections.abc import Iterator
from math import isinf

import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.common.frames import listed, where
from gradsuite_experiments.common.learning import outcomes
from gradsuite_experiments.time_scale.laws import BIASES, TITLES, kept


def soonest(rows: pd.DataFrame) -> Iterator[str]:
    """Yield which bias learns soonest at the longest length, and which learn nothing there."""
    found = outcomes(rows)
    if found.empty:
        return
    found = where(found, length=found["length"].max())
    present = [bias for bias in BIASES if bias in set(found["bias"])]
    medians = {bias: float(where(found, bias=bias)["after"].median()) for bias in present}
    best, never = min(present, key=medians.__getitem__), [TITLES[bias] for bias in present if isinf(medians[bias])]
    if isinf(medians[best]):
        return
    T, updates = found["length"].max(), found["updates"].max()
    nothing = f"; {listed(never)} learnt none within {updates}" if never else ""
    yield (
        f"With {TITLES[best]}, which keeps {kept(best, T):.2g} of a gradient over {T} steps at first, an LSTM learnt a "
        f"dependency of that length soonest: after {medians[best]:.0f} updates (median){nothing}."
    )


def by_bias(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield the table: one row per bias and length, one column per backend."""
    found = outcomes(rows)
    if found.empty:
        return
    lines = []
    for length in sorted(found["length"].unique()):
        for bias in (bias for bias in BIASES if bias in set(found["bias"])):
            of_one = where(found, length=length, bias=bias)
            after = {at["backend"]: in_words(at["after"], at["updates"]) for _, at in of_one.iterrows()}
            lines.append({"T": length, "forget bias": TITLES[bias], "E f^T": f"{kept(bias, length):.3g}", **after})
    caption = "Median update after which the temporal order problem is solved, beside what forget gates keep at first."
    yield Table("Updates, by forget bias", caption, pd.DataFrame(lines))


def in_words(after: float, updates: int) -> str:
    """Return an update as a table has it."""
    return f"{after:.0f}" if not isinf(after) else f"not within {updates}"
