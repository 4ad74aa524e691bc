"""Axes: logarithmic, in units, or with ticks at the values alone; and where a value is on one."""

import math
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, Formatter, LogFormatterMathtext, LogLocator, NullFormatter

Along = Literal["x", "y"]


def log_axis(axes: Axes, along: Along, label: str) -> None:
    """Make an axis logarithmic, with at most seven labelled powers; within a decade, with numbers between them."""
    (axes.set_xscale if along == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(numticks=7))
    axis.set_major_formatter(PowersOrNumbers(LogFormatterMathtext(), number))
    axis.set_minor_formatter(PowersOrNumbers(NullFormatter(), number))
    axis.set_label_text(label)


def unit_axis(axes: Axes, along: Along, label: str, unit: str) -> None:
    """Make an axis logarithmic, labelled in a unit with its prefixes: 100 µs, 1 ms; 64 MB."""
    log_axis(axes, along, label)
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_major_formatter(EngFormatter(unit, places=0))
    axis.set_minor_formatter(PowersOrNumbers(NullFormatter(), EngFormatter(unit)))


class PowersOrNumbers(Formatter):
    """Labels of a logarithmic axis: one formatter's if at least two powers of ten are in sight, else another's.

    With a single power, or none, nobody could tell the scale. The marks between powers are then labelled too: 2 and 5
    of each decade, or all of them where those are less than two.
    """

    def __init__(self, powers: Formatter, numbers: Callable[[float], str]) -> None:
        self.powers, self.numbers = powers, numbers

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label of a tick, empty for those that have none."""
        if self.axis is None:
            return ""
        low, high = sorted(float(end) for end in self.axis.get_view_interval())
        marks = [digit * 10.0**power for power in _powers(low / 10.0, high) for digit in (1, 2, 5)]
        seen = [mark for mark in marks if low <= mark <= high]
        if sum(low <= 10.0**power <= high for power in _powers(low, high)) > 1:
            return str(self.powers(x, pos))
        return self.numbers(x) if len(seen) < 2 or np.isclose(x, marks, rtol=1e-9, atol=0.0).any() else ""


def number(value: float) -> str:
    """Return a number as an axis has it: 0.05, 20, 2×10⁻⁷."""
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:g}"
    digits, power = f"{value:.4e}".split("e")
    return rf"${float(digits):g}\times10^{{{int(power)}}}$"


def _powers(low: float, high: float) -> range:
    return range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)


def values_axis(axes: Axes, along: Along, values: Iterable[float]) -> None:
    """Put ticks where the values are and nowhere else, for an axis with few of them."""
    axis = axes.xaxis if along == "x" else axes.yaxis
    ticks = sorted(set(values))
    axis.set_ticks(ticks, [f"{value:g}" for value in ticks])
    axis.set_ticks([], minor=True)


def limits(axes: Axes, along: Along) -> tuple[float, float]:
    """Return the low and the high end of an axis."""
    return axes.get_ylim() if along == "y" else axes.get_xlim()


def place(axes: Axes, along: Along, value: float) -> float:
    """Return where a value is on an axis, linear or not: 0 at its low end, 1 at its high end, and no further."""
    low, high = limits(axes, along)
    transform = (axes.yaxis if along == "y" else axes.xaxis).get_transform()
    at, start, end = (float(transform.transform(np.array([v]))[0]) for v in (min(max(value, low), high), low, high))
    return (at - start) / (end - start)
