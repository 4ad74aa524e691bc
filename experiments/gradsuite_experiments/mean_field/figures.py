"""The figures of mean-field: slopes against theory, the phase plane of tanh, and gradients by layer."""

import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import EXPLODING, INK, VANISHING, backend_colour, ordered_colours
from gradsuite.theory.mean_field import MeanField, critical_point

from gradsuite_experiments.common.frames import by_backend, places, tally, trials, values, where

At = Any  # a cell's settings, a pandas Series
DEPTH_SCALES = (3.0, 10.0)


def slopes(
    rows: pd.DataFrame, claims: Sequence[Claim], theory: Callable[[At], float], tolerance: Callable[[At], float]
) -> Figure:
    """Draw measured slopes over ln chi_1, and what is left between them with the tolerance."""
    drawn, axes = style.figure(1, 2, height=4.4)
    whole, rest = axes[0]
    backends = [backend for backend, _ in by_backend(rows)]
    ends = [theory(at) for _, at, _ in trials(rows)]
    aside = 0.012 * (max(ends) - min(ends))
    for backend, at, cell in trials(rows):
        expected, found = theory(at), values(cell, "slope")
        error = 2.0 * found.std(ddof=1) / math.sqrt(len(found)) if len(found) > 1 else 0.0
        style.measured(whole, expected, found.mean(), backend)
        x = expected + aside * (backends.index(backend) - (len(backends) - 1) / 2)
        left = found.mean() - expected
        style.measured(rest, x, left, backend, low=left - error, high=left + error)
        allowed = tolerance(at)
    style.theory(whole, [min(ends), max(ends)], [min(ends), max(ends)])
    style.theory(rest, [min(ends), max(ends)], [0.0, 0.0])
    style.band(rest, [min(ends), max(ends)], [-allowed] * 2, [allowed] * 2)
    style.regions(whole, (0.0, 0.0), along="x")
    for ax, label in ((whole, "measured slope of ln |dL/dh|² a layer"), (rest, "measured minus theory")):
        ax.set_xlabel("theory: ln chi of the same layers")
        ax.set_ylabel(label)
    rest.set_title(f"bars: 2 standard errors; band: tolerance {allowed:.3f}")
    whole.set_title("every point of the plane, every initialisation")
    style.backend_legend(drawn, backends, extra=[style.line_key("mean-field theory")])
    style.title(
        drawn, tally(claims, "Gradients change by chi_1 a layer, as theory says", "Mean-field theory is missed")
    )
    caption = "Slope of the log squared gradient over the layers, mean over seeds, against mean-field theory."
    return Figure("mean-field-slopes", caption, drawn)


