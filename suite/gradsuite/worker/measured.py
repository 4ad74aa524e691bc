"""Rows between worker and host: whatever an experiment yields is a list of measurements, or is named as none."""

from collections.abc import Iterable, Sequence, Set
from itertools import starmap
from typing import Any

from gradsuite.rows import FIELDS, PLACE, Measurement, are_plain, fields_of
from gradsuite.worker.malformed import Malformed, shown, text_of

Row = Sequence[Any]


def packed(experiment: str, measured: Any) -> list[Row]:
    """Return what an experiment yielded as rows for JSON. Raises Malformed, which names it, for what are none."""
    try:
        return _rows(measured)
    except Malformed as error:
        raise Malformed(f"experiment {experiment!r}: {error}") from error


def unpacked(rows: Any) -> list[Measurement]:
    """Return the measurements of rows that have come through JSON. Raises Malformed for what is none."""
    if not isinstance(rows, list):
        raise Malformed(f"measurements are a list, not {shown(rows)}")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(FIELDS):
            raise Malformed(f"a measurement is a list of {', '.join(FIELDS)}, not {shown(row)}")
    return list(starmap(Measurement, _plain(rows)))


def _rows(measured: Any) -> list[Row]:
    if isinstance(measured, Set) or not isinstance(measured, Iterable):
        raise Malformed(f"a round is a list of measurements, not {shown(measured)}")
    measurements = list(measured)
    for one in measurements:
        if not isinstance(one, Measurement):
            raise Malformed(f"a round is a list of measurements, but there is {shown(one)} in it")
    return _plain(list(map(fields_of, measurements)))


def _plain(rows: list[Row]) -> list[Row]:
    """Return rows as Python's own texts and numbers, which most are already. Raises Malformed for one that is not."""
    return rows if are_plain(rows) else list(map(_fields, rows))


def _fields(row: Row) -> Row:
    """Return the fields of a row as Python's own texts and numbers. Raises Malformed for one that is neither."""
    metric, value, unit, index, layer, member, note = row
    if not isinstance(metric, str) or not metric:
        raise Malformed(f"a metric is a text, not {shown(metric)}")
    return (
        text_of(metric),
        _number(metric, value),
        _text(metric, "unit", unit),
        _place(metric, "index", index),
        _place(metric, "layer", layer),
        _place(metric, "member", member),
        _text(metric, "note", note),
    )


def _number(metric: str, value: Any) -> float:
    """Return a value, of whatever kind of number. NaN and infinity are values like any other."""
    if type(value) is float:
        return value
    if not isinstance(value, (str, bytes)):
        try:
            return float(value)
        except Exception as error:
            raise Malformed(f"the value of {shown(metric)} is no number: {shown(value)}") from error
    raise Malformed(f"the value of {shown(metric)} is no number: {shown(value)}")


def _place(metric: str, field: str, place: Any) -> int | None:
    if place is None:
        return None
    try:
        whole = int(place)
        if not isinstance(place, str) and whole == place and whole in PLACE:
            return whole
    except Exception:  # noqa: BLE001  a plugin's own class may fail in any way: then it is none
        pass
    raise Malformed(f"the {field} of {shown(metric)} is no whole number up to 2^53: {shown(place)}")


def _text(metric: str, field: str, text: Any) -> str:
    if not isinstance(text, str):
        raise Malformed(f"the {field} of {shown(metric)} is a text, not {shown(text)}")
    return text_of(text)
