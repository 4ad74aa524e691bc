"""The figure of a backend's ratios to itself: every comparison's interval."""

from collections.abc import Iterator, Sequence

import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.measuring.intervals import Interval
from gradsuite.report import style
from gradsuite.report.palette import INK
from matplotlib.axes import Axes

from gradsuite_experiments.common.frames import tally
from gradsuite_experiments.speed.aa.findings import comparisons


def comparison_figure(rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
    """Yield the intervals of all comparisons, a panel per backend."""
    compared = list(comparisons(rows))
    if not compared:
        return
    figure, panels = style.figure(1, len(compared), height=4.6, sharey=True)
    for axes, (backend, workload, intervals) in zip(panels[0], compared, strict=True):
        draw(axes, backend, intervals)
        axes.set_title(f"{backend}, {workload}")
    panels[0, 0].set_ylabel("seconds over seconds of the same backend")
    style.title(figure, tally(claims, "Equal code takes equal time", "Equal code is not shown to take equal time"))
    yield Figure(
        "speed-aa",
        "The paired ratio of a backend to itself with its 95% interval, one bar per comparison, in the order of the "
        "ratios; bars that miss 1 are in ink.",
        figure,
    )


def draw(axes: Axes, backend: str, intervals: Sequence[Interval]) -> None:
    """Draw the intervals in the order of their medians, those that miss 1 in ink."""
    ordered = sorted(intervals, key=lambda interval: interval.median)
    rows = pd.DataFrame(
        {"backend": backend, "place": place, "ratio": i.median, "low": i.low, "high": i.high, "missed": not i.covers(1)}
        for place, i in enumerate(ordered)
    )
    style.points(axes, rows, "place", "ratio", low="low", high="high", size=3.0)
    missed = rows[rows["missed"]]
    axes.vlines(missed["place"], missed["low"], missed["high"], color=INK, linewidth=1.4, zorder=4)
    axes.axhline(1.0, color=INK, linewidth=1.0, zorder=1)
    axes.set_xlabel("comparisons")
