"""What an experiment hands over for its section, looked at one by one: of the kind that it must be, and plain inside.

What comes out holds no class of the experiment's own, no markup and no half of a character.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from gradsuite.claims import Claim, Relation, Resolution, Source
from gradsuite.experiment import Answer, Experiment, Figure, Table
from gradsuite.topic import Topic

if TYPE_CHECKING:
    pass

SIGNS: Mapping[str, Relation] = {"=": "=", "<=": "<=", ">=": ">="}
NUMBER = (int, float)
WIDEST, LONGEST = 100, 10_000  # columns and rows of a table on a page


def claim(experiment: Experiment, made: Any) -> Claim:
    """Return a claim of this experiment, its numbers Python's own. Raises TypeError or ValueError if it is none."""
    _require(made, Claim)
    _require(made.source, Source)
    _require(made.resolution, Resolution)
    if made.experiment != experiment.name:
        raise ValueError(f"the claim {made.name!r:.80} is not called {experiment.name}/...")
    if made.relation not in SIGNS:
        raise ValueError(f"the relation of the claim {made.name!r} is one of {', '.join(SIGNS)}")
    return Claim(
        name=text(made.name),
        backend=text(made.backend),
        sentence=text(made.sentence),
        source=Source(text(made.source.text), bool(made.source.checked)),
        expected=float(made.expected),
        measured=float(made.measured),
        tolerance=float(made.tolerance),
        resolution=Resolution(float(made.resolution.size), text(made.resolution.quantity)),
        relation=SIGNS[made.relation],
    )


def answer(made: Any) -> Answer:
    """Return an answer. Raises TypeError if it is none."""
    _require(made, Answer)
    _require(made.topic, Topic)
    return Answer(made.topic, text(made.sentence), None if made.table is None else table(made.table))


def figure(made: Any) -> "Figure":
    """Return a figure, to be drawn. Raises TypeError if it is none."""
    from matplotlib.figure import Figure as MatplotlibFigure

    _require(made, Figure)
    drawing: MatplotlibFigure = made.figure
    _require(drawing, MatplotlibFigure)
    return replace(made, name=text(made.name), caption=text(made.caption))


def table(made: Any) -> Table:
    """Return a table whose entries are text and Python's own numbers. Raises TypeError or ValueError if it is none."""
    _require(made, Table)
    _require(made.rows, pd.DataFrame)
    rows: pd.DataFrame = made.rows
    if rows.shape[0] > LONGEST or rows.shape[1] > WIDEST:
        raise ValueError(f"a table of {rows.shape[0]} rows and {rows.shape[1]} columns is no summary")
    columns = [text(str(name)) for name in rows.columns]
    entries = [[entry(value) for value in row] for row in rows.itertuples(index=False, name=None)]
    return Table(text(made.title), text(made.caption), pd.DataFrame(entries, columns=columns, dtype=object))


def entry(value: Any) -> Any:
    """Return a table's entry: a number, NaN for a missing one, or text."""
    if isinstance(value, str):
        return text(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, NUMBER):
        return value if isinstance(value, bool) else int(value) if isinstance(value, int) else float(value)
    return float("nan") if value is None or value is pd.NA or value is pd.NaT else text(str(value))


def text(value: Any) -> str:
    """Return a text without halves of characters, and of no other class. Raises TypeError if it is none."""
    if not isinstance(value, str):
        raise TypeError(f"a text is expected, not {value!r:.80}")
    return str.encode(value, errors="replace").decode()


def _require(made: Any, kind: type) -> None:
    if not isinstance(made, kind):
        raise TypeError(f"a {kind.__name__} is expected, not {made!r:.80}")
