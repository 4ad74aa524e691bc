"""The figures of remedies: horizons beside what a step costs, and gradients against the lag."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import INK, MUTED, backend_colour, ordered_colours
from gradsuite.theory.horizon import HORIZON_FACTOR

from gradsuite_experiments.common.frames import by_backend, listed, measured, tally, trials, value, values, where
from gradsuite_experiments.remedies import laws
from gradsuite_experiments.remedies.cost import cost
from gradsuite_experiments.remedies.networks import PLAIN, REMEDIES

IN_DEPTH = "Residual layers are a layer for each step, and their lags layers."
COSTS = (
    "beside it the time of a training step over plain tanh's, each timed in the same rounds: median and 95% interval, "
    "hollow where more than half of the rounds were disturbed"
)
LOWEST = 1e-5  # gradient shown


def horizons_figure(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw one line per remedy: the horizon before and after training, and seconds per step over plain tanh's."""
    remedies = present(rows)
    timed = bool((rows["metric"] == laws.SECONDS_PLAIN).any())
    figure, axes = style.figure(1, 1 + timed, height=1.6 + 0.5 * len(remedies), sharey=True)
    draw_theory(axes[0, 0], rows, remedies)
    points = style.dodged(horizons(rows, remedies), "place", step=0.22)
    colours = points["backend"].map(backend_colour)
    axes[0, 0].hlines(points["place"], points["low"], points["high"], colors=colours, linewidth=1.2, alpha=0.7)
    style.points(axes[0, 0], points, "horizon", "place", hollow=True, size=7)
    start = float(rows["length"].max()) - 1
    axes[0, 0].axvline(start, color=MUTED, linestyle=":", linewidth=1.2)
    axes[0, 0].set(xlim=(0, 1.06 * start), xlabel=f"horizon: lag at which 1/{HORIZON_FACTOR:g} of the gradient is left")
    keys = [style.line_key("theory"), style.line_key("start of the sequence", color=MUTED, linestyle=":")]
    ring: dict[str, Any] = {"color": MUTED, "marker": "o", "linestyle": "none"}
    keys.append(style.line_key("at initialisation", markerfacecolor="none", markersize=7, **ring))
    if timed:
        style.points(axes[0, 0], points, "trained", "place", size=5)
        draw_costs(axes[0, 1], points.dropna(subset="cost"))
        keys.append(style.line_key("trained", **ring))
    axes[0, 0].set_yticks(range(len(remedies)), [REMEDIES[remedy].title for remedy in remedies])
    axes[0, 0].set_ylim(len(remedies) - 0.5, -0.5)
    style.backend_legend(figure, set(points["backend"]), extra=keys)
    style.title(figure, tally(claims, farthest(rows, remedies), "A horizon is not where theory has it"))
    trained = f", filled after {rows['training_steps'].max():g} steps of Adam" if timed else ""
    beside = f"; {COSTS}" if timed else ""
    return Figure(
        "remedies",
        "The temporal order task with each remedy: horizon of the state gradient (c of an LSTM, both parts of an LRU, "
        f"else h), hollow at initialisation (mean and range over networks){trained}; ink is theory. On the dotted "
        f"line a horizon is at least that: the gradient has not fallen so far where the sequence begins{beside}. "
        f"{IN_DEPTH}",
        figure,
    )


def present(rows: pd.DataFrame) -> list[str]:
    """Return the remedies among the rows, in the order of REMEDIES."""
    return [remedy for remedy in REMEDIES if remedy in set(rows["remedy"])]


def horizons(rows: pd.DataFrame, remedies: Sequence[str]) -> pd.DataFrame:
    """Return a row per trial: the horizon's mean and range, that of the trained network, and the cost of a step."""
    lines: list[dict[str, Any]] = []
    for backend, settings, trial in trials(rows):
        networks = values(trial, laws.HORIZON, along="member")
        line = {"backend": backend, "remedy": settings["remedy"], "place": remedies.index(settings["remedy"])}
        line |= {"horizon": networks.mean(), "low": networks.min(), "high": networks.max()}
        line |= {"trained": value(trial, laws.HORIZON_TRAINED)}
        if taken := cost(trial):
            ratio = taken.ratio
            line |= {"cost": ratio.median, "cheapest": ratio.low, "dearest": ratio.high, "unsettled": taken.unsettled}
        lines.append(line)
    return pd.DataFrame(lines)


