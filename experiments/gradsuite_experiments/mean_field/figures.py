"""The figures of mean-field: slopes against theory, the phase plane of tanh, and gradients by layer."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import EXPLODING, INK, VANISHING, ordered_colours
from gradsuite.theory.mean_field import MeanField, critical_point
from matplotlib.axes import Axes

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import levels, tally, trials, values, where
from gradsuite_experiments.mean_field.laws import (
    LN_RATIO_MEAN,
    LN_RATIO_SD,
    SLOPE,
    ratios,
    side,
    slope,
    tolerance,
)

PLANE = ("cell", "initialiser", "activation", "sigma_w", "sigma_b")  # settings that are told apart
DEPTH_SCALES = (3.0, 10.0)  # layers, as they are drawn into the plane


def draw(rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
    """Yield all figures; nothing if nothing was measured."""
    table = by_trial(rows)
    if table.empty:
        return
    yield slopes(table, claims, folded(rows, *PLANE))
    tanh = where(table, activation="tanh")
    plain = where(tanh, cell="mlp")
    if not plain.empty:
        yield plane(plain, folded(where(rows, activation="tanh", cell="mlp"), *PLANE))
    normal = where(tanh, initialiser="normal")
    if not normal.empty:
        rows = where(rows, activation="tanh", initialiser="normal")
        yield layers(normal, by_layer(rows), folded(rows, *PLANE))


def by_trial(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial: its settings, the slope's theory and mean, and two standard errors around the rest."""
    table = []
    for _, at, trial in trials(rows):
        found = values(trial, SLOPE, along="member")
        error = 2.0 * found.std(ddof=1) / math.sqrt(len(found)) if len(found) > 1 else 0.0
        rest = found.mean() - slope(at)
        numbers = {"theory": slope(at), "slope": found.mean(), "rest": rest, "low": rest - error, "high": rest + error}
        settings = {name: at[name] for name in ("backend", "cell", "initialiser", "activation", "sigma_w", "sigma_b")}
        table.append({**settings, **numbers, "side": side(at), "tolerance": tolerance(at)})
    return pd.DataFrame(table)


def by_layer(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial and layer: its settings, |dL/dh|^2 over that at the top, two deviations, and theory."""
    table = []
    for _, at, trial in trials(rows):
        mean, sd = values(trial, LN_RATIO_MEAN, along="layer"), values(trial, LN_RATIO_SD, along="layer")
        numbers = {"ratio": np.exp(mean), "low": np.exp(mean - 2 * sd), "high": np.exp(mean + 2 * sd)}
        numbers |= {"layer": np.arange(len(mean)), "theory": ratios(at)}
        table.append(pd.DataFrame(numbers).assign(**at[["backend", "key", "cell", "sigma_w", "sigma_b"]]))
    return pd.concat(table)


def slopes(table: pd.DataFrame, claims: Sequence[Claim], folds: str) -> Figure:
    """Draw measured slopes over ln chi_1, and what is left between them with the tolerance."""
    figure, ((whole, rest),) = style.figure(1, 2, height=4.4)
    ends = [table["theory"].min(), table["theory"].max()]
    allowed = table["tolerance"].max()
    style.points(whole, table, "theory", "slope")
    apart = style.dodged(table, "theory", step=0.012 * (ends[1] - ends[0]))
    style.points(rest, apart, "theory", "rest", low="low", high="high")
    style.theory(whole, ends, ends)
    style.theory(rest, ends, [0.0, 0.0])
    style.band(rest, ends, [-allowed] * 2, [allowed] * 2)
    style.regions(whole, (0.0, 0.0), along="x")
    for axes, label in ((whole, "measured slope of ln |dL/dh|²"), (rest, "measured minus theory")):
        axes.set(xlabel="theory: ln chi of the same layers", ylabel=label)
    rest.set_title(f"bars: 2 standard errors; band: tolerance {allowed:.3f}")
    whole.set_title("plane, initialisations and residual layers")
    style.backend_legend(figure, table["backend"], extra=[style.line_key("mean-field theory")])
    style.title(
        figure,
        tally(claims, "Gradients change by chi_1 per layer, as theory says", "Gradients change other than theory says"),
    )
    caption = "Slope of the log squared gradient over the layers, mean over seeds, against mean-field theory."
    return Figure("mean-field-slopes", caption + folds, figure)


def plane(tanh: pd.DataFrame, folds: str) -> Figure:
    """Draw tanh's phase plane: the critical line, depth scales, what was measured, and where initialisations lie."""
    figure, ((axes,),) = style.figure(height=5.0)
    right = max(2.2, 1.1 * tanh["sigma_w"].max())
    draw_phases(axes, right)
    draw_depth_scales(axes, right)
    apart = style.dodged(tanh, "sigma_w", step=0.022)
    grows = apart["slope"] > 0.0
    style.points(axes, apart[grows], "sigma_w", "sigma_b", size=9)
    style.points(axes, apart[~grows], "sigma_w", "sigma_b", size=9, hollow=True)
    draw_names(axes, tanh)
    axes.set(xlim=(0.0, right), ylim=(-0.06, 0.7), xlabel=r"$\sigma_w$ = sqrt(N Var W)", ylabel=r"$\sigma_b$")
    keys = [style.line_key("chi_1 = 1"), style.line_key("depth scale", linestyle=":")]
    fills: dict[str, dict[str, Any]] = {"measured: explodes": {}, "measured: vanishes": {"fillstyle": "none"}}
    keys += [style.line_key(word, marker="o", linestyle="none", **fill) for word, fill in fills.items()]
    style.backend_legend(figure, tanh["backend"], extra=keys)
    clear = tanh[tanh["side"] != 0.0]
    right_side = (np.sign(clear["slope"]) == np.sign(clear["side"])).sum()
    finding = f"{right_side} of {len(clear)} points lie on the side of the critical line where theory puts them"
    style.title(figure, f"tanh: {finding}")
    caption = (
        "Phase plane of tanh networks: mean-field critical line and depth scales; measured points, open where the "
        "gradient vanishes and filled where it explodes; common initialisations by name."
    )
    return Figure("mean-field-plane", caption + folds, figure)


def draw_phases(axes: Axes, right: float) -> None:
    """Draw tanh's critical line, and shade the phases beside it."""
    biases = np.linspace(0.0, 0.7, 60)
    critical = np.array([critical_point("tanh", bias)[0] for bias in biases])
    style.theory(axes, critical, biases)
    axes.fill_betweenx(biases, 0.0, critical, color=VANISHING, alpha=0.07, linewidth=0)
    axes.fill_betweenx(biases, critical, right, color=EXPLODING, alpha=0.07, linewidth=0)
    axes.text(0.12, 0.62, "vanishing", color=VANISHING, style="italic")
    axes.text(0.9 * right, 0.62, "exploding", color=EXPLODING, style="italic")


def draw_depth_scales(axes: Axes, right: float) -> None:
    """Draw in how many layers the gradient falls or grows by a factor of e."""
    w, b = np.linspace(0.05, right, 50), np.linspace(0.0, 0.7, 25)
    logs = np.array([[math.log(MeanField("tanh", x, y).chi_1) for x in w] for y in b])
    marks = sorted(sign / xi for xi in DEPTH_SCALES for sign in (-1.0, 1.0))
    lines = axes.contour(w, b, logs, levels=marks, colors=INK, linestyles=":", linewidths=1.0)
    axes.clabel(lines, fmt=lambda log: f"{1 / abs(log):.0f} layers", fontsize=8)


def draw_names(axes: Axes, tanh: pd.DataFrame) -> None:
    """Name the initialisations: below a point, or above it where points without biases may lie below."""
    schemes = tanh[tanh["initialiser"] != "normal"]
    for (sigma_w, sigma_b), names in schemes.groupby(["sigma_w", "sigma_b"])["initialiser"]:
        look: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "fontsize": 9}
        place = (0, -16 if sigma_b == 0.0 else 9)
        axes.annotate(", ".join(names.unique()), (sigma_w, sigma_b), xytext=place, **look)


