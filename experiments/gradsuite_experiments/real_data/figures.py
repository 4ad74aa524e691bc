"""Scores on the test beside simple answers: a panel for each data set."""

from collections.abc import Mapping, Sequence
from math import ceil

import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, backend_colour
from gradsuite.tasks.task import Task
from matplotlib.axes import Axes

from gradsuite_experiments.common.frames import measured, tally, where
from gradsuite_experiments.real_data.findings import outcomes
from gradsuite_experiments.real_data.recipes import STUDIES

COLUMNS = 2


def draw(rows: pd.DataFrame, claims: Sequence[Claim], tasks: Mapping[str, Task]) -> Figure:
    """Return the figure: a point per backend, its range over seeds, and a line per simple answer."""
    found = outcomes(measured(rows))
    present = [name for name in STUDIES if name in set(found["data"])]
    canvas, axes = style.figure(ceil(len(present) / COLUMNS), COLUMNS, height=2.6)
    for place, data in enumerate(present):
        draw_data(axes[place // COLUMNS, place % COLUMNS], where(found, data=data), tasks[data])
        axes[place // COLUMNS, place % COLUMNS].set_title(STUDIES[data].title)
    for place in range(len(present), axes.size):
        axes[place // COLUMNS, place % COLUMNS].set_visible(False)
    style.backend_legend(
        canvas, set(found["backend"]), extra=[style.line_key("simple answers", color=MUTED, linestyle=":")]
    )
    style.title(canvas, tally(claims, "What networks learn of real data", "Networks miss what is claimed of real data"))
    caption = (
        "Score on the test, a panel for each data set: mean over seeds and, as a bar, their range. Dotted: what simple "
        "answers score. More is better where the score is an accuracy; less where it is an error or a number of bits."
    )
    return Figure("real-data", caption, canvas)


def draw_data(axes: Axes, of_data: pd.DataFrame, task: Task) -> None:
    """Draw one data set's scores."""
    points = of_data.reset_index(drop=True)
    points = points.assign(place=points.index.astype(float))
    colours = [backend_colour(backend) for backend in points["backend"]]
    axes.hlines(points["place"], points["low"], points["high"], colors=colours, linewidth=2.0)
    style.points(axes, points, "mean", "place", size=7)
    for name, score in of_data["baselines"].iloc[0].items():
        axes.axvline(score, color=MUTED, linestyle=":", linewidth=1.2)
        axes.annotate(name, (score, 1.0), (2, -2), xycoords=("data", "axes fraction"), textcoords="offset points",
                      rotation=90, va="top", fontsize=style.LABEL_SIZE - 2, color=MUTED)  # fmt: skip
    axes.set(ylim=(len(points) - 0.5, -0.5 - 1.5 * len(points)), yticks=[], xlabel=task.score.name)
