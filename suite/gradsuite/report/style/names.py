"""Names beside lines: where they end, or along them where they leave the axes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike

from gradsuite.report.palette import MUTED
from gradsuite.report.style.scales import place

LABEL_SIZE = 9.5  # points, of a name beside a line
BESIDE = 1.015  # of the axes' width: where a name begins
MOVED = 1.04  # where names begin if one was moved: a thin line, which needs room, leads to it from its line's end
SHORT = 0.9  # of the axes' width: a curve that ends before is named there, among the others
TOGETHER = 0.05  # of the axes' width: curves that leave no farther apart share a name
ASIDE = 5.0  # points from a line to a name along it: beyond the points that are drawn on the line


def label_ends(axes: Axes, ends: Sequence[tuple[float, str]]) -> None:
    """Name lines at the right edge of the axes, moved apart where they would overlap, with a thin line to their ends.

    `ends` are (y, label). Call it once the limits are set. What is beyond the limits is named at their edge; what is
    not finite, not at all.
    """
    named = sorted((y, label) for y, label in ends if np.isfinite(y))
    rows = axes.get_gridspec().nrows if axes.get_subplotspec() else 1  # type: ignore[union-attr]
    height = 0.65 * axes.get_figure(root=True).get_figheight() / rows  # type: ignore[union-attr]  # inches of the axes
    wanted = [place(axes, "y", y) for y, _ in named]
    places = _spread(wanted, 1.25 * LABEL_SIZE / 72 / height)
    moved = [abs(at - end) > 0.25 * LABEL_SIZE / 72 / height for at, end in zip(places, wanted, strict=True)]
    for at, end, leads, (_, text) in zip(places, wanted, moved, named, strict=True):
        axes.annotate(
            text,
            (1.0, end),
            (MOVED if any(moved) else BESIDE, at),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            fontsize=LABEL_SIZE,
            annotation_clip=False,
            arrowprops=_lead() if leads else None,
        )


def label_curves(axes: Axes, curves: Iterable[tuple[ArrayLike, ArrayLike, str]]) -> None:
    """Name curves, given as (x, y, label) from left to right: at their end, or along them where they leave the axes.

    Curves that leave at one place are named together, a line for each. Call it once the limits are set.
    """
    axes.get_xlim()  # brings both up to date where they follow the data
    ends: list[tuple[float, str]] = []
    leaving: dict[tuple[float, int], Leaving] = {}
    for x, y, label in curves:
        across, up = _places(axes, np.asarray(x, float), np.asarray(y, float))
        if not len(up):
            continue
        inside = np.flatnonzero((up >= 0.0) & (up <= 1.0))
        if 0.0 <= up[-1] <= 1.0 and across[-1] < SHORT:
            _name_at(axes, across[-1], up[-1], label)
        elif 0.0 <= up[-1] <= 1.0 or len(inside) == 0:
            ends.append((float(np.asarray(y, float)[-1]), label))
        else:
            found = _leaving(across, up, int(inside[-1]), label)
            near = (place for place in leaving if place[1] == found.edge and abs(place[0] - found.at) < TOGETHER)
            joined = leaving.pop(next(near, (found.at, -1)), None)
            names = f"{joined.label}\n{label}" if joined else label
            leaving[found.at, found.edge] = replace(max(found, joined or found, key=lambda one: one.at), label=names)
    for found in leaving.values():
        _name_along(axes, found)
    label_ends(axes, ends)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Where a curve leaves the axes: how far across, over which edge (0 the low one, 1 the high), at which slope."""

    at: float
    edge: int
    slope: float  # degrees, as parts of the axes' width and height
    label: str


def _leaving(across: np.ndarray, up: np.ndarray, last: int, label: str) -> Leaving:
    """Return where a curve leaves the axes behind its place `last`, and its slope over the third before that."""
    edge = int(up[last + 1] > 1.0)
    share = (edge - up[last]) / (up[last + 1] - up[last])
    at = across[last] + share * (across[last + 1] - across[last])
    before = int(np.argmin(abs(up[: last + 1] - (0.7 if edge else 0.3))))
    return Leaving(float(at), edge, math.degrees(math.atan2(edge - up[before], at - across[before])), label)


def _name_at(axes: Axes, across: float, up: float, label: str) -> None:
    """Write a name beside the end of a curve."""
    axes.annotate(
        label,
        (across, up),
        (ASIDE, 0.0),
        xycoords="axes fraction",
        textcoords="offset points",
        va="center",
        fontsize=LABEL_SIZE,
    )


def _name_along(axes: Axes, found: Leaving) -> None:
    """Write a name along a curve, to the right of it, up to where it leaves the axes."""
    aside = ScaledTranslation(ASIDE / 72, 0.0, axes.get_figure(root=True).dpi_scale_trans)  # type: ignore[union-attr]
    axes.text(
        found.at,
        found.edge,
        found.label,
        transform=axes.transAxes + aside,
        rotation=found.slope,
        rotation_mode="anchor",
        transform_rotates_text=True,
        ha="right",
        va="top" if found.edge else "bottom",
        fontsize=LABEL_SIZE,
    )


def _places(axes: Axes, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where finite points are, as parts of the axes' width and height: beyond 0 and 1 for those out of sight."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = axes.transLimits.transform(axes.transScale.transform(np.column_stack([x, y])))
    shown = shown[np.isfinite(shown).all(axis=1)]
    return shown[:, 0], shown[:, 1]


def _lead() -> dict[str, object]:
    """Return the look of the thin line from a line's end to its name."""
    return {"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 0.0, "shrinkB": 0.0, "relpos": (0.0, 0.5)}


def _spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Return positions near the wanted (rising) ones, `gap` apart: groups that touch share their mean."""
    groups: list[list[float]] = []
    for position in wanted:
        groups.append([position])
        while len(groups) > 1 and _start(groups[-1], gap) < _start(groups[-2], gap) + gap * len(groups[-2]):
            last = groups.pop()
            groups[-1] += last
    return [_start(group, gap) + gap * k for group in groups for k in range(len(group))]


def _start(group: Sequence[float], gap: float) -> float:
    """Return the lowest position of a group: centred on its mean, inside [0, 1] where it fits."""
    extent = gap * (len(group) - 1)
    middle = sum(group) / len(group)
    return min(max(middle - extent / 2, 0.0), max(1.0 - extent, 0.0))
