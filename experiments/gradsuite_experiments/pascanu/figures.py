"""The share of networks that solve the task against T: a panel for each method and initialisation."""

from collections.abc import Sequence

import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import levels, listed, tally, where
from gradsuite_experiments.common.learning import outcomes
from gradsuite_experiments.pascanu import laws
from gradsuite_experiments.pascanu.findings import shares
from gradsuite_experiments.pascanu.networks import METHODS, STARTS


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure: methods from left to right, initialisations from top to bottom."""
    found = outcomes(rows)
    methods = [method for method in METHODS if method in set(found["method"])]
    starts = [start for start in STARTS if start in set(found["initialiser"])]
    height = 2.5 if len(starts) > 1 else 3.2  # one row has the title and the legend to itself
    canvas, panels = style.figure(len(starts), len(methods), height=height, sharex=True, sharey=True)
    last = 1.15 * found["length"].max()
    published = last > laws.PUBLISHED[0]  # else its line is out of sight
    for line, start in zip(panels, starts, strict=True):
        for axes, method in zip(line, methods, strict=True):
            of_one = where(found, method=method, initialiser=start)
            if method == "omega" and published:
                style.theory(axes, laws.PUBLISHED, (1.0, 1.0))
            gap = 0.03 * max(found["length"].max() - found["length"].min(), 10)
            style.points(axes, style.dodged(of_one, "length", step=gap), "length", "solved")
            style.values_axis(axes, "x", found["length"])
    panels[0, 0].set(ylim=(-0.07, 1.12), xlim=(0.0, last))
    panels[0, 0].set_yticks([0.0, 0.5, 1.0], ["none", "half", "all"])
    for axes in panels[-1]:
        axes.set_xlabel("steps T")
    for axes, method in zip(panels[0], methods, strict=True):
        axes.set_title(METHODS[method].title)
    for axes, start in zip(panels[:, 0], starts, strict=True):
        axes.set_ylabel(f"{start} weights")
    key = style.line_key(f"published: all, for T from {laws.PUBLISHED[0]} to {laws.PUBLISHED[1]}")
    style.backend_legend(canvas, set(found["backend"]), extra=[key] if published else [])
    style.title(canvas, tally(claims, longest(found, methods), "The methods' order is not the published one"))
    caption = (
        f"How many of {found['seeds'].max()} networks of {found['hidden_size'].max()} tanh units solve the temporal "
        f"order problem (99% right) within {found['updates'].max()} updates, against its length."
    )
    if published:
        caption += " The published line is of clipped SGD with Omega and basic weights, within 5,000,000 updates."
    return Figure("pascanu", caption + folded(rows, "method", "initialiser", "length"), canvas)


def longest(found: pd.DataFrame, methods: Sequence[str]) -> str:
    """Return up to which length each method solves the task with at least half of the networks."""
    said = []
    for method in methods:
        learnt = [T for T in levels(found, "length") if shares(found, T).get(method, 0.0) >= 0.5]
        said.append(f"{METHODS[method].title} " + (f"up to T = {learnt[-1]}" if learnt else "at no T"))
    return f"Most networks learn the order of two symbols with {listed(said)}"
