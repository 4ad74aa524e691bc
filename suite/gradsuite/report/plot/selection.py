"""The first half of a plot's script: which rows of the run are drawn, a column for each metric that is named."""

from collections.abc import Iterator

from gradsuite.errors import UserError
from gradsuite.report.plot.asked import LAG, PLACES, VALUE, Asked, Names


def selection(path: str, asked: Asked, names: Names) -> list[str]:
    """Return the lines that make `rows` of the run in `path`. Raises UserError for what was not measured together."""
    return [
        "import gradsuite",
        "import seaborn as sns",
        "",
        f"run = gradsuite.load({literal(path)})",
        f"rows = run.frame({literal(asked.experiment)})",
        *_kept(asked, names),
        *_metrics(asked, names),
    ]


def _kept(asked: Asked, names: Names) -> Iterator[str]:
    """Yield the lines that keep some rows."""
    for name, typed in asked.where.items():
        values = [literal(value) for value in names.values(name, typed)]
        test = f" == {values[0]}" if len(values) == 1 else f".isin([{', '.join(values)}])"
        yield f"rows = rows[rows[{literal(names.stored(name))}]{test}]"


def _metrics(asked: Asked, names: Names) -> Iterator[str]:
    """Yield the lines that give each metric a column of its name, and the index the name that it was asked for by."""
    others = [name for name in (asked.x, *asked.apart.values()) if names.is_metric(name, asked) and name != asked.y]
    if asked.y == VALUE:
        if others:
            raise UserError(f"{others[0]!r} is a metric: beside it, --y has to be one metric, not 'value'")
        yield 'rows = rows[rows["metric"].notna()]'
    else:
        if others:
            yield "measured = rows"
        if asked.y in names.columns:  # a setting has the metric's name: the metric is meant
            yield f"rows = rows.drop(columns={literal(asked.y)})"
        yield f'rows = rows[rows["metric"] == {literal(asked.y)}].rename(columns={{"value": {literal(asked.y)}}})'
        for other in dict.fromkeys(others):
            yield from _joined(asked.y, other, names)
    if LAG in (asked.x, *asked.apart.values()) and names.stored(LAG) != LAG:
        yield 'rows = rows.rename(columns={"index": "lag"})'


def _joined(metric: str, other: str, names: Names) -> Iterator[str]:
    """Yield the lines that put beside each value of a metric what another one was there."""
    here, there = names.places(metric), names.places(other)
    if not (here <= there or there <= here):
        raise UserError(f"{metric} is measured by {_listed(here)}, {other} by {_listed(there)}: no point has both")
    keys = ["key", *(place for place in PLACES if place in here & there)]
    listed = ", ".join(map(literal, keys))
    yield f'other = measured[measured["metric"] == {literal(other)}].rename(columns={{"value": {literal(other)}}})'
    yield f"rows = rows.merge(other[[{listed}, {literal(other)}]], on=[{listed}])"


def _listed(places: set[str]) -> str:
    return " and ".join(place for place in PLACES if place in places)


def literal(value: str | int | float) -> str:
    """Return a value as Python reads it, text in double quotes where it has nothing to escape."""
    if isinstance(value, str) and value.isprintable() and not {'"', "\\"} & set(value):
        return f'"{value}"'
    return repr(value)