def draw_costs(ax: Any, points: pd.DataFrame) -> None:
    """Draw what a step costs over plain tanh's, with its interval; hollow where most rounds were disturbed."""
    for unsettled, alike in points.groupby("unsettled"):
        colours = alike["backend"].map(backend_colour)
        ax.hlines(alike["place"], alike["cheapest"], alike["dearest"], colors=colours, linewidth=1.2, alpha=0.7)
        style.points(ax, alike, "cost", "place", size=5, hollow=bool(unsettled))
    ax.axvline(1.0, color=MUTED, linestyle=":", linewidth=1.2)
    ax.set_xlim(left=0.0)
    ax.set_xlabel("time per training step over plain tanh's")


def draw_theory(ax: Any, rows: pd.DataFrame, remedies: Sequence[str]) -> None:
    """Mark each remedy's horizon by theory, where it has one."""
    for place, remedy in enumerate(remedies):
        for _, settings in measured(where(rows, remedy=remedy)).drop_duplicates(["length", "hidden_size"]).iterrows():
            ax.vlines(laws.theory(remedy, settings), place - 0.4, place + 0.4, color=INK, linewidth=1.6, zorder=2)


def farthest(rows: pd.DataFrame, remedies: Iterable[str]) -> str:
    """Return which remedies reach the start of the sequence at initialisation, and how far plain tanh does."""
    start = rows["length"].max() - 1
    every = rows[rows["metric"] == laws.HORIZON].groupby("remedy")["value"]
    least, mean = every.min(), every.mean()
    reaching = [REMEDIES[remedy].title for remedy in remedies if least.get(remedy, 0.0) >= start]
    plain = f"; {mean[PLAIN]:.1f} with plain tanh" if PLAIN in mean else ""
    return f"Gradients reach back {start:g} steps with {listed(reaching) or 'no remedy'}{plain}"


def curves_figure(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw the gradient at initialisation against the lag, one line per remedy."""
    figure, axes = style.figure(1, 1, height=5.2)
    ax = axes[0, 0]
    rows = measured(rows)
    # Clipping leaves these gradients alone: its curve is that of plain tanh.
    alike = {"tanh", "clipping"} <= set(rows["remedy"])
    remedies = [remedy for remedy in present(rows) if not (alike and remedy == "clipping")]
    backends = [backend for backend, _ in by_backend(rows)]
    curves = []
    for remedy, colour in zip(remedies, ordered_colours(len(remedies)), strict=True):
        rows_of_remedy = where(rows, remedy=remedy)
        first = next(backend for backend in backends if backend in set(rows_of_remedy["backend"]))
        for _, settings, trial in trials(where(rows_of_remedy, backend=first)):
            curve = values(trial, laws.GRADIENT)
            ax.plot(np.arange(len(curve)), curve, color=colour, linewidth=1.5)
            expected = laws.curve_law(remedy, settings)
            if expected is not None:
                style.theory(ax, np.arange(len(curve)), expected, linestyle="--", linewidth=1.0)
            clipped = ", clipped or not" if alike and remedy == "tanh" else ""
            curves.append((np.arange(len(curve)), curve, REMEDIES[remedy].title + clipped))
    points = rows[(rows["metric"] == laws.GRADIENT) & (rows["index"] > 0) & rows["remedy"].isin(remedies)]
    style.points(ax, style.thinned(points, "index", curve=["remedy"], shown=11), "index", "value", size=5)
    style.log_axis(ax, "y", "gradient over that at T")
    ax.set_ylim(LOWEST, max(100.0, 2.0 * max(curve[-1] for _, curve, _ in curves)))
    ax.axhline(1.0 / HORIZON_FACTOR, color=MUTED, linestyle=":", linewidth=1.2)
    style.regions(ax, (1.0 / HORIZON_FACTOR, 10.0))
    style.label_curves(ax, curves)
    ax.set_xlabel("lag T - t in steps")
    keys = [style.line_key("theory", linestyle="--"), style.line_key("horizon", color=MUTED, linestyle=":")]
    style.backend_legend(figure, backends, extra=keys)
    carried = "Biased gates, identity weights and linear units carry gradients far"
    style.title(figure, tally(claims, carried, "A law is broken"))
    return Figure(
        "remedies-curves",
        "State gradient at initialisation against the lag (root mean square over networks; c of an LSTM, both parts "
        f"of an LRU, else h), one line per remedy; the horizon is where 1/{HORIZON_FACTOR:g} is left. {IN_DEPTH}",
        figure,
    )
