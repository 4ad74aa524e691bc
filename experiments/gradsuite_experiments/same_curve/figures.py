"""Losses of one training, and how far each backend's are from the twin's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, backend_colour

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import by_backend, measured, tally, trials, values, where
from gradsuite_experiments.same_curve import laws

LEAST = 1e-18  # drawn in place of no difference at all


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Return the figure: a column for each regime, the loss above and the difference below."""
    rows = measured(rows)
    regimes = [regime for regime in laws.REGIMES if regime in set(rows["regime"])]
    canvas, axes = style.figure(2, len(regimes), height=3.0, sharex=True, sharey="row")
    for column, regime in enumerate(regimes):
        of_regime = where(rows, regime=regime)
        for backend, of_backend in by_backend(of_regime):
            draw_differences(axes[1, column], backend, of_backend)
        _, _, first = next(trials(of_regime))
        loss = values(first, laws.LOSS)
        style.theory(axes[0, column], np.arange(len(loss)), loss)
        gain, lr = laws.REGIMES[regime]
        axes[0, column].set_title(f"{regime}: gain {gain:g}, learning rate {lr:g}")
        axes[1, column].set_xlabel("update")
        axes[1, column].axhline(laws.AGREED, color=MUTED, linestyle=":", linewidth=1.2)
    axes[0, 0].set_ylabel("loss")
    style.log_axis(axes[1, 0], "y", "difference from the exact loss")
    keys = [style.line_key("exact, in extended precision"), style.line_key("1e-8", color=MUTED, linestyle=":")]
    style.backend_legend(canvas, set(rows["backend"]), extra=keys)
    style.title(canvas, tally(claims, "One training has one loss curve, until chaos parts it", "Loss curves part"))
    caption = (
        f"A tanh network of {rows['hidden_size'].max()} units on the adding problem over {rows['length'].max()} steps, "
        "trained by clipped gradient descent in float64 from the same parameters and batches. Above the loss of a twin "
        "in extended precision; below each backend's distance from it, by update."
    )
    return Figure("same-curve", caption + folded(rows, "regime"), canvas)


def draw_differences(axes: Any, backend: str, rows: pd.DataFrame) -> None:
    """Draw the differences of one backend's trials, a line each."""
    for _, _, trial in trials(rows):
        differences = np.maximum(values(trial, laws.DIFFERENCE), LEAST)
        axes.plot(np.arange(len(differences)), differences, color=backend_colour(backend), linewidth=1.2, alpha=0.8)
