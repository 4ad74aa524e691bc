"""Backpropagation through time over a stack of recurrent layers (Werbos 1990), window by window."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gradsuite.backend import Gradients
from gradsuite.model import Model
from gradsuite.schedule import Schedule

from gradsuite_numpy.arrays import Array, rows, steps
from gradsuite_numpy.gru import Gru
from gradsuite_numpy.layer import Layer, State
from gradsuite_numpy.lstm import Lstm
from gradsuite_numpy.readout import readout_of
from gradsuite_numpy.rnn import Rnn
from gradsuite_numpy.windows import Window, stretches, windows
from gradsuite_numpy.workspace import Workspace

LAYERS: dict[str, type[Layer]] = {"rnn": Rnn, "lstm": Lstm, "gru": Gru}
ROLES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Recurrent:
    """The layers for given parameters, the readout, if any, and the schedule of the backward pass."""

    def __init__(self, model: Model, parameters: Mapping[str, Array], schedule: Schedule) -> None:
        kind = LAYERS[model.cell]
        self.layers = [
            kind([parameters[f"{role}_l{layer}"] for role in ROLES], model.activation)
            for layer in range(model.num_layers)
        ]
        self.readout = readout_of(parameters)
        self.every_step = model.readout == "all"
        self.schedule = schedule
        self.carries = schedule.truncation is None  # gradients pass from each window to the one before
        self.lead = self.layers[0].w_hh.shape[:-2]
        self.hidden_size = model.hidden_size

    def start(self, inputs: Array, workspace: Workspace, *, states: bool) -> "RecurrentPass":
        """Run forward over inputs (..., T, B, I)."""
        return RecurrentPass(self, inputs, workspace, states=states)


class RecurrentPass:
    """One pass: the states at the start of each window and what the last window saved; `outputs` are for the loss."""

    def __init__(self, net: Recurrent, inputs: Array, workspace: Workspace, *, states: bool) -> None:
        self.net, self.inputs, self.workspace, self.states = net, inputs, workspace, states
        T, B = inputs.shape[-3:-1]
        self.state_shape = (*net.lead, B, net.hidden_size)
        self.windows = windows(net.schedule, T, every_step_has_a_loss=net.every_step)
        self.starts: dict[int, list[State]] = {}
        zeros = np.zeros(self.state_shape, workspace.dtype)
        state: list[State] = [(zeros,) * layer.state_size for layer in net.layers]
        needed = {window.start for window in self.windows}
        outputs = []
        for start, end in stretches(self.windows):
            if start in needed:
                self.starts[start] = state
            self.saved = self.run(start, end, state)
            if end < T:
                state = [tuple(a[..., -1, :, :].copy() for a in s[: len(state[0])]) for s in self.saved]
            if net.every_step:
                outputs.append(self.read(self.saved[-1].h[..., 1:, :, :]))
        self.outputs = np.concatenate(outputs, axis=-3) if len(outputs) > 1 else outputs[0] if outputs else self.last()

    def run(self, start: int, end: int, state: list[State]) -> list[Any]:
        """Run all layers over steps [start, end) and return what each saved."""
        x, saved = self.inputs[..., start:end, :, :], []
        for index, layer in enumerate(self.net.layers):
            saved.append(layer.forward(x, state[index], self.workspace.room(index)))
            x = saved[-1].h[..., 1:, :, :]
        return saved

    def read(self, h: Array) -> Array:
        """Return the outputs (..., T, B, O) for states (..., T, B, H)."""
        assert self.net.readout is not None
        y = self.net.readout.forward(rows(h))
        return y.reshape(*y.shape[:-2], *h.shape[-3:-1], y.shape[-1])

    def last(self) -> Array:
        """Return the outputs of the last state: (..., B, O), or a copy of it without a readout."""
        h = steps(self.saved[-1].h)[-1]
        return self.net.readout.forward(h) if self.net.readout else h.copy()

    def backward(self, dy: Array) -> Gradients:
        """Walk the windows back from the last; each passes dL/d(its first states) on to the one before."""
        net, total = self.net, dict[str, Array]()
        T = self.inputs.shape[-3]
        kept = self.kept_states(T) if self.states else None
        carry: list[State] = []
        for window in reversed(self.windows):
            saved = self.saved if window.end == T else self.run(window.start, window.end, self.starts[window.start])
            dstates = self.room_for(window, kept)
            gradients = self.seed(window, saved, dy, dstates[-1][0])
            for index in reversed(range(len(net.layers))):
                for d, later in zip(dstates[index], carry[index] if carry else (), strict=False):
                    d[..., -1, :, :] += later
                layer, below = net.layers[index], saved[index - 1].h[..., 1:, :, :] if index else None
                x = self.inputs[..., window.start : window.end, :, :] if below is None else below
                direct = net.every_step or layer is not net.layers[-1]
                dz_ih, dz_hh = layer.backward(saved[index], dstates[index], direct=direct)
                part = layer.gradients(x, saved[index].h, dz_ih, dz_hh)
                gradients |= {f"{role}_l{index}": g for role, g in part.items()}
                if index:
                    dh_below = dstates[index - 1][0]
                    np.matmul(rows(dz_ih), layer.w_ih, out=rows(dh_below[..., 1:, :, :]))
            for name, gradient in gradients.items():
                total[name] = total[name] + gradient if name in total else gradient
            if net.carries:
                carry = [tuple(d[..., 0, :, :].copy() for d in layer) for layer in dstates]
            elif kept is not None:
                for array, layers in zip(kept, zip(*dstates, strict=True), strict=True):
                    for into, d in zip(array, layers, strict=True):
                        into[..., window.start + 1 : window.end + 1, :, :] += d[..., 1:, :, :]
        if kept is None:
            return Gradients(total)
        return Gradients(total, *(np.moveaxis(a[..., 1:, :, :], 0, -3) for a in kept))

    def kept_states(self, T: int) -> list[Array]:
        """Return arrays (layers, ..., T + 1, B, H) for dL/dh, and for dL/dc of lstm."""
        *lead, B, H = self.state_shape
        shape = (len(self.net.layers), *lead, T + 1, B, H)
        new = np.empty if self.net.carries else np.zeros  # truncated windows overlap and add up
        return [new(shape, self.workspace.dtype) for _ in range(self.net.layers[0].state_size)]

    def room_for(self, window: Window, kept: list[Array] | None) -> list[State]:
        """Return arrays for each layer's dL/d(states) (..., T + 1, B, H) of a window, first and last rows zero."""
        *lead, B, H = self.state_shape
        shape = (*lead, window.end - window.start + 1, B, H)
        dstates: list[State] = []
        for index, layer in enumerate(self.net.layers):
            if kept is not None and self.net.carries:
                arrays = tuple(a[index][..., window.start : window.end + 1, :, :] for a in kept)
            else:
                arrays = tuple(self.workspace.array(f"d{k}.{index}", shape) for k in range(layer.state_size))
            for array in arrays:
                array[..., 0, :, :] = array[..., -1, :, :] = 0
            dstates.append(arrays)
        return dstates

    def seed(self, window: Window, saved: list[Any], dy: Array, dh: Array) -> dict[str, Array]:
        """Write into dh the gradient of a window's losses by its top layer's states; return the readout's gradients.

        If only the last state is read, only the last row is written; the others stay unset.
        """
        h, readout = saved[-1].h, self.net.readout
        if self.net.every_step and readout:
            first = window.losses - window.start + 1
            dh[..., :first, :, :] = 0
            dy = dy[..., window.losses : window.end, :, :]
            return readout.backward(rows(h[..., first:, :, :]), rows(dy), rows(dh[..., first:, :, :]))
        if window.end < self.inputs.shape[-3]:
            return {}
        last = steps(dh)[-1]
        if readout:
            return readout.backward(steps(h)[-1], dy, last)
        last[...] = dy
        return {}
