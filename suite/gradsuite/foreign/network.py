"""A network that lives in a command: what is computed stays there until it is fetched."""

from collections.abc import Mapping
from dataclasses import asdict
from operator import is_
from typing import Any, NamedTuple
from weakref import finalize

import numpy as np

from gradsuite.backend import STATE_GRADIENTS, Batch, Gradients, Network, Tape
from gradsuite.errors import Unsupported, UserError
from gradsuite.foreign.child import Child, CommandError
from gradsuite.foreign.frames import Arrays
from gradsuite.model import Model
from gradsuite.optimizers import Optimizer

BY_CELL = {"lstm": STATE_GRADIENTS}  # the other cells have no cell states


class Held:
    """Something that the command keeps by its number; when nobody refers to it, the next request releases it."""

    def __init__(self, child: Child, *needs: "Held") -> None:
        """`needs` are kept as long as this one."""
        self.number = child.number()
        self.needs = needs
        finalize(self, child.released.append, self.number).atexit = False


class Remote(NamedTuple):
    """An array in the command: of what, and by which name."""

    held: Held
    name: str


class CommandNetwork(Network):
    """Its parameters are the host's, copied to the command when they are replaced; optimizers run on the host."""

    parameters: Mapping[str, np.ndarray]

    def __init__(
        self,
        child: Child,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str,
        dtype: str,
        state_gradients: tuple[str, ...],
    ) -> None:
        """Own these parameters; nothing is sent before `build`."""
        super().__init__(model, parameters, device=device, dtype=dtype)
        self.child = child
        self.held = Held(child)
        self.state_gradients = [name for name in BY_CELL.get(model.cell, ("states",)) if name in state_gradients]
        self.sent: tuple[np.ndarray, ...] = ()

    def build(self, schedule: Mapping[str, Any]) -> None:
        """Have the command build this network."""
        about = {"model": asdict(self.model), "device": self.device, "dtype": self.dtype, "schedule": schedule}
        self._send_parameters("build", **about)

    def put(self, batch: Batch) -> Held:
        """Copy a batch, floats in this network's dtype. Raises UserError for shapes and classes not the model's."""
        kind = "int64" if self.model.loss == "cross_entropy" else self.dtype
        arrays = {"inputs": np.asarray(batch.inputs, self.dtype), "targets": np.asarray(batch.targets, kind)}
        check(self.model, stacked=self.stacked, **arrays)
        held = Held(self.child, self.held)
        self.child.ask("put", arrays, network=self.held.number, batch=held.number)
        return held

    def forward(self, batch: Held, *, states: bool = False) -> Tape:
        """Have the command compute loss and outputs, which stay there. Raises Unsupported for states not claimed."""
        if states and not self.state_gradients:
            raise Unsupported(f"{self.child.name} has no state gradients")
        if not all(map(is_, self.sent, self.parameters.values())):
            self._send_parameters("assign")
        tape = Held(self.child, self.held, batch)
        numbers = {"network": self.held.number, "batch": batch.number, "tape": tape.number}
        self.child.ask("forward", **numbers, states=states)
        return Tape(Remote(tape, "loss"), Remote(tape, "outputs"), (tape, states))

    def backward(self, tape: Tape) -> Gradients:
        """Have the command compute the gradients, which stay there. Raises RuntimeError for a tape that is used up."""
        if tape.saved is None:
            raise RuntimeError("this tape is used up: run forward again")
        (held, states), tape.saved = tape.saved, None
        gradients = Held(self.child, self.held)
        self.child.ask("backward", tape=held.number, gradients=gradients.number)
        by_state = {name: Remote(gradients, name) for name in self.state_gradients if states}
        by_name = {name: Remote(gradients, name) for name in self.parameters}
        return Gradients(by_name, by_state.get("states"), by_state.get("cell_states"))

    def fetch(self, array: Remote | np.ndarray) -> np.ndarray:
        """Copy an array of the command's, or a parameter."""
        if isinstance(array, Remote):
            return self._fetch_all(array.held, [array.name])[array.name]
        return np.array(array)

    def fetch_gradients(self, gradients: Gradients) -> Gradients:
        """Copy all gradients to the host, with one request; those that are there, as parameters are, need none."""
        if not isinstance(next(iter(gradients.parameters.values())), Remote):
            return super().fetch_gradients(gradients)
        by_state = [name for name in STATE_GRADIENTS if getattr(gradients, name) is not None]
        held = next(iter(gradients.parameters.values())).held
        host = self._fetch_all(held, [*gradients.parameters, *by_state])
        return Gradients(
            {name: host[name] for name in gradients.parameters}, host.get("states"), host.get("cell_states")
        )

    def update(self, gradients: Gradients, optimizer: Optimizer) -> None:
        """Fetch the gradients, move the parameters on the host, and send them."""
        super().update(self.fetch_gradients(Gradients(gradients.parameters)), optimizer)
        self._send_parameters("assign")

    def _send_parameters(self, verb: str, **about: Any) -> None:
        for array in self.parameters.values():
            array.flags.writeable = False  # a change in place would go unnoticed
        self.child.ask(verb, self.parameters, network=self.held.number, **about)
        self.sent = tuple(self.parameters.values())

    def _fetch_all(self, held: Held, names: list[str]) -> Arrays:
        _, arrays = self.child.ask("fetch", **{"from": held.number, "names": names})
        if arrays.keys() != set(names):
            sent = ", ".join(sorted(arrays)) or "nothing"
            raise CommandError(f"the command of {self.child.name!r} was asked for {', '.join(names)} and sent {sent}")
        return arrays


def check(model: Model, inputs: np.ndarray, targets: np.ndarray, *, stacked: bool) -> None:
    """Raise UserError for shapes that are not the model's, a stack's axis aside, and for classes out of range."""
    axes = 3 if model.recurrent else 2
    shape = inputs.shape
    if len(shape) - axes not in (0, stacked) or shape[-1] != model.input_size or 0 in shape:
        names = "(T, B, " if model.recurrent else "(B, "
        raise UserError(f"inputs must be {names}{model.input_size}), not {shape}")
    wanted = model.targets_shape(shape[-axes:])
    leading = targets.ndim - len(wanted)
    if leading not in (0, stacked) or targets.shape[leading:] != wanted:
        raise UserError(f"targets must be {wanted}, not {targets.shape}")
    if model.loss == "cross_entropy" and (targets.min() < 0 or targets.max() >= model.output_width):
        raise UserError(f"classes must be 0 to {model.output_width - 1}, not {targets.min()} to {targets.max()}")