def plane(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw tanh's phase plane: the critical line, depth scales, what was measured, and where initialisations lie."""
    drawn, axes = style.figure(1, 1, height=5.0)
    ax = axes[0, 0]
    biases = np.linspace(0.0, 0.7, 60)
    critical = np.array([critical_point("tanh", b)[0] for b in biases])
    style.theory(ax, critical, biases)
    right = max(2.2, 1.1 * float(rows["sigma_w"].max()))
    ax.fill_betweenx(biases, 0.0, critical, color=VANISHING, alpha=0.07, linewidth=0)
    ax.fill_betweenx(biases, critical, right, color=EXPLODING, alpha=0.07, linewidth=0)
    ax.text(0.12, 0.62, "vanishing", color=VANISHING, style="italic")
    ax.text(0.9 * right, 0.62, "exploding", color=EXPLODING, style="italic")
    draw_depth_scales(ax, right)
    tanh = where(rows, activation="tanh")
    backends = [backend for backend, _ in by_backend(rows)]
    for backend, at, cell in trials(tanh):
        x = at["sigma_w"] + 0.022 * (backends.index(backend) - (len(backends) - 1) / 2)
        grows = values(cell, "slope").mean() > 0.0
        style.measured(ax, x, at["sigma_b"], backend, markersize=9, **({} if grows else hollow(backend)))
    named = tanh[tanh["weights"] != "normal"].groupby(["sigma_w", "sigma_b"])["weights"].unique()
    below = {"xytext": (0, -16), "textcoords": "offset points", "ha": "center", "fontsize": 9}
    for point, names in named.items():
        ax.annotate(", ".join(names), point, **below)
    ax.set(xlim=(0.0, right), ylim=(-0.06, 0.7), xlabel=r"$\sigma_w$ = sqrt(N Var W)", ylabel=r"$\sigma_b$")
    keys = [style.line_key("chi_1 = 1"), style.line_key("depth scale", linestyle=":")]
    grown = [style.line_key(word, marker="o", linestyle="none", **fill) for word, fill in FILLS.items()]
    style.backend_legend(drawn, backends, extra=[*keys, *grown])
    sides = [np.sign(values(cell, "slope").mean()) == np.sign(side(at)) for _, at, cell in trials(tanh) if side(at)]
    style.title(
        drawn, f"tanh: {sum(sides)} of {len(sides)} points are on the side of the critical line that theory says"
    )
    caption = (
        "Phase plane of tanh networks: mean-field critical line and depth scales; measured points, open where the "
    )
    caption += "gradient vanishes and filled where it explodes; common initialisations by name."
    return Figure("mean-field-plane", caption, drawn)


FILLS: dict[str, dict[str, Any]] = {"measured: explodes": {}, "measured: vanishes": {"fillstyle": "none"}}


def hollow(backend: str) -> dict[str, Any]:
    """Return the look of an open point."""
    return {"fillstyle": "none", "markeredgecolor": backend_colour(backend), "markeredgewidth": 1.6}


def side(at: At) -> float:
    """Return ln chi_1, or 0 within 0.02 of the critical line, where a finite network may be on either side."""
    log = math.log(MeanField("tanh", at["sigma_w"], at["sigma_b"]).chi_1)
    return log if abs(log) > 0.02 else 0.0


def draw_depth_scales(ax: Any, right: float) -> None:
    """Draw where the gradient falls or grows by e in so many layers."""
    w, b = np.linspace(0.05, right, 50), np.linspace(0.0, 0.7, 25)
    logs = np.array([[math.log(MeanField("tanh", x, y).chi_1) for x in w] for y in b])
    marks = sorted(sign / xi for xi in DEPTH_SCALES for sign in (-1.0, 1.0))
    lines = ax.contour(w, b, logs, levels=marks, colors=INK, linestyles=":", linewidths=1.0)
    ax.clabel(lines, fmt=lambda log: f"{1 / abs(log):.0f} layers", fontsize=8)


def layers(rows: pd.DataFrame, field: Callable[[At], MeanField]) -> Figure:
    """Draw |dL/dh|^2 by layer for tanh without and with biases, theory as lines."""
    tanh = where(rows, activation="tanh", weights="normal")
    biases = sorted(tanh["sigma_b"].unique())
    gains = sorted(tanh["sigma_w"].unique())
    colours = dict(zip(gains, ordered_colours(len(gains)), strict=True))
    drawn, axes = style.figure(1, len(biases), height=4.2, sharey=True)
    backends = [backend for backend, _ in by_backend(rows)]
    ends: dict[float, list[tuple[float, str]]] = {sigma_b: [] for sigma_b in biases}
    for ax, sigma_b in zip(axes[0], biases, strict=True):
        for backend, at, cell in trials(where(tanh, sigma_b=sigma_b)):
            depth = places(cell, "ln_ratio_mean", "layer")
            mean, sd = values(cell, "ln_ratio_mean", "layer"), values(cell, "ln_ratio_sd", "layer")
            own = slice(1 + backends.index(backend), None, len(backends) + 1)
            points = (np.exp(mean)[own], backend)
            style.measured(ax, depth[own], *points, low=np.exp(mean - 2 * sd)[own], high=np.exp(mean + 2 * sd)[own])
            if backend == backends[0]:
                line = theory_line(field(at), len(depth))
                style.theory(ax, depth, line, color=colours[at["sigma_w"]])
                ends[sigma_b].append((line[-1], rf"$\sigma_w$ {at['sigma_w']:g}"))
        style.log_axis(ax, "y", "|dL/dh|² over that at the top" if sigma_b == biases[0] else "")
        ax.set(xlabel="layers below the top", title=rf"$\sigma_b$ = {sigma_b:g}")
    for ax, sigma_b in zip(axes[0], biases, strict=True):
        style.regions(ax, (0.1, 10.0))
        style.label_ends(ax, ends[sigma_b])
    style.backend_legend(drawn, backends, extra=[style.line_key("mean-field theory")])
    grown = sum(values(cell, "slope").mean() > 0.0 for _, _, cell in trials(tanh))
    total = len(list(trials(tanh)))
    style.title(drawn, f"tanh: gradients explode at {grown} of {total} measured points and vanish at the others")
    caption = "Squared gradient norm by layer in deep tanh networks, mean over seeds, bars of 2 standard deviations."
    return Figure("mean-field-layers", caption, drawn)


def theory_line(field: MeanField, count: int) -> np.ndarray:
    """Return the mean squared gradient by layers below the top, which see the variances last to first."""
    q = field.fixed_point()
    start = q if 0.0 < q < math.inf else field.sigma_w**2 + field.sigma_b**2
    chi = [field.chi(q) for q in islice(field.variances(start), count)]
    return np.cumprod([1.0, *chi[:0:-1]])
