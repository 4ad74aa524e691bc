"""Which clipping thresholds work, and how fast: the sentence and the table."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.clip_threshold.laws import MOST
from gradsuite_experiments.common.frames import levels, where
from gradsuite_experiments.common.learning import count, outcomes


def working(found: pd.DataFrame) -> dict[float, float]:
    """Return the median update after which the task is solved, of thresholds with which most networks do."""
    by_threshold = {threshold: where(found, threshold=threshold) for threshold in levels(found, "threshold")}
    return {
        threshold: float(of_one["after"].median())
        for threshold, of_one in by_threshold.items()
        if of_one["solved"].mean() >= MOST
    }


def fastest(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the range of thresholds with which most networks learn, and the fastest of them."""
    found = outcomes(rows)
    after = {} if found.empty else working(found)
    if not after:
        return
    best = min(after, key=after.__getitem__)
    yield (
        f"Clipped at {min(after):g} to {max(after):g} times the gradient's mean norm, most networks learn the "
        f"temporal order problem; {best:g} times is fastest, {after[best]:.0f} updates (median)."
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
