"""The figure of clipping: length and direction of the clipped gradient against the gain, a line for each rule."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from matplotlib.axes import Axes

from gradsuite_experiments.clipping.laws import COSINE, COSINE_LAW, GAIN, LENGTH, LENGTH_LAW, NORM, RULES
from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import levels, members, tally, trials, where

UNCLIPPED: dict[str, Any] = {"color": MUTED, "linestyle": "--", "linewidth": 1.1}


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw length and cosine by gain, one row per limit."""
    networks = pd.concat(
        members(trial).assign(backend=backend, rule=at["rule"], limit=at["limit"])
        for backend, at, trial in trials(rows)
    )
    limits = levels(networks, "limit")
    figure, axes = style.figure(len(limits), 2, height=4.2, sharex=True)
    for (lengths, cosines), limit in zip(axes, limits, strict=True):
        draw_lengths(lengths, where(networks, limit=limit))
        lengths.set_title(f"clipped at {limit:g}")
        draw_cosines(cosines, where(networks, limit=limit))
    for panel in axes[-1]:
        panel.set_xlabel("recurrent gain")
    keys: list[style.Key] = [
        style.lines_key("the rule's law", ordered_colours(len(RULES))),
        style.line_key("unclipped", **UNCLIPPED),
    ]
    style.backend_legend(figure, networks["backend"], extra=keys)
    finding = "Clipping by value turns a gradient, clipping by norm does not"
    style.title(figure, tally(claims, finding, "A rule of clipping is broken"))
    caption = (
        "Gradient of a linear RNN with orthogonal weights by recurrent gain, clipped by global norm, by unit and by "
        "value. Left: its length. Right: the cosine of the angle by which clipping turns it."
    )
    return Figure("clipping", caption + folded(rows, "rule", "limit"), figure)


def draw_lengths(axes: Axes, networks: pd.DataFrame) -> None:
    """Draw the clipped gradient's length against the gain, and the unclipped one's as the first trial has it."""
    unclipped = networks.groupby(GAIN)[NORM].first()
    axes.plot(unclipped.index, unclipped, zorder=1, **UNCLIPPED)
    ends = draw_rules(axes, networks, LENGTH, LENGTH_LAW)
    style.log_axis(axes, "y", "length of the gradient")
    axes.set_ylim(bottom=axes.get_ylim()[0] / 30.0)  # room for the regions' names
    style.regions(axes, (1.0, 1.0), along="x")
    style.label_ends(axes, [*ends, (float(unclipped.iloc[-1]), "unclipped")])


def draw_cosines(axes: Axes, networks: pd.DataFrame) -> None:
    """Draw the cosine of the angle by which clipping turns the gradient against the gain."""
    ends = draw_rules(axes, networks, COSINE, COSINE_LAW)
    axes.set(ylim=(0.0, 1.08), ylabel="cosine with the unclipped", title="1: the direction is kept")
    style.regions(axes, (1.0, 1.0), along="x")
    style.label_ends(axes, ends)


def draw_rules(axes: Axes, networks: pd.DataFrame, metric: str, law: str) -> list[tuple[float, str]]:
    """Draw each rule's law and points; return where the lines end, named."""
    ends: list[tuple[float, str]] = []
    for rule, colour in zip(RULES, ordered_colours(len(RULES)), strict=True):
        line = where(networks, rule=rule).groupby(GAIN)[law].first()
        if len(line):
            style.theory(axes, line.index, line, color=colour)
            ends.extend((float(end), f"by {rule}") for end in line[np.isfinite(line)].iloc[-1:])
    style.points(axes, style.thinned(networks, GAIN, curve=["rule"]), GAIN, metric)
    return ends
