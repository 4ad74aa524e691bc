"""Modules that somebody's own code calls once a time step, or once a layer: gradients by what each call returns."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from gradsuite.diagnosis.watching import Reach, Reading, reach
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.utils.hooks import RemovableHandle

from gradsuite_torch.modules import states_of
from gradsuite_torch.watching.calls import SEQUENCES
from gradsuite_torch.watching.gates import statistics
from gradsuite_torch.watching.numbers import fetch, norm, on_gradient

LONGEST = 10_000  # calls of one pass that are kept
CELLS: Mapping[type[nn.RNNCellBase], str] = {nn.RNNCell: "rnn", nn.LSTMCell: "lstm", nn.GRUCell: "gru"}


class Loop:
    """The gradients by the states of a loop, step by step, of the last forward pass that a gradient came back to.

    It is the total gradient, as the loop itself has it: a loss that reads every step is added up in it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: list[list[Tensor]] = []  # of each call, the norms by its states
        self.before: list[list[Tensor]] = []

    def begin(self) -> None:
        """Begin a forward pass."""
        if any(self.steps):
            self.before = self.steps
        self.steps = []

    def called(self, states: Iterable[Tensor]) -> None:
        """Note a call that returned these states."""
        if len(self.steps) == LONGEST:
            return
        norms: list[Tensor] = []
        self.steps.append(norms)
        for state in states:
            if state.requires_grad:
                on_gradient(state, lambda gradient: norms.append(norm(gradient)))

    def readings(self) -> list[Reading]:
        """Return horizon, rate and longest lag, and forget the step."""
        steps = self.steps if any(self.steps) else self.before
        self.steps, self.before = [], []
        values = iter(fetch(one for norms in steps for one in norms))
        by_step = [float(np.hypot.reduce([next(values) for _ in norms])) if norms else 0.0 for norms in steps]
        while by_step and by_step[-1] == 0:
            by_step.pop()
        return reach_readings(reach(np.array(by_step[::-1])), self.name, -1) if len(by_step) > 1 else []


class LoopedCell:
    """A `torch.nn.LSTMCell`, `GRUCell` or `RNNCell` while a step is looked at."""

    def __init__(self, name: str, cell: nn.RNNCellBase) -> None:
        self.name = name
        self.cell = cell
        self.kind = CELLS[type(cell)]
        self.loop = Loop(name)
        self.gates: list[Tensor] = []
        self.states: list[Tensor] = []

    def hooks(self) -> list[RemovableHandle]:
        """Register what sees a call."""
        return [self.cell.register_forward_hook(self._called, with_kwargs=True)]

    def begin(self) -> None:
        """Note that the module, of which this is a part, begins a forward pass."""
        self.loop.begin()
        self.gates, self.states = [], []

    def readings(self) -> list[Reading]:
        """Return the loop's horizon, and the statistics of its gates or states."""
        found, gates, states = self.loop.readings(), self.gates, self.states
        self.gates, self.states = [], []
        if not states:
            return found
        joined = torch.stack(gates) if gates else None
        return found + statistics(self.kind, self._activation, joined, torch.stack(states), self.name, -1)

    @property
    def _activation(self) -> str:
        return self.cell.nonlinearity if isinstance(self.cell, nn.RNNCell) else "tanh"

    @torch.no_grad()
    def _called(self, cell: nn.RNNCellBase, args: Any, kwargs: Any, result: Any) -> None:
        states = states_of(result)
        if not cell.training or not states[0].requires_grad or len(self.states) == LONGEST:
            return
        self.loop.called(states)
        self.states.append(first(states[0]).clone())
        if self.kind != "rnn":
            given = dict(zip(("input", "hx"), args, strict=False)) | kwargs
            x, state = first(given["input"]), given.get("hx")
            h = torch.zeros_like(self.states[-1]) if state is None else first(states_of(state)[0])
            z = linear(x, cell.weight_ih, cell.bias_ih) + linear(h, cell.weight_hh, cell.bias_hh)
            self.gates.append(z.sigmoid())  # of those that are sigmoid; nobody reads the candidate's


def first(array: Tensor) -> Tensor:
    """Return the first sequences of a batch (B, N), or the only one (N)."""
    return array.detach()[:SEQUENCES] if array.dim() > 1 else array.detach()[None]


def reach_readings(found: Reach, module: str, layer: int, prefix: str = "") -> list[Reading]:
    """Return a horizon, its rate and the longest lag there is as readings."""
    named: Mapping[str, float] = {"horizon": found.horizon, "rate": found.rate, "longest_horizon": found.longest}
    names = {"horizon": f"{prefix}horizon", "rate": f"{prefix}rate", "longest_horizon": f"longest_{prefix}horizon"}
    return [Reading(names[key], value, module, layer) for key, value in named.items()]
