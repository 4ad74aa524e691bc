"""To how many digits backends agree with exact arithmetic, and where chaos ends that."""

import math
from collections.abc import Iterator

import pandas as pd
from gradsuite.experiment import Answer
from gradsuite.model import CELLS
from gradsuite.topic import Topic

from gradsuite_experiments.agreement.laws import EXACT, GAINS, SATURATED, STATES
from gradsuite_experiments.common.frames import by_backend, levels, listed, measured, spread, where


def answers(rows: pd.DataFrame) -> Iterator[Answer]:
    """Yield to how many digits gradients are exact, and after how many steps chaotic networks have none in common."""
    rows = measured(rows)
    for sentence in (*exact(rows), *parted(rows)):
        yield Answer(Topic.AGREEMENT, sentence)


def exact(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the digits to which every gradient of the small networks is that of the complex step."""
    errors = rows[rows["metric"].isin(EXACT)]
    if errors.empty:
        return
    alike: dict[str, list[str]] = {}
    for backend, of_backend in by_backend(errors):
        worst = of_backend.groupby("dtype")["value"].max()
        parts = [f"{digits(worst[dtype])} digits in {dtype}" for dtype in sorted(worst.index, reverse=True)]
        alike.setdefault(f"to {listed(parts)}", []).append(backend)
    cells = [cell for cell in CELLS if cell in set(errors["note"])]
    by_digits = [f"{found} with {listed(backends)}" for found, backends in alike.items()]
    yield f"Gradients of {listed(cells)} are exact {'; '.join(by_digits)}."


def digits(error: float) -> str:
    """Return how many decimal digits a relative error leaves: all, where there is none."""
    if error == 0.0:
        return "all"
    return str(max(0, math.floor(-math.log10(error)))) if math.isfinite(error) else "no"


def parted(rows: pd.DataFrame) -> Iterator[str]:
    """Yield after how many steps the states of a chaotic network are others than the exact ones, on any backend."""
    gain = max(GAINS)  # the most chaotic of the members
    states = where(rows, metric=STATES, member=GAINS.index(gain))
    ends = []
    for dtype in levels(states, "dtype")[::-1]:
        apart = states[(states["dtype"] == dtype) & (states["value"] >= SATURATED)]
        if len(apart):
            first = apart.groupby("backend")["index"].min()
            ends.append(f"{spread(first, '.0f')} ({dtype})")
    if ends:
        grows = f"In a chaotic network (gain {gain:g}), rounding grows until states are off by {SATURATED:.0%}"
        yield f"{grows}: after {listed(ends)} steps."
