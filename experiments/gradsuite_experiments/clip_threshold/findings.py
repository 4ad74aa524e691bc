"""Which clipping thresholds work, and how fast: the sentence and the table."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.clip_threshold.laws import NEARLY_ALL
from gradsuite_experiments.common.frames import levels, where
from gradsuite_experiments.common.learning import count, outcomes


def working(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the range of thresholds with which most networks learn, and the fastest of them."""
    found = outcomes(rows)
    if found.empty:
        return
    after: dict[float, float] = {}
    for threshold in levels(found, "threshold"):
        of_one = where(found, threshold=threshold)
        if of_one["solved"].mean() >= NEARLY_ALL:
            after[threshold] = float(of_one["after"].median())
    if not after:
        return
    best = min(after, key=after.__getitem__)
    yield (
        f"Clipped at {min(after):g} to {max(after):g} times the gradient's mean norm, four of five networks or more "
        f"learn the temporal order problem; {best:g} times is fastest, {after[best]:.0f} updates (median)."
    )


def by_threshold(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield the table: one row per threshold and length, one column per backend."""
    found = outcomes(rows)
    if found.empty:
        return
    lines = []
    for _, of_one in found.groupby(["initialiser", "length", "threshold"]):
        first = of_one.iloc[0]
        solved = {at["backend"]: count(at) for _, at in of_one.iterrows()}
        line = {"threshold": f"{first['threshold']:g}", "weights": first["initialiser"], "T": first["length"]}
        lines.append({**line, **solved})
    caption = "Networks that solve the task, of all; in brackets the median update by which they do."
    yield Table("Solved, by clipping threshold", caption, pd.DataFrame(lines))
