"""Time to each target over the fastest backend's, and the performance profile over all targets."""

import numpy as np
import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import backend_colour, backend_order
from matplotlib.axes import Axes

from gradsuite_experiments.common.frames import where
from gradsuite_experiments.time_to_target.findings import outcomes
from gradsuite_experiments.time_to_target.workloads import WORKLOADS


def draw(rows: pd.DataFrame) -> Figure:
    """Return the figure."""
    found = outcomes(rows)
    targets = [name for name in WORKLOADS if name in set(found["target"])]
    canvas, ((times, profile),) = style.figure(1, 2, height=2.4 + 0.6 * len(targets))
    there = found[found["ratio"].notna()]
    points = there.assign(
        place=there["target"].map({name: float(place) for place, name in enumerate(targets)}),
        ratio_median=[one.median for one in there["ratio"]],
        low=[one.low for one in there["ratio"]],
        high=[one.high for one in there["ratio"]],
    )
    points = style.dodged(points, "place", step=0.17)
    times.hlines(
        points["place"], points["low"], points["high"], colors=points["backend"].map(backend_colour), linewidth=1.5
    )
    style.points(times, points, "ratio_median", "place", size=7)
    style.log_axis(times, "x", "time over the fastest backend's")
    times.set_yticks(range(len(targets)), [WORKLOADS[name].title for name in targets])
    times.set_ylim(len(targets) - 0.5, -0.5)
    draw_profile(profile, points, len(found.groupby(["target", "seed"])))
    style.backend_legend(canvas, set(found["backend"]))
    style.title(canvas, "Time to a target: trainings side by side, from the same parameters and batches")
    caption = (
        "Left: seconds of steps alone until the target is reached, over those of the fastest backend: paired ratios, "
        "round by round, with their intervals. Right: the share of targets that a backend reaches within a multiple of "
        "the fastest time (the performance profile of Dolan & Moré 2002, which AlgoPerf scores by)."
    )
    return Figure("time-to-target", caption, canvas)


def draw_profile(axes: Axes, points: pd.DataFrame, targets: int) -> None:
    """Draw each backend's share of targets reached within a multiple of the fastest time."""
    most = max(2.0, 1.1 * float(points["ratio_median"].max()))
    multiples = np.geomspace(1.0, most, 200)
    for backend in backend_order(list(points["backend"])):
        ratios = where(points, backend=backend)["ratio_median"].to_numpy(float)
        shares = (ratios[:, np.newaxis] <= multiples).sum(axis=0) / targets
        axes.step(multiples, shares, where="post", color=backend_colour(backend), linewidth=1.8)
    style.log_axis(axes, "x", "multiple of the fastest time")
    axes.set(ylim=(0.0, 1.05), ylabel="share of targets reached")
