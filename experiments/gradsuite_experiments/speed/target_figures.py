"""Figures of the targets: paired ratios to peers, and gradients against their products alone."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import INK, STABLE, backend_colour, backend_order
from matplotlib.axes import Axes

from gradsuite_experiments.speed import workloads
from gradsuite_experiments.speed.targets import LIMIT, TARGETS, Outcome, outcomes, shares, target_findings

COLUMNS = 3
RATIOS = (0.1, 0.2, 0.5, 1, 2, 5)
EDGES = (0.06, 5.5)  # a ratio beyond them is drawn there, its number is in the table
SHARES = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)


def target_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a panel for each comparison: the paired ratio of every workload, and the region that is wanted."""
    found = [outcome for outcome in outcomes(rows) if outcome.sentence != LIMIT]
    if not found:
        return
    names = [name for name in workloads.NAMED if any(outcome.workload == name for outcome in found)]
    sentences = list(dict.fromkeys(target.sentence for target in TARGETS))
    drawn, panels = style.figure(
        -(-len(sentences) // COLUMNS), COLUMNS, height=1.5 + 0.24 * len(names), sharey=True, sharex=True
    )
    for axes, sentence in zip(panels.flat, sentences, strict=False):
        compare(axes, sentence, [outcome for outcome in found if outcome.sentence == sentence], names)
    for axes in panels[-1]:
        style.log_axis(axes, "x", "times the other (paired)")
        style.values_axis(axes, "x", RATIOS)
        axes.set_xlim(*EDGES)
    style.title(drawn, next(target_findings(rows)).rstrip("."))
    style.backend_legend(
        drawn, [o.backend for o in found], extra=[style.line_key("target", color=STABLE, linewidth=7, alpha=0.3)]
    )
    yield Figure(
        "speed-peers",
        "Loss and all parameter gradients: the median of paired ratios with its 95% interval, below 1 is faster. Green "
        "is where the ratio is to be.",
        drawn,
    )


def compare(axes: Axes, sentence: str, found: list[Outcome], names: list[str]) -> None:
    """Draw one comparison, the workloads from top to bottom."""
    backends = backend_order([outcome.backend for outcome in found])
    axes.set_title(sentence.replace(", against", ",\nagainst").replace("against the", "against\nthe"), fontsize=10.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline(1.0, color=INK, linewidth=1.0, zorder=1)
    for outcome in found:
        row = names.index(outcome.workload)
        if outcome.backend == backends[0] and not np.isnan(outcome.bound):
            axes.barh(row, outcome.bound - 1e-3, left=1e-3, height=0.8, color=STABLE, alpha=0.13, zorder=0)
        at = row + 0.5 * ((backends.index(outcome.backend) + 0.5) / len(backends) - 0.5)
        low, median, high = np.clip([outcome.ratio.low, outcome.ratio.median, outcome.ratio.high], *EDGES)
        axes.hlines(at, low, high, color=backend_colour(outcome.backend), linewidth=2.2)
        style.measured(axes, [median], [at], outcome.backend, clip_on=False)


def limit_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield the part of each backend's gradient that its products take, workload by workload."""
    found = list(shares(rows))
    if not found:
        return
    backends = backend_order([name for share in found for name in share.gradient])
    drawn, ((axes,),) = style.figure(height=1.6 + 0.42 * len(found))
    for row, share in enumerate(found):
        for name, time in share.gradient.items():
            at = row + 0.6 * ((backends.index(name) + 0.5) / len(backends) - 0.5)
            style.measured(axes, [share.alone / time], [at], name)
    axes.set_yticks(range(len(found)), [share.workload for share in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    style.log_axis(axes, "x", "products alone, as a part of the gradient's time")
    style.values_axis(axes, "x", SHARES)
    axes.axvline(1.0, color=INK, linewidth=1.0, zorder=1)
    told = ", ".join(f"{s.alone / min(s.gradient.values()):.0%} in {s.workload}" for s in found)
    style.title(drawn, f"Of the fastest gradient its products alone take {told}")
    style.backend_legend(drawn, backends)
    yield Figure(
        "speed-limit",
        "Matrix products by themselves, each at the best rate that any library reaches here, over the time of the loss "
        "and all parameter gradients: at 1 nothing but the products would take time.",
        drawn,
    )
