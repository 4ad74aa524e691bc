"""Figures of the targets: paired ratios to peers, and gradients against their products alone."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.measuring.intervals import Interval
from gradsuite.report import style
from gradsuite.report.palette import INK, STABLE
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure

from gradsuite_experiments.speed.figures import bars, side_by_side
from gradsuite_experiments.speed.metrics import STEP
from gradsuite_experiments.speed.target_tables import shares
from gradsuite_experiments.speed.targets import LIMIT, TARGETS, Outcome, count_met, outcomes

COLUMNS = 3
FRAME = 1.0  # inches of title, axis and legend, which the rows of panels share
RATIOS = (0.1, 0.2, 0.5, 1, 2, 5)
ENDS = ("low", "median", "high")
EDGES = (0.06, 5.5)  # a ratio beyond them is drawn there, its number is in the table
SHARES = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)


def peer_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a panel per comparison of gradients: the paired ratio of every workload, and the region that is wanted."""
    if compared := [outcome for outcome in outcomes(rows) if outcome.sentence != LIMIT and outcome.metric != STEP]:
        sentences = [target.sentence for target in TARGETS if target.metric != STEP]
        yield Figure(
            "speed-peers",
            "Loss and all parameter gradients: the median of paired ratios with its 95% interval; below 1 is faster. "
            "The target is in green.",
            panel_figure(compared, sentences, count_met(compared)),
        )


def peer_step_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield a panel per comparison of whole steps."""
    if compared := [outcome for outcome in outcomes(rows) if outcome.metric == STEP]:
        sentences = [target.sentence for target in TARGETS if target.metric == STEP]
        yield Figure(
            "speed-steps",
            "Whole steps, the peers' with their own optimizers: the median of paired ratios with its 95% interval; "
            "below 1 is faster. The target is in green.",
            panel_figure(compared, sentences, f"Whole steps against peers: {count_met(compared)}"),
        )


def panel_figure(compared: list[Outcome], sentences: list[str], title: str) -> MatplotlibFigure:
    """Return a panel per sentence, a line per workload."""
    names = list(dict.fromkeys(outcome.workload for outcome in compared))
    sentences = list(dict.fromkeys(sentences))
    columns = min(COLUMNS, len(sentences))
    lines = -(-len(sentences) // columns)
    height = 1.5 + 0.24 * len(names) + FRAME / lines
    figure, panels = style.figure(lines, columns, height=height, sharey=True, sharex=True)
    for axes, sentence in zip(panels.flat, sentences, strict=False):
        compare(axes, sentence, [outcome for outcome in compared if outcome.sentence == sentence], names)
    for axes in panels[-1]:
        style.log_axis(axes, "x", "times the other (paired)")
        style.values_axis(axes, "x", RATIOS)
        axes.set_xlim(*EDGES)
    style.title(figure, title)
    target = style.line_key("target", color=STABLE, linewidth=7, alpha=0.3)
    style.backend_legend(figure, [outcome.backend for outcome in compared], extra=[target])
    return figure


def compare(axes: Axes, sentence: str, compared: list[Outcome], names: list[str]) -> None:
    """Draw one comparison, the workloads from top to bottom."""
    axes.set_title(sentence.replace(", against", ",\nagainst").replace("against the", "against\nthe"), fontsize=10.5)
    axes.axvline(1.0, color=INK, linewidth=1.0, zorder=1)
    bounds = {names.index(o.workload): o.bound - 1e-3 for o in compared if not np.isnan(o.bound)}
    axes.barh(list(bounds), list(bounds.values()), left=1e-3, height=0.8, color=STABLE, alpha=0.13, zorder=0)
    if compared:
        ratios = pd.DataFrame(
            {"backend": o.backend, "place": names.index(o.workload)} | dict(zip(ENDS, ends(o.ratio), strict=True))
            for o in compared
        )
        ratios = side_by_side(ratios, 0.5)
        bars(axes, ratios, "low", "high", linewidth=2.2)
        style.points(axes, ratios, "median", "place")
        axes.collections[-1].set_clip_on(False)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)


def ends(ratio: Interval) -> np.ndarray:
    """Return the low end, the median and the high end, none beyond the edges of the axis."""
    return np.clip([ratio.low, ratio.median, ratio.high], *EDGES)


def limit_figure(rows: pd.DataFrame) -> Iterator[Figure]:
    """Yield the share of each backend's gradient that its products take, workload by workload."""
    workload_shares = list(shares(rows))
    if not workload_shares:
        return
    points = pd.DataFrame(
        {"backend": name, "place": place, "share": share.alone / time}
        for place, share in enumerate(workload_shares)
        for name, time in share.gradient.items()
    )
    figure, ((axes,),) = style.figure(height=1.6 + 0.42 * len(workload_shares))
    style.points(axes, side_by_side(points, 0.6), "share", "place", size=7.5)
    axes.set_yticks(range(len(workload_shares)), [share.workload for share in workload_shares])
    axes.set_ylim(len(workload_shares) - 0.5, -0.5)
    style.log_axis(axes, "x", "products alone, as a share of the gradient's time")
    style.values_axis(axes, "x", SHARES)
    axes.axvline(1.0, color=INK, linewidth=1.0, zorder=1)
    parts = ", ".join(f"{share.of_fastest:.0%} in {share.workload}" for share in workload_shares)
    style.title(figure, f"Matrix products alone take, of the fastest gradient's time, {parts}")
    style.backend_legend(figure, list(points["backend"]))
    yield Figure(
        "speed-limit",
        "Time of the matrix products by themselves, each at the best rate that any library reaches here, over the time "
        "of the loss and all parameter gradients: at 1 nothing but the products would take time.",
        figure,
    )
