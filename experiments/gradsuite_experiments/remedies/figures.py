"""The figures of remedies: horizons beside what a step costs, and gradients against the lag."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import INK, MUTED, backend_colour, ordered_colours

from gradsuite_experiments.common.frames import by_backend, tally, trials, value, values, where
from gradsuite_experiments.common.horizon import HORIZON_FACTOR

ABSENT = "Residual and normalised networks are not among them: the suite's models have none."


def horizons(
    rows: pd.DataFrame, claims: Sequence[Claim], titles: Mapping[str, str], theory: Callable[[str, Any], float]
) -> Figure:
    """Draw one row a remedy: the horizon before and after training, and seconds a step over those of plain tanh."""
    shown = [remedy for remedy in titles if remedy in set(rows["remedy"])]
    timed = bool((rows["metric"] == "seconds").any())
    drawn, axes = style.figure(1, 1 + timed, height=1.6 + 0.5 * len(shown), sharey=True)
    backends = [backend for backend, _ in by_backend(rows)]
    plain = {b: np.median(values(cell, "seconds")) for b, _, cell in trials(where(rows, remedy="tanh")) if timed}
    for backend, at, cell in trials(rows):
        place = shown.index(at["remedy"])
        own = place + 0.22 * (backends.index(backend) - (len(backends) - 1) / 2)
        hollow: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": backend_colour(backend)}
        found = values(cell, "horizon")
        axes[0, 0].hlines(own, found.min(), found.max(), color=backend_colour(backend), linewidth=1.2, alpha=0.7)
        style.measured(axes[0, 0], np.median(found), own, backend, **hollow, markersize=7)
        if at["steps"]:
            style.measured(axes[0, 0], value(cell, "horizon_trained"), own, backend)
        if backend in plain:
            style.measured(axes[0, 1], np.median(values(cell, "seconds")) / plain[backend], own, backend)
        if backend == backends[0]:
            far = theory(at["remedy"], at)
            axes[0, 0].vlines(far, place - 0.4, place + 0.4, color=INK, linewidth=1.6, zorder=2)
    start = float(rows["length"].max()) - 1
    axes[0, 0].axvline(start, color=MUTED, linestyle=":", linewidth=1.2)
    axes[0, 0].set(xlim=(0, 1.06 * start), xlabel=f"horizon: lag with 1/{HORIZON_FACTOR:g} of the gradient")
    axes[0, 0].set_yticks(range(len(shown)), [titles[remedy] for remedy in shown])
    axes[0, 0].set_ylim(len(shown) - 0.5, -0.5)
    if timed:
        axes[0, 1].axvline(1.0, color=MUTED, linestyle=":", linewidth=1.2)
        axes[0, 1].set_xlim(left=0.0)
        axes[0, 1].set_xlabel("time of a training step over plain tanh's")
    keys = [style.line_key("theory"), style.line_key("start of the sequence", color=MUTED, linestyle=":")]
    ring: dict[str, Any] = {"color": MUTED, "marker": "o", "linestyle": "none"}
    keys.append(style.line_key("at initialisation", markerfacecolor="none", markersize=7, **ring))
    if timed:
        keys.append(style.line_key("trained", **ring))
    style.backend_legend(drawn, backends, extra=keys)
    style.title(drawn, tally(claims, finding(rows, titles), "A horizon is not where theory has it"))
    steps = f"filled after {rows['steps'].max():g} steps of Adam, " if timed else ""
    caption = (
        "The temporal order task with each remedy: horizon of the state gradient (c of an LSTM, h else), hollow at "
    )
    caption += f"initialisation (median and range over networks), {steps}theory as ink; beside it a step's cost. "
    return Figure("remedies", caption + ABSENT, drawn)


def finding(rows: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Return which remedies reach the start of the sequence at initialisation, and how far plain tanh does."""
    start = rows["length"].max() - 1
    nearest = {
        remedy: min(values(cell, "horizon").min() for _, _, cell in trials(where(rows, remedy=remedy)))
        for remedy in titles
        if remedy in set(rows["remedy"])
    }
    whole = ", ".join(titles[remedy] for remedy, far in nearest.items() if far >= start) or "no remedy"
    plain = f"; {nearest['tanh']:.0f} with plain tanh" if "tanh" in nearest else ""
    return f"Gradients reach back {start:g} steps with {whole}{plain}"


def curves(
    rows: pd.DataFrame,
    claims: Sequence[Claim],
    titles: Mapping[str, str],
    law: Callable[[str, Any], np.ndarray | None],
) -> Figure:
    """Draw the gradient at initialisation against the lag, one line a remedy."""
    drawn, axes = style.figure(1, 1, height=5.2)
    ax = axes[0, 0]
    backends = [backend for backend, _ in by_backend(rows)]
    # Clipping leaves these gradients alone: its curve is that of plain tanh.
    alike = {"tanh", "clipping"} <= set(rows["remedy"])
    shown = [remedy for remedy in titles if remedy in set(rows["remedy"]) and not (alike and remedy == "clipping")]
    ends, low = [], 1e-5
    for remedy, colour in zip(shown, ordered_colours(len(shown)), strict=True):
        for backend, at, cell in trials(where(rows, remedy=remedy)):
            curve = values(cell, "gradient")
            lags, rank = np.arange(len(curve)), backends.index(backend)
            if backend == backends[0]:
                ax.plot(lags, curve, color=colour, linewidth=1.5)
                expected = law(remedy, at)
                if expected is not None:
                    style.theory(ax, lags, expected, linestyle="--", linewidth=1.0)
                name = titles[remedy] + (", clipped or not" if alike and remedy == "tanh" else "")
                ends.append((float(curve[-1]), name))
            own = slice(1 + 3 * rank, None, 3 * len(backends))
            style.measured(ax, lags[own], curve[own], backend, markersize=4)
    style.log_axis(ax, "y", "gradient over that at T")
    ax.set_ylim(low, max(100.0, 2.0 * max(end for end, _ in ends)))
    ax.axhline(1.0 / HORIZON_FACTOR, color=MUTED, linestyle=":", linewidth=1.2)
    style.regions(ax, (1.0 / HORIZON_FACTOR, 10.0))
    style.label_ends(ax, ends)
    ax.set_xlabel("lag T - t in steps")
    keys = [style.line_key("theory", linestyle="--"), style.line_key("horizon", color=MUTED, linestyle=":")]
    style.backend_legend(drawn, backends, extra=keys)
    held = tally(claims, "Biased gates and identity weights carry gradients far, tanh does not", "A law is broken")
    style.title(drawn, held)
    caption = (
        "State gradient at initialisation against the lag (root mean square over networks, c of an LSTM, h else), "
    )
    caption += f"one line a remedy; the horizon is where 1/{HORIZON_FACTOR:g} is left. "
    return Figure("remedies-curves", caption + ABSENT, drawn)
