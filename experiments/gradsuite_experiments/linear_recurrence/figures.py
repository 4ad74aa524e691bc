"""States, gradients and sensitivity against the eigenvalue, and mean squared gradients against the lag."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import ordered_colours
from gradsuite.theory import linear_recurrence as theory

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import measured, tally, trials, values, where
from gradsuite_experiments.linear_recurrence import laws

LAGS = 40  # that are drawn
LEAST = 1e-6  # of the squared gradient that is drawn


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure."""
    rows = measured(rows)
    canvas, ((sizes, growth, lags),) = style.figure(1, 3, height=4.2)
    of_lru = where(rows, cell="lru")
    if not of_lru.empty:
        draw_sizes(sizes, of_lru)
        draw_growth(growth, of_lru)
    draw_lags(lags, rows)
    keys = [style.line_key("law"), style.line_key("sum of squared gradients", linestyle="--")]
    style.backend_legend(canvas, set(rows["backend"]), extra=keys)
    finding = "Linear units keep gradients as their eigenvalues and gates say"
    style.title(canvas, tally(claims, finding, "A linear recurrence is not what its law says"))
    caption = (
        "Linear recurrences on white noise. Left: the mean square of an LRU's states by unit, and with gamma. Middle: "
        "the sum of a unit's squared gradients, which does not explode, and the mean square of ds/dlambda. Right: mean "
        "squared gradient by lag, over a ring of eigenvalues and over gates. Lines are exact."
    )
    return Figure("linear-recurrence", caption + folded(rows, "cell", "r_min", "r_max"), canvas)


def draw_sizes(axes: Any, rows: pd.DataFrame) -> None:
    """Draw E |s|^2 against |lambda|, without gamma and with it."""
    moduli = np.linspace(0.0, 0.98 * rows["r_max"].max() + 0.02, 100)
    for metric, law, name, place in (
        (laws.SIZE, theory.energy(np.maximum(moduli, 1e-9), 10**6), "without gamma: 1 / (1 - |λ|²)", (0.04, 0.55)),
        (laws.NORMALISED, np.ones_like(moduli), "with gamma", (0.04, 0.08)),
    ):
        style.theory(axes, moduli, law)
        points = by_unit(rows, metric)
        style.points(axes, style.thinned(points, "modulus", curve=["key"]), "modulus", "value")
        axes.text(*place, name, transform=axes.transAxes, fontsize=9.5)
    axes.set(xlabel="|λ|", ylabel="", title="E |s|² over E |Bu|²", ylim=(0.0, None))


def by_unit(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one row per unit shown: its modulus and the metric's value."""
    parts = [
        pd.DataFrame({"modulus": values(trial, laws.MODULUS), "value": values(trial, metric)}).assign(
            backend=backend, key=at["key"]
        )
        for backend, at, trial in trials(rows)
    ]
    return pd.concat(parts)


def draw_growth(axes: Any, rows: pd.DataFrame) -> None:
    """Draw energy and sensitivity against the eigenvalue."""
    eigenvalues = np.linspace(0.3, 0.93, 100)
    style.theory(axes, eigenvalues, theory.energy(eigenvalues, 10**6), linestyle="--")
    style.theory(axes, eigenvalues, [theory.sensitivity(one) for one in eigenvalues])
    energy = by_unit(rows, laws.ENERGY)
    style.points(axes, style.thinned(energy, "modulus", curve=["key"]), "modulus", "value")
    found = where(rows, metric=laws.SENSITIVITY)
    found = found.assign(eigenvalue=found["member"].map(dict(enumerate(laws.EIGENVALUES))))
    style.points(axes, style.dodged(found, "eigenvalue", step=0.02), "eigenvalue", "value")
    style.log_axis(axes, "y", "")
    axes.set(xlabel="|λ|", title="E (ds/dλ)², and gradients")


def draw_lags(axes: Any, rows: pd.DataFrame) -> None:
    """Draw the mean squared gradient against the lag, a line of theory for each cell and ring."""
    curves = rows[["cell", "r_min", "r_max"]].drop_duplicates().to_dict("records")
    several = len({curve["r_max"] for curve in curves}) > 1
    lags, named = np.arange(LAGS + 1), []
    for curve, colour in zip(curves, ordered_colours(len(curves)), strict=True):
        line = laws.curve(curve, lags)
        style.theory(axes, lags, line, color=colour)
        ring = f" {curve['r_max']:g}" if several and curve["cell"] == "lru" else ""
        named.append((lags, line, f"{curve['cell']}{ring}"))
    points = rows[(rows["metric"] == laws.SQUARE) & rows["index"].between(1, LAGS)]
    style.points(axes, style.thinned(points, "index", curve=["key"]), "index", "value")
    style.log_axis(axes, "y", "")
    axes.set_ylim(LEAST, 3.0)
    axes.set(xlabel="lag T - t in steps", title="E |dL/ds|² over that at T")
    style.label_curves(axes, named)
