"""Recurrent layers of PyTorch's, whose kernels do whole sequences: a few of these are computed again."""

from functools import partial
from typing import Any

import numpy as np
import torch
from gradsuite.diagnosis.watching import Reading, reach
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gradsuite_torch.modules import model_of, states_of
from gradsuite_torch.watching.again import again
from gradsuite_torch.watching.calls import Call
from gradsuite_torch.watching.gates import gate_readings
from gradsuite_torch.watching.loops import Loop, reach_readings
from gradsuite_torch.watching.numbers import on_gradient


class RecurrentLayers:
    """A `torch.nn.RNN`, `LSTM` or `GRU` while a step is looked at.

    Of several calls in one step the last one counts, to which a gradient came. Calls of a single time step are the
    steps of somebody's own loop.
    """

    def __init__(self, name: str, layer: nn.RNNBase, *, compiled: bool = False) -> None:
        """Take the layer, and whether it stands in a compiled module, which leaves it out but would compile hooks."""
        self.name = name
        self.layer = layer
        self.called = self._called
        if compiled:
            self.called = torch.compiler.disable(self._called)  # type: ignore[no-untyped-call]
        self.model = model_of(layer)
        self.loop = Loop(name)
        self.parameters: dict[str, Tensor] = {}
        self.calls = 0
        self.call: Call | None = None

    def hooks(self) -> list[RemovableHandle]:
        """Register what sees a call."""
        return [self.layer.register_forward_hook(self.called, with_kwargs=True)]

    def begin(self) -> None:
        """Note that the module, of which this is a part, begins a forward pass."""
        self.loop.begin()

    def readings(self) -> list[Reading]:
        """Return horizon, rate, longest lag, gate statistics and dead units of each layer, and forget the step."""
        call, parameters = self.call, self.parameters
        self.call, self.parameters, self.calls = None, {}, 0
        if call is None or not parameters:
            return self.loop.readings()
        with torch.autocast(call.x.device.type, enabled=False):
            seen = again(self.model, parameters, call)
        squares, longest = seen.squares.double().cpu().numpy(), seen.longest.tolist()
        found = [Reading("difference", seen.difference.item(), self.name)]
        for number, trace in enumerate(seen.traces):
            norms = np.sqrt(squares[number, : longest[number] + 1])
            found += reach_readings(reach(norms), self.name, number)
            found += gate_readings(self.model, trace, self.name, number)
        return found

    def _called(self, layer: nn.RNNBase, args: Any, kwargs: Any, result: Any) -> None:
        if not layer.training or not torch.is_grad_enabled():
            return
        given = dict(zip(("input", "hx"), args, strict=False)) | kwargs
        output, last = result[0], states_of(result[1])
        data = output if isinstance(output, Tensor) else output.data
        if not data.requires_grad:
            return
        if single_step(layer, given["input"]):
            self.loop.called([data, *last])
            return
        self.calls += 1
        if not self.parameters:
            self.parameters = copied(layer)
        call = Call.of(layer, self.calls, given["input"], given.get("hx"), output)
        on_gradient(data, partial(self._arrived, call, kind=-1))
        for kind, state in enumerate(last):
            on_gradient(state, partial(self._arrived, call, kind=kind))

    def _arrived(self, call: Call, gradient: Tensor, kind: int) -> None:
        """Keep the gradient by a call's outputs, of kind -1, or by its last states of another kind."""
        call.arrived(gradient, kind)
        if self.call is None or call.number > self.call.number:
            self.call = call


def single_step(layer: nn.RNNBase, inputs: Any) -> bool:
    """Return whether a call is of a single time step."""
    if not isinstance(inputs, Tensor):
        return len(inputs.batch_sizes) == 1
    return inputs.shape[1 if layer.batch_first and inputs.dim() == 3 else 0] == 1


def copied(layer: nn.RNNBase) -> dict[str, Tensor]:
    """Return a layer's parameters as they are now, wide enough to compute with; biases that it has not are zero."""
    wide = torch.float64 if layer.weight_ih_l0.dtype == torch.float64 else torch.float32
    own = {name: p.detach().to(wide, copy=True) for name, p in layer.named_parameters(recurse=False)}
    if layer.bias:
        return own
    rows = {name: p for name, p in own.items() if name.startswith("weight_")}
    return own | {name.replace("weight", "bias"): p.new_zeros(len(p)) for name, p in rows.items()}
