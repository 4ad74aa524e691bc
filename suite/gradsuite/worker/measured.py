"""Rows between worker and host: whatever an experiment yields is a list of measurements, or is named as none."""

from collections.abc import Iterable, Sequence, Set
from typing import Any

from gradsuite.rows import Measurement
from gradsuite.worker.malformed import Malformed, shown, text_of

FIELDS = ("metric", "value", "unit", "index", "layer", "member", "note")
PLACES = range(-(2**53), 2**53 + 1)  # whole numbers that stay what they are in every table, beside missing ones


def packed(experiment: str, measured: Any) -> list[list[Any]]:
    """Return what an experiment yielded as rows for JSON. Raises Malformed, which names it, for what are none."""
    try:
        return _rows(measured)
    except Malformed as error:
        raise Malformed(f"experiment {experiment!r}: {error}") from error


def unpacked(rows: Any) -> list[Measurement]:
    """Return the measurements of rows that have come through JSON. Raises Malformed for what is none."""
    if not isinstance(rows, list):
        raise Malformed(f"measurements are a list, not {shown(rows)}")
    measurements = []
    for row in rows:
        if not isinstance(row, list) or len(row) != len(FIELDS):
            raise Malformed(f"a measurement is a list of {', '.join(FIELDS)}, not {shown(row)}")
        measurements.append(Measurement(*_fields(row)))
    return measurements


def _rows(measured: Any) -> list[list[Any]]:
    if isinstance(measured, Set) or not isinstance(measured, Iterable):
        raise Malformed(f"a round is a list of measurements, not {shown(measured)}")
    rows = []
    for one in measured:
        if not isinstance(one, Measurement):
            raise Malformed(f"a round is a list of measurements, but there is {shown(one)} in it")
        rows.append(list(_fields([getattr(one, name) for name in FIELDS])))
    return rows


def _fields(row: Sequence[Any]) -> tuple[Any, ...]:
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
        if not isinstance(place, str) and whole == place and whole in PLACES:
            return whole
    except Exception:  # noqa: BLE001  a plugin's own class may fail in any way: then it is none
        pass
    raise Malformed(f"the {field} of {shown(metric)} is no whole number up to 2^53: {shown(place)}")


def _text(metric: str, field: str, text: Any) -> str:
    if not isinstance(text, str):
        raise Malformed(f"the {field} of {shown(metric)} is a text, not {shown(text)}")
    return text_of(text)
