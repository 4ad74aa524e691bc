"""What a run says of itself: its meta data, and which form each of them has."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Form = Callable[[Any], bool]


def read(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return the meta data of a run. Raises ValueError for what is not JSON."""
    return {name: json.loads(value) for name, value in connection.execute("SELECT name, value FROM meta")}


def write(connection: sqlite3.Connection, meta: Mapping[str, Any]) -> None:
    """Add to the meta data, or replace what has the same name."""
    rows = [(name, json.dumps(value)) for name, value in meta.items()]
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)


def now() -> str:
    """Return the time as a run notes it: in UTC, to a second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def misshapen(meta: Mapping[str, Any]) -> str:
    """Return the name of the first of these that has not its form, or nothing; what is not known has any."""
    return next((name for name, form in FORMS.items() if name in meta and not form(meta[name])), "")


def text(value: Any) -> bool:
    """Whether this is a text."""
    return isinstance(value, str)


def maybe(form: Form) -> Form:
    """Return the form of something that may be null."""
    return lambda value: value is None or form(value)


def of(*kinds: type) -> Form:
    """Return the form of a number or a truth value."""
    return lambda value: isinstance(value, kinds)


def time(value: Any) -> bool:
    """Whether this is a time in UTC."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def several(form: Form) -> Form:
    """Return the form of a list of these."""
    return lambda value: isinstance(value, list) and all(map(form, value))


def table(form: Form) -> Form:
    """Return the form of a table of these by name."""
    return lambda value: isinstance(value, dict) and all(map(form, value.values()))


def record(*needed: str, **forms: Form) -> Form:
    """Return the form of a table of what has each its own; it has all that is `needed`, and more that has any form."""

    def fits(value: Any) -> bool:
        if not isinstance(value, dict) or not all(name in value for name in needed):
            return False
        return all(form(value[name]) for name, form in forms.items() if name in value)

    return fits


def anything(value: Any) -> bool:
    """Whether this is anything at all."""
    return True


texts = several(text)
scalar = of(str, int, float)
backend = record(
    *("versions", "devices", "dtypes"),
    versions=table(anything),
    devices=texts,
    dtypes=texts,
    cells=texts,
    readouts=texts,
    losses=texts,
    features=texts,
    libraries=texts,
    state_gradients=texts,
    activations=table(texts),
)
configuration = record(
    **{
        **dict.fromkeys(("experiment", "backend", "no-plugin", "select", "exclude"), texts),
        "preset": text,
        "device": text,
        "set": table(several(scalar)),
        "threads": maybe(of(int)),
        "tuned": of(bool),
    }
)
machine = record(
    cpu=maybe(text),
    features=texts,
    cores=maybe(of(int)),
    threads=maybe(of(int)),
    layout=maybe(of(str, bool)),
    memory=maybe(of(int)),
    platform=maybe(text),
    python=maybe(text),
    mark=maybe(text),
    git=maybe(table(scalar)),
)
FORMS: Mapping[str, Form] = {
    "gradsuite": text,
    "configuration": configuration,
    "experiments": texts,
    "preset": text,
    "apart": texts,
    "settings": table(several(scalar)),
    "data": table(text),
    "code": table(text),
    "device": text,
    "backends": table(backend),
    "unavailable": several(record("name", "reason", "install", name=text, reason=text, install=text)),
    "machine": machine,
    "origins": texts,
    "tuned": table(table(text)),
    "preflight": table(text),
    "doubted": texts,
    "started": time,
    "resumed": time,
    "finished": time,
    "machines": table(machine),
    "runs": table(
        record(
            "machine",
            machine=text,
            backends=table(table(anything)),
            started=time,
            finished=time,
            configuration=configuration,
        )
    ),
}
