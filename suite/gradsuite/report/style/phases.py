"""Where gradients vanish, are stable and explode: regions of an axis."""

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb

from gradsuite.report.palette import EXPLODING, STABLE, VANISHING
from gradsuite.report.style.scales import Along, limits, place


def regions(axes: Axes, stable: tuple[float, float], *, along: Along = "y") -> None:
    """Shade vanishing (below `stable`), stable and exploding (above it), and name them; call it after the data."""
    low, high = limits(axes, along)
    edges = (low, *np.clip(stable, low, high), high)
    named = (("vanishing", VANISHING), ("stable", STABLE), ("exploding", EXPLODING))
    for (start, end), (word, colour) in zip(pairwise(edges), named, strict=True):
        bottom, top = place(axes, along, start), place(axes, along, end)
        if top <= bottom:
            continue
        (axes.axhspan if along == "y" else axes.axvspan)(start, end, color=colour, alpha=0.07, linewidth=0, zorder=0)
        if top - bottom > (0.2 if word == "stable" and along == "y" else 0.1):
            # Words keep to the outer edges: curves of one start fan out from the middle.
            above = word != "vanishing"
            at = (0.02, top - 0.02 if above else bottom + 0.02) if along == "y" else ((bottom + top) / 2, 0.02)
            look: dict[str, Any] = {"color": colour, "fontsize": 9, "style": "italic"}
            look |= {"va": "top" if above and along == "y" else "bottom", "ha": "left" if along == "y" else "center"}
            axes.text(*at, word, transform=axes.transAxes, zorder=1, **look)
    (axes.set_ylim if along == "y" else axes.set_xlim)(low, high)


def shades(count: int = 15) -> ListedColormap:
    """Return `count` shades on either side of none: the more opaque, the more gradients vanish or explode.

    They are the two regions' colours, laid on the paper: the page may replace either by those of dark mode.
    """
    opaque = np.linspace(0.0, 1.0, count + 1)
    return ListedColormap(
        [(*to_rgb(VANISHING), share) for share in opaque[:0:-1]] + [(*to_rgb(EXPLODING), share) for share in opaque]
    )
