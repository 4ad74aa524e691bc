"""The second half of a plot's script: what seaborn draws of the rows, and what has to be said of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gradsuite.errors import UserError
from gradsuite.report.palette import backend_colour, backend_order
from gradsuite.report.plot.asked import LAG, PLACES, VALUE, Asked, Names
from gradsuite.report.plot.selection import literal

DECADES = 2  # an axis with positive values alone that span more is logarithmic
MARKED = 30  # with more points than this, a line has no markers
LEVELS = 12  # a legend has every value of a number up to here
WRAPPED = 4  # panels side by side
COUNTED = ("index", LAG)  # lags are counted: an exponential is a straight line over them


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines of a script that draw `rows`, and sentences on what they leave out or fold into one point."""

    lines: list[str]
    notes: list[str]


def drawing(rows: pd.DataFrame, asked: Asked, names: Names, out: Path) -> Drawing:
    """Return what draws the selected rows into a file. Raises UserError if there is no point to draw."""
    finite = rows[[math.isfinite(value) for value in rows[asked.y]]].dropna(subset=[asked.x, *asked.apart.values()])
    if finite.empty:
        raise UserError(f"{asked.experiment} has no row with a finite {asked.y} and a value of {asked.x} here")
    keep, notes = _sound(rows, finite, asked)
    function, kind = _plot(finite, asked, names)
    arguments = ",\n        ".join(_arguments(finite, asked, kind))
    scales = dict(_scales(finite, asked))
    title = _title(asked, _folded(finite, asked, names) if kind != "scatter" else [])
    lines = [
        *keep,
        "",
        'with sns.plotting_context("notebook"), sns.axes_style("whitegrid"):',
        f"    grid = sns.{function}(\n        {arguments},\n    )",
        *(f'grid.set({axis}="log")' for axis in scales),
        f"grid.set_axis_labels({literal(asked.x)}, {literal(_label(finite, asked))})",
        f'grid.figure.suptitle({literal(title)}, x=0.01, y=1.0, ha="left", va="bottom")',
        f"grid.savefig({literal(str(out))})",
    ]
    return Drawing(lines, [*notes, *_off_the_axis(finite, scales)])


def _sound(rows: pd.DataFrame, finite: pd.DataFrame, asked: Asked) -> tuple[list[str], list[str]]:
    """Return the lines that leave out what cannot be drawn, and what there is to say of it."""
    lost = len(rows) - len(finite)
    if not lost:
        return [], []
    needed = ", ".join(map(literal, dict.fromkeys((asked.y, asked.x, *asked.apart.values()))))
    infinite = '[float("inf"), float("-inf")]'
    line = f"rows = rows[~rows[{literal(asked.y)}].isin({infinite})].dropna(subset=[{needed}])"
    return [line], [f"{lost} of {len(rows)} rows are not drawn: they have no finite {asked.y}, or no place here"]


def _folded(rows: pd.DataFrame, asked: Asked, names: Names) -> list[str]:
    """Return what differs between rows that one point stands for."""
    shown = [asked.x, *asked.apart.values()]
    told = [*names.settings, "backend", "device", "machine", "metric", *PLACES, LAG]
    told = [name for name in dict.fromkeys(told) if name in rows.columns and name not in shown]
    together = rows.groupby(shown, dropna=False, observed=True)
    return [name for name in told if (together[name].nunique(dropna=False) > 1).any()]


def _title(asked: Asked, folded: list[str]) -> str:
    """Return what is drawn, of which rows, and what is folded into one point."""
    kept = ", ".join(f"{name}={','.join(values)}" for name, values in asked.where.items())
    told = f": median and range over {', '.join(folded)}" if folded else ""
    return f"{asked.experiment}{f', {kept}' if kept else ''}{told}"


def _plot(rows: pd.DataFrame, asked: Asked, names: Names) -> tuple[str, str]:
    """Return seaborn's function and kind: points of two metrics, a point for each word, or a line over numbers."""
    if names.is_metric(asked.x, asked):
        return "relplot", "scatter"
    return ("relplot", "line") if pd.api.types.is_numeric_dtype(rows[asked.x]) else ("catplot", "point")


def _arguments(rows: pd.DataFrame, asked: Asked, kind: str) -> Iterator[str]:
    """Yield what seaborn's function is called with."""
    yield "rows"
    for place, name in {"x": asked.x, "y": asked.y, **asked.apart}.items():
        yield f"{place}={literal(name)}"
        if name == "backend":
            order = backend_order(list(rows["backend"]))
            yield f"{'order' if place == 'x' else f'{place}_order'}=[{', '.join(map(literal, order))}]"
    if asked.hue is not None:
        yield from _hues(rows, asked.hue)
    if asked.col is not None and asked.row is None and rows[asked.col].nunique() > WRAPPED:
        yield f"col_wrap={WRAPPED}"
    yield f"kind={literal(kind)}"
    if kind != "scatter":
        yield 'estimator="median"'
        yield 'errorbar=("pi", 100)'
    if kind == "line" and rows[asked.x].nunique() <= MARKED:
        yield 'marker="o"'
    if kind == "point":
        yield 'linestyle="none"'
        yield f"dodge={0.4 if asked.hue and rows[asked.hue].nunique() > 1 else False}"


def _hues(rows: pd.DataFrame, hue: str) -> Iterator[str]:
    """Yield what gives backends their own colours, and numbers colours in order, each in the legend."""
    if hue == "backend":
        colours = (f"{literal(name)}: {literal(backend_colour(name))}" for name in backend_order(list(rows[hue])))
        yield f"palette={{{', '.join(colours)}}}"
    elif pd.api.types.is_numeric_dtype(rows[hue]):
        yield 'palette="viridis"'
        if rows[hue].nunique() <= LEVELS:
            yield 'legend="full"'


def _scales(rows: pd.DataFrame, asked: Asked) -> Iterator[tuple[str, str]]:
    """Yield the axes that are logarithmic, each with what is on it."""
    for axis, name in (("xscale", asked.x), ("yscale", asked.y)):
        if not pd.api.types.is_numeric_dtype(rows[name]) or (axis == "xscale" and name in COUNTED):
            continue
        positive = rows[name][rows[name] > 0]
        if not (rows[name] < 0).any() and len(positive) and positive.max() > 10**DECADES * positive.min():
            yield axis, name


def _off_the_axis(rows: pd.DataFrame, scales: dict[str, str]) -> list[str]:
    """Return how many values are 0 where the axis is logarithmic."""
    zeros = {name: int((rows[name] == 0).sum()) for name in scales.values()}
    return [f"{count} values of {name} are 0: a logarithmic axis has no 0" for name, count in zeros.items() if count]


def _label(rows: pd.DataFrame, asked: Asked) -> str:
    """Return the metric with its unit, if it has one."""
    units = [unit for unit in rows["unit"].unique() if unit]
    name = " and ".join(rows["metric"].unique()) if asked.y == VALUE and rows["metric"].nunique() < 3 else asked.y
    return f"{name} ({units[0]})" if len(units) == 1 else name
