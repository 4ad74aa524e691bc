"""The figures of exact-time: the largest singular value of dh_T/dh_t against the lag, and its k-th root."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours

from gradsuite_experiments.common.frames import by_backend, levels, places, tally, trials, values, where

Law = Callable[[str, int, float, int], np.ndarray]
Limit = Callable[[Any, np.ndarray], np.ndarray]
TITLES = {
    "orthogonal": "orthogonal W: every length alike",
    "symmetric": "symmetric W: normal, so the bound is the law",
    "gaussian": "Gaussian W: the bound is far off",
    "jordan": "Jordan blocks: grows first, whatever the radius",
}
BOUND = {"color": MUTED, "linestyle": "--", "linewidth": 1.1}


def norms(rows: pd.DataFrame, claims: Sequence[Claim], law: Law) -> Figure:
    """Draw the largest singular value against the lag, one panel a kind of matrix, one line a spectral radius."""
    kinds = [kind for kind in TITLES if kind in set(rows["matrix"])]
    drawn, axes = style.figure(-(-len(kinds) // 2), min(len(kinds), 2), height=3.4, sharex=True, sharey=True)
    panels = dict(zip(kinds, axes.flat, strict=False))
    ends = {kind: draw_norms(ax, where(rows, matrix=kind), law) for kind, ax in panels.items()}
    low, high = axes[0, 0].get_ylim()
    for kind, ax in panels.items():
        draw_bounds(ax, where(rows, matrix=kind), law)
        ax.set_ylim(min(low, 0.05), max(high, 20.0))
        style.regions(ax, (0.5, 2.0))
        style.label_ends(ax, ends[kind])
        ax.set_title(TITLES[kind])
    for ax in axes.flat[len(kinds) :]:
        ax.remove()
    for ax in axes[:, 0]:
        ax.set_ylabel("sigma_max of dh_T/dh_t")
    for ax in axes[-1]:
        ax.set_xlabel("lag T - t in steps")
    keys = [style.line_key("sigma_max(W^k)"), style.line_key("bound: sigma_max(W)^k", **BOUND)]
    style.backend_legend(drawn, [b for b, _ in by_backend(rows)], extra=keys)
    finding = "Gradients through time are scaled by the powers of W"
    style.title(drawn, tally(claims, finding, "A power law is broken"))
    caption = "Linear RNN: largest singular value of dh_T/dh_t by lag, for matrices of one spectral radius and very "
    caption += "different ways to it. Lines are sigma_max(W^k), dashes the bound sigma_max(W)^k."
    return Figure("exact-time", caption, drawn)


def draw_norms(ax: Any, rows: pd.DataFrame, law: Law) -> list[tuple[float, str]]:
    """Draw one kind of matrix, law and points for each radius; return where lines end, named."""
    ends = draw_lines(ax, rows, law, lambda norm, k, at: norm, "radius {radius:g}", along="radius")
    style.log_axis(ax, "x", "")
    style.log_axis(ax, "y", "")
    return ends


def draw_bounds(ax: Any, rows: pd.DataFrame, law: Law) -> None:
    """Draw sigma_max(W)^k for each radius."""
    for _, at, _ in trials(rows):
        lags = np.geomspace(1, at["lags"], 200)
        with np.errstate(over="ignore"):
            bound = law(at["matrix"], at["hidden_size"], at["radius"], at["lags"])[1] ** lags
        ax.plot(lags, bound, zorder=1, **BOUND)


def roots(rows: pd.DataFrame, claims: Sequence[Claim], law: Law, limit: Limit) -> Figure:
    """Draw the k-th root of the largest singular value at the least radius, and how far above that radius it is."""
    radius = levels(rows, "radius")[0]
    own = where(rows, radius=radius)
    own = own.assign(kind=own["matrix"].where(own["matrix"].isin(["gaussian", "jordan"]), "normal"))
    detours = own[own["kind"] != "normal"]
    drawn, axes = style.figure(1, 2 if len(detours) else 1, height=4.2)
    ends = draw_lines(axes[0, 0], own, law, lambda norm, k, at: norm ** (1.0 / k), "{kind}", along="kind")
    axes[0, 0].axhline(radius, **BOUND)
    axes[0, 0].set(ylabel="k-th root of sigma_max(W^k)", title=f"factor per step, spectral radius {radius:g}")
    axes[0, 0].margins(y=0.15)  # room for the region's name above the first points
    style.regions(axes[0, 0], (1.0, 1.0))
    style.label_ends(axes[0, 0], ends)
    if len(detours):
        draw_excess(axes[0, 1], detours, law, limit)
    for ax in axes[0]:
        style.log_axis(ax, "x", "lag k in steps")
    keys = [style.line_key("theory"), style.line_key("its limit", **BOUND)]
    style.backend_legend(drawn, [b for b, _ in by_backend(rows)], extra=keys)
    finding = "The spectral radius rules, but only in the end"
    style.title(drawn, tally([c for c in claims if "root" in c.sentence], finding, "Gelfand's limit is missed"))
    caption = "Factor per step of the gradient over k steps, sigma_max(W^k)^(1/k): it starts at the largest singular "
    caption += "value of W and tends to the spectral radius (Gelfand), which it never leaves where W is normal. Right: "
    caption += "the distance, and its bounds ln cond(V) / k (gaussian) and ln(1 + k c / rho) / k (Jordan blocks)."
    return Figure("exact-time-roots", caption, drawn)


def draw_excess(ax: Any, rows: pd.DataFrame, law: Law, limit: Limit) -> None:
    """Draw how far ln sigma_max(W^k) / k is above the logarithm of the spectral radius, and its bounds."""
    ends = draw_lines(
        ax, rows, law, lambda norm, k, at: np.log(norm) / k - np.log(at["radius"]), "{kind}", along="kind"
    )
    for _, at, _ in trials(rows):
        k = np.arange(1, at["lags"] + 1)
        ax.plot(k, limit(at, k), zorder=1, **BOUND)
    style.log_axis(ax, "y", "ln sigma_max(W^k) / k - ln radius")
    style.label_ends(ax, ends)
    ax.set_title("what is left of the start: at most the dashes")


def draw_lines(
    ax: Any, rows: pd.DataFrame, law: Law, of: Callable[[Any, Any, Any], Any], label: str, *, along: str
) -> list[tuple[float, str]]:
    """Draw theory and points of something of singular value, lag and settings; return where lines end, named."""
    names = list(dict.fromkeys(rows[along]))
    colours = dict(zip(names, ordered_colours(len(names)), strict=True))
    backends = [backend for backend, _ in by_backend(rows)]
    ends: dict[str, float] = {}
    for backend, at, cell in trials(rows):
        k = np.arange(1, at["lags"] + 1)
        line = of(law(at["matrix"], at["hidden_size"], at["radius"], at["lags"])[1:], k, at)
        if label.format(**at) not in ends:
            style.theory(ax, k, line, color=colours[at[along]])
            ends[label.format(**at)] = line[-1]
        own = slice(backends.index(backend), None, len(backends))
        lags = places(cell, "sigma_max")[own]
        style.measured(ax, lags, of(values(cell, "sigma_max")[own], lags, at), backend)
    return [(end, name) for name, end in ends.items()]
