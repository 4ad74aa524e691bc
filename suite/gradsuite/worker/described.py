"""What a backend says of itself, between worker and host: a BackendInfo, or named as none."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from gradsuite.alias import original
from gradsuite.description import BackendInfo
from gradsuite.errors import UserError
from gradsuite.worker.malformed import Malformed, shown, text_of

Kind = tuple[Callable[[Any], Any], str]  # returns a value as it is kept, or raises ValueError; and what it must be


def packed(backend: str, said: Any) -> dict[str, Any]:
    """Return the answer of `describe` as fields for JSON. Raises Malformed for what is no description."""
    if not isinstance(said, BackendInfo):
        raise Malformed(f"backend {original(backend)!r} describes itself by {shown(said)}, not by a BackendInfo")
    return _kept(backend, {field.name: getattr(said, field.name) for field in fields(BackendInfo)})


def unpacked(backend: str, said: Any) -> BackendInfo:
    """Return the description that has come through JSON. Raises Malformed for what is none."""
    if not isinstance(said, dict):
        raise Malformed(f"backend {original(backend)!r} describes itself by {shown(said)}, not by a BackendInfo")
    try:
        return BackendInfo(**_kept(backend, said))
    except (UserError, TypeError) as error:  # a field too many or too few
        raise Malformed(f"backend {original(backend)!r}: {error}") from error


def _kept(backend: str, said: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, value in said.items():
        keep, kind = KINDS.get(name, TEXTS)
        try:
            kept[name] = keep(value)
        except ValueError as error:
            message = f"backend {original(backend)!r} describes its {name} by {shown(value)}, not by {kind}"
            raise Malformed(message) from error
    return kept


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return text_of(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError
    return tuple(map(_text, value))


def _versions(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError
    return {_text(name): _text(version) for name, version in value.items()}


def _activations(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise ValueError
    return {_text(cell): _texts(names) for cell, names in value.items()}


def _count(value: Any) -> int | None:
    if value is not None and (type(value) is not int or value < 1):
        raise ValueError
    return value


TEXTS: Kind = (_texts, "a tuple of texts")
KINDS: Mapping[str, Kind] = {
    "name": (_text, "a text"),
    "versions": (_versions, "a table of texts"),
    "activations": (_activations, "a table of tuples of texts"),
    "max_layers": (_count, "a whole number above 0"),
}
