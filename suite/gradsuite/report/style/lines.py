"""What should come out: a line, and the spread along it."""

from typing import Any

from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from gradsuite.report.palette import INK, MUTED


def theory(axes: Axes, x: ArrayLike, y: ArrayLike, *, label: str = "theory", **line: Any) -> None:
    """Draw what should come out: a line in ink."""
    look: dict[str, Any] = {"color": INK, "linewidth": 1.3, "zorder": 2, "label": label}
    axes.plot(x, y, **look | line)


def band(axes: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str = MUTED) -> None:
    """Draw a spread along a line, such as quantiles over the batch."""
    axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0, zorder=1)
