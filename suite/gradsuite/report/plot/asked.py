"""What is asked of a plot, and which columns and metrics of an experiment it names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from gradsuite.errors import UserError, unknown
from gradsuite.rows import COLUMNS

LAG = "lag"  # what most people call the index
VALUE = "value"  # every metric's: for a plot in which `metric` has a place of its own
PLACES = ("layer", "index", "member")  # where in its trial a number was measured
ABOUT = ("experiment", "settings", "key", "unit", "status", VALUE)  # columns that a plot cannot tell rows apart by
SHOWN = 8  # values named to a user who asked for another


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What goes where: `y` is a metric or `value`, the others are columns, settings or metrics.

    `where` keeps the rows that have one of these values, as they were typed.
    """

    experiment: str
    x: str
    y: str
    hue: str | None = None
    col: str | None = None
    row: str | None = None
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def apart(self) -> dict[str, str]:
        """What tells curves apart, by seaborn's names."""
        named = {"hue": self.hue, "col": self.col, "row": self.row}
        return {place: name for place, name in named.items() if name is not None}


class Names:
    """What can be named of an experiment's rows: columns that have a value somewhere, and metrics."""

    def __init__(self, experiment: str, frame: pd.DataFrame) -> None:
        """Read the experiment's frame. Raises UserError if nothing was measured."""
        self.rows = frame[frame["metric"].notna()]
        if self.rows.empty:
            raise UserError(f"{experiment} measured nothing in this run")
        self.metrics = [str(name) for name in self.rows["metric"].unique()]
        filled = [str(name) for name in self.rows.columns if (self.rows[name].notna() & (self.rows[name] != "")).any()]
        self.columns = [name for name in filled if name not in ABOUT]
        self.columns += [LAG] if "index" in filled and LAG not in filled else []

    @property
    def settings(self) -> list[str]:
        """The columns that are settings, `cell` and `dtype` among them."""
        return [name for name in self.columns if name not in (*COLUMNS, LAG) or name in ("cell", "dtype")]

    def stored(self, name: str) -> str:
        """Return what the run calls a column."""
        return "index" if name == LAG and LAG not in self.rows.columns else name

    def check(self, asked: Asked) -> None:
        """Raise UserError, with the nearest name, if one is neither a column nor a metric."""
        if asked.y not in (*self.metrics, VALUE):
            raise unknown(f"metric of {asked.experiment}", asked.y, [*self.metrics, VALUE])
        for name in (asked.x, *asked.apart.values()):
            if name not in (*self.columns, *self.metrics):
                raise unknown(f"column or metric of {asked.experiment}", name, {*self.columns, *self.metrics})
        for name in asked.where:
            if name not in self.columns:
                raise unknown(f"column of {asked.experiment}", name, self.columns)
        if asked.y == VALUE and "metric" not in (asked.x, *asked.apart.values(), *asked.where):
            raise UserError("--y value is that of every metric: name one as --y, or type --col metric as well")

    def is_metric(self, name: str, asked: Asked) -> bool:
        """Whether a name means a metric: `y` does, and what no column is called."""
        return name == asked.y or name not in self.columns

    def places(self, metric: str) -> set[str]:
        """Return where in a trial this metric is measured: by layer, index or member."""
        rows = self.rows[self.rows["metric"] == metric]
        return {place for place in PLACES if rows[place].notna().any()}

    def values(self, name: str, typed: Sequence[str]) -> list[str | int | float]:
        """Return the values of a column that were typed. Raises UserError, with those there are, for another."""
        present = sorted(self.rows[self.stored(name)].dropna().unique().tolist())
        named = {f"{value:g}" if isinstance(value, float) else str(value): value for value in present}
        return [named[text] if text in named else _same(text, present, name) for text in typed]


def _same(text: str, present: Sequence[str | int | float], name: str) -> str | int | float:
    """Return the number that a text is. Raises UserError if it is none of those present."""
    for value in present:
        if not isinstance(value, str) and _number(text) == value:
            return value
    shown = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in present[:SHOWN])
    more = f" and {len(present) - SHOWN} more" if len(present) > SHOWN else ""
    raise UserError(f"no row has {name}={text} (there are: {shown}{more})")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