def layers(table: pd.DataFrame, curves: pd.DataFrame, folds: str) -> Figure:
    """Draw |dL/dh|^2 by layer for tanh, a panel for each sigma_b and cell, theory as lines."""
    kinds, gains = (
        sorted(set(curves[["cell", "sigma_b"]].itertuples(index=False, name=None))),
        levels(curves, "sigma_w"),
    )
    colours = dict(zip(gains, ordered_colours(len(gains)), strict=True))
    figure, (panels,) = style.figure(1, len(kinds), height=4.2, sharey=True)
    for axes, (cell, sigma_b) in zip(panels, kinds, strict=True):
        panel = where(curves, cell=cell, sigma_b=sigma_b)
        shown = style.thinned(panel, "layer", curve=["key"])
        style.points(axes, shown, "layer", "ratio", low="low", high="high", size=5)
        for sigma_w, curve in panel.groupby("sigma_w"):
            line = curve.drop_duplicates("layer")
            style.theory(axes, line["layer"], line["theory"], color=colours[sigma_w])
        style.log_axis(axes, "y", "|dL/dh|² over that at the top" if axes is panels[0] else "")
        axes.set(xlabel="layers below the top", title=rf"{'residual, ' * (cell == 'residual')}$\sigma_b$ = {sigma_b:g}")
    for axes, (cell, sigma_b) in zip(panels, kinds, strict=True):
        style.regions(axes, (0.1, 10.0))
        last = where(curves, cell=cell, sigma_b=sigma_b).sort_values("layer").groupby("sigma_w")["theory"].last()
        style.label_ends(axes, [(end, rf"$\sigma_w$ {sigma_w:g}") for sigma_w, end in last.items()])
    style.backend_legend(figure, curves["backend"], extra=[style.lines_key("mean-field theory", colours.values())])
    grown = (table["slope"] > 0.0).sum()
    style.title(figure, f"tanh: gradients explode at {grown} of {len(table)} measured points and vanish at the others")
    caption = "Squared gradient norm by layer in deep tanh networks, mean over seeds, bars of 2 standard deviations."
    return Figure("mean-field-layers", caption + folds, figure)
