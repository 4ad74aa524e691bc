"""The largest singular value of dh_T/dh_t against the lag, and its k-th root."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from matplotlib.axes import Axes

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import levels, measured, tally, where
from gradsuite_experiments.exact_time import laws
from gradsuite_experiments.exact_time.laws import SIGMA_MAX

TITLES = {
    "orthogonal": "orthogonal W: all lengths scale alike",
    "symmetric": "symmetric W: normal, so the bound is the law",
    "gaussian": "Gaussian W: the bound is far off",
    "jordan": "Jordan blocks: growth first, at every radius",
}
KINDS = ("normal", "gaussian", "jordan")  # of curves, each in one colour wherever it is drawn
SHOWN = 48  # points of each backend on a curve, at most
BOUND: dict[str, Any] = {"color": MUTED, "linestyle": "--", "linewidth": 1.1}


def norms(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw the largest singular value against the lag, one panel per kind of matrix, one line per spectral radius."""
    points, lines = measurements(rows), theory(rows)
    kinds = [kind for kind in TITLES if kind in set(points["matrix"])]
    canvas, axes = style.figure(-(-len(kinds) // 2), min(len(kinds), 2), height=3.4, sharex=True, sharey=True)
    panels = dict(zip(kinds, axes.flat, strict=False))
    for kind, panel in panels.items():
        draw(panel, where(points, matrix=kind), where(lines, matrix=kind), "norm", "radius")
        style.log_axis(panel, "x", "")
        style.log_axis(panel, "y", "")
    low, high = axes[0, 0].get_ylim()
    for kind, panel in panels.items():
        of_kind = where(lines, matrix=kind)
        draw_dashes(panel, of_kind, "bound", "radius")
        panel.set_ylim(min(low, 0.05), max(high, 20.0))
        style.regions(panel, (0.5, 2.0))
        style.label_ends(panel, [(end, f"radius {radius:g}") for radius, end in ends(of_kind, "norm", "radius")])
        panel.set_title(TITLES[kind])
    for panel in axes.flat[len(kinds) :]:
        panel.remove()
    for panel in axes[:, 0]:
        panel.set_ylabel("sigma_max of dh_T/dh_t")
    for panel in axes[-1]:
        panel.set_xlabel("lag T - t in steps")
    colours = list(line_colours(lines, "radius").values())
    keys: list[style.Key] = [
        style.lines_key("sigma_max(W^k)", colours),
        style.lines_key("at most: sigma_max(W)^k", colours, linestyle=BOUND["linestyle"]),
    ]
    style.backend_legend(canvas, set(points["backend"]), extra=keys)
    finding = "Gradients through time are scaled by the powers of W"
    style.title(canvas, tally(claims, finding, "A law of powers is broken"))
    caption = "Linear RNN: largest singular value of dh_T/dh_t by lag, for matrices that share a spectral radius and "
    caption += "approach it differently. Solid lines are sigma_max(W^k), dashed lines the bound sigma_max(W)^k."
    return Figure("exact-time", caption + folded(rows, "matrix", "radius"), canvas)


def roots(rows: pd.DataFrame, claims: Sequence[Claim]) -> Figure:
    """Draw the k-th root of the largest singular value at the least radius, and how far above that radius it is."""
    radius = levels(measured(rows), "radius")[0]
    points, lines = (where(frame, radius=radius) for frame in (measurements(rows), theory(rows)))
    above = points[points["kind"] != "normal"]
    canvas, axes = style.figure(1, 2 if len(above) else 1, height=4.2)
    left = axes[0, 0]
    draw(left, points, lines, "root", "kind")
    left.axhline(radius, **BOUND)
    left.set(ylabel="k-th root of sigma_max(W^k)", title=f"factor per step, spectral radius {radius:g}")
    left.margins(y=0.15)  # room for the region's name above the first points
    style.regions(left, (1.0, 1.0))
    style.label_ends(left, [(end, kind) for kind, end in ends(lines, "root", "kind")])
    if len(above):
        draw_excess(axes[0, 1], above, lines[lines["kind"] != "normal"])
    for panel in axes[0]:
        style.log_axis(panel, "x", "lag k in steps")
    keys: list[style.Key] = [
        style.lines_key("theory", [line_colours(lines, "kind")[kind] for kind in dict.fromkeys(lines["kind"])]),
        style.line_key("its limit", **BOUND),
    ]
    if len(above):
        bounded = [line_colours(lines, "kind")[kind] for kind in dict.fromkeys(above["kind"])]
        keys.append(style.lines_key("at most (right)", bounded, linestyle=BOUND["linestyle"]))
    style.backend_legend(canvas, set(points["backend"]), extra=keys)
    finding = "The spectral radius rules, but only in the end"
    style.title(canvas, tally([c for c in claims if "/radius/" in c.name], finding, "Gelfand's limit is missed"))
    caption = "Factor of the gradient per step over k steps, sigma_max(W^k)^(1/k): it starts at the largest singular "
    caption += (
        "value of W and tends to the spectral radius (Gelfand), where it stays throughout if W is normal. Right: "
    )
    caption += "its distance from there, and the bounds ln cond(V) / k (Gaussian) and ln(1 + k c / rho) / k (Jordan)."
    return Figure("exact-time-roots", caption + folded(where(rows, radius=radius), "matrix"), canvas)


def draw_excess(axes: Axes, points: pd.DataFrame, lines: pd.DataFrame) -> None:
    """Draw how far ln sigma_max(W^k) / k is above the logarithm of the spectral radius, and its bounds."""
    draw(axes, points, lines, "excess", "kind")
    draw_dashes(axes, lines, "most", "kind")
    style.log_axis(axes, "y", "ln sigma_max(W^k) / k - ln radius")
    style.label_ends(axes, [(end, kind) for kind, end in ends(lines, "excess", "kind")])
    axes.set_title("distance from the limit, and its bound")


def draw(axes: Axes, points: pd.DataFrame, lines: pd.DataFrame, y: str, along: str) -> None:
    """Draw a column's theory, in a colour per value of `along`, and its points."""
    colours = line_colours(lines, along)
    for _, line in lines.groupby("line", sort=False):
        style.theory(axes, line["lag"], line[y], color=colours[line[along].iloc[0]])
    style.points(axes, style.thinned(points, "lag", curve=["key"], shown=SHOWN), "lag", y)


def draw_dashes(axes: Axes, lines: pd.DataFrame, y: str, along: str) -> None:
    """Draw bounds, each in the colour of the line that it bounds."""
    colours = line_colours(lines, along)
    for _, line in lines.groupby("line", sort=False):
        axes.plot(line["lag"], line[y], zorder=1, **BOUND | {"color": colours[line[along].iloc[0]]})


def line_colours(lines: pd.DataFrame, along: str) -> dict[Any, str]:
    """Return a colour for each value of `along`."""
    names = KINDS if along == "kind" else list(dict.fromkeys(lines[along]))
    return dict(zip(names, ordered_colours(len(names)), strict=True))


def ends(lines: pd.DataFrame, y: str, along: str) -> list[tuple[Any, float]]:
    """Return each value of `along`, with where its last line ends."""
    return list(lines.groupby(along, sort=False)[y].last().items())


def measurements(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per backend, setting and lag, with the columns of `factors`."""
    points = where(measured(rows), metric=SIGMA_MAX)
    return factors(points.assign(lag=points["index"].astype(int), norm=points["value"]))


def theory(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per line and lag, with the columns of `factors`, the `bound` of norms and the `most` of excess."""
    settings = measured(rows)[["matrix", "hidden_size", "radius", "lags"]].drop_duplicates()
    lines = []
    for number, (kind, size, radius, count) in enumerate(settings.itertuples(index=False)):
        lags, law = np.arange(1, count + 1), laws.norms(kind, size, radius, count)
        with np.errstate(over="ignore"):
            columns = {"norm": law[1:], "bound": law[1] ** lags, "most": laws.excess(kind, size, radius, lags)}
        lines.append(pd.DataFrame({"line": number, "matrix": kind, "radius": radius, "lag": lags} | columns))
    return factors(pd.concat(lines))


def factors(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the k-th `root` of `norm`, its `excess` in logarithms, and the `kind` of curve."""
    excess = np.log(rows["norm"]) / rows["lag"] - np.log(rows["radius"])
    kind = rows["matrix"].where(rows["matrix"].isin(["gaussian", "jordan"]), "normal")
    return rows.assign(root=rows["norm"] ** (1.0 / rows["lag"]), excess=excess, kind=kind)
