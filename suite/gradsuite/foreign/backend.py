"""A backend whose work is done by a command."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, ClassVar

import numpy as np

from gradsuite.backend import Backend, BackendInfo
from gradsuite.errors import UserError, unknown
from gradsuite.foreign.child import Child
from gradsuite.foreign.frames import DTYPES
from gradsuite.foreign.network import CommandNetwork
from gradsuite.model import Model
from gradsuite.schedule import Schedule

PROTOCOL = 1


class CommandBackend(Backend):
    """Starts its command when it is first asked, and again if it has ended: a death costs its networks alone."""

    command: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self._child: Child | None = None
        self._claims: BackendInfo | None = None

    @property
    def child(self) -> Child:
        """The command's process, alive as far as is known."""
        if self._child is None or self._child.failure:
            self._child = Child(self.name, self.command)
        return self._child

    def describe(self) -> BackendInfo:
        """Return what the command says of itself. Raises UserError for what is no description."""
        said, _ = self.child.ask("describe", protocol=PROTOCOL)
        if said.get("protocol") != PROTOCOL:
            raise UserError(f"the command of {self.name!r} speaks protocol {said.get('protocol')!r}, not {PROTOCOL}")
        self._claims = info(self.name, said.get("info"))
        return self._claims

    def build(
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        schedule: Schedule = Schedule(),
    ) -> CommandNetwork:
        """Send host parameters to the command; what it does not claim never reaches it."""
        self.require(model, parameters, device, dtype, schedule)  # which asks it to describe itself
        assert self._claims is not None
        claimed = self._claims.state_gradients
        arrays = {name: np.array(parameter, dtype) for name, parameter in parameters.items()}
        network = CommandNetwork(self.child, model, arrays, device=device, dtype=dtype, state_gradients=claimed)
        network.build(asdict(schedule))
        return network


def command_backend(name: str, command: Sequence[str]) -> type[CommandBackend]:
    """Return the class of the backend `name`, which this command computes."""
    return type(name, (CommandBackend,), {"name": name, "command": tuple(command), "__doc__": f"The command {name}."})


def info(name: str, said: Any) -> BackendInfo:
    """Return a description that came as JSON. Raises UserError for a field that is unknown, missing or malformed."""
    known = [field.name for field in fields(BackendInfo) if field.name != "name"]
    told = f"the command of {name!r} describes"
    if not isinstance(said, dict):
        raise UserError(f"{told} itself by {said!r}, not by an object `info`")
    for field, value in said.items():
        if field not in known:
            raise unknown(f"field of `info` from {name!r}", field, known)
        if not FIELDS.get(field, TEXTS)[0](value):
            raise UserError(f"{told} {field} as {value!r} (allowed: {FIELDS.get(field, TEXTS)[1]})")
    if missing := [field for field in ("versions", "devices", "dtypes", "cells") if field not in said]:
        raise UserError(f"{told} no {', '.join(missing)}")
    if strange := sorted(set(said["dtypes"]) - set(DTYPES)):
        raise UserError(f"{told} the dtype {strange[0]!r}, which frames do not carry (allowed: {', '.join(DTYPES)})")
    values: dict[str, Any] = {f: tuple(value) if isinstance(value, list) else value for f, value in said.items()}
    if "activations" in values:
        values["activations"] = {cell: tuple(names) for cell, names in values["activations"].items()}
    return BackendInfo(name=name, **values)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


# What a field may be, and that in words; any other field is a list of texts.
Rule = tuple[Callable[[Any], bool], str]
TEXTS: Rule = (_are_texts, 'a list of texts, as ["cpu"]')
FIELDS: Mapping[str, Rule] = {
    "versions": (
        lambda value: isinstance(value, dict) and _are_texts(list(value.values())),
        'versions by package, as {"mine": "1.0"}',
    ),
    "activations": (
        lambda value: isinstance(value, dict) and all(map(_are_texts, value.values())),
        'names by cell, as {"rnn": ["tanh"]}',
    ),
    "max_layers": (
        lambda value: value is None or (isinstance(value, int) and value > 0),
        "a number from 1 on, or null",
    ),
}
