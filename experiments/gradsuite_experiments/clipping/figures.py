"""The figure of clipping: length and direction of the clipped gradient against the gain, a line for each rule."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours

from gradsuite_experiments.common.frames import by_backend, levels, members, tally, trials, where

RULES = ("norm", "unit", "value")
WHOLE = {"color": MUTED, "linestyle": "--", "linewidth": 1.1}


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw length and cosine by gain, one row a limit."""
    limits = levels(rows, "limit")
    drawn, axes = style.figure(len(limits), 2, height=4.2, sharex=True)
    for (lengths, cosines), limit in zip(axes, limits, strict=True):
        own = where(rows, limit=limit)
        for _, _, cell in list(trials(own))[:1]:
            whole = members(cell)
            lengths.plot(whole["gain"], whole["norm"], zorder=1, **WHOLE)
        ends = draw_rules(lengths, own, "length")
        style.log_axis(lengths, "y", "length of the gradient")
        lengths.set_ylim(bottom=lengths.get_ylim()[0] / 30.0)  # room for the regions' names
        lengths.set_title(f"limit {limit:g}")
        style.regions(lengths, (1.0, 1.0), along="x")
        style.label_ends(lengths, [*ends, (float(whole["norm"].iloc[-1]), "unclipped")])
        ends = draw_rules(cosines, own, "cosine")
        cosines.set(ylim=(0.0, 1.08), ylabel="cosine with the unclipped", title="1 is the same direction")
        style.regions(cosines, (1.0, 1.0), along="x")
        style.label_ends(cosines, ends)
    for ax in axes[-1]:
        ax.set_xlabel("recurrent gain")
    keys = [style.line_key("the rule's law"), style.line_key("unclipped", **WHOLE)]
    style.backend_legend(drawn, [backend for backend, _ in by_backend(rows)], extra=keys)
    finding = "Clipping by norm keeps a gradient's direction, by value not"
    style.title(drawn, tally(claims, finding, "A rule of clipping is broken"))
    caption = (
        "Gradient of a linear RNN with orthogonal weights by recurrent gain, clipped by global norm, by unit and by "
    )
    caption += "value. Left: its length. Right: the cosine of the angle by which clipping turns it."
    return Figure("clipping", caption, drawn)


def draw_rules(ax: Any, rows: pd.DataFrame, metric: str) -> list[tuple[float, str]]:
    """Draw law and points of every rule, backends at gains of their own; return where the lines end, named."""
    colours = dict(zip(RULES, ordered_colours(len(RULES)), strict=True))
    backends = [backend for backend, _ in by_backend(rows)]
    ends: dict[str, float] = {}
    for backend, at, cell in trials(rows):
        found = members(cell)
        if at["rule"] not in ends:
            law = found[f"{metric}_law"].to_numpy()
            style.theory(ax, found["gain"], law, color=colours[at["rule"]])
            ends[at["rule"]] = float(law[np.isfinite(law)][-1])
        own = slice(backends.index(backend), None, len(backends))
        style.measured(ax, found["gain"][own], found[metric][own], backend)
    return [(end, f"by {rule}") for rule, end in ends.items()]
