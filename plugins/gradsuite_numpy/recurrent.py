"""Backpropagation through time over a stack of recurrent layers (Werbos 1990), window by window."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from gradsuite.backend import Batch, Gradients
from gradsuite.cells import find
from gradsuite.model import Model
from gradsuite.schedule import Schedule

from gradsuite_numpy.arrays import Array, rows
from gradsuite_numpy.direction import Direction
from gradsuite_numpy.gru import Gru
from gradsuite_numpy.layer import Layer, LayerGradients, State
from gradsuite_numpy.linear import MinGru, Minimal, MinLstm
from gradsuite_numpy.lru import Lru
from gradsuite_numpy.lstm import Lstm
from gradsuite_numpy.reading import Reading
from gradsuite_numpy.readout import readout_of
from gradsuite_numpy.rnn import Rnn
from gradsuite_numpy.state_gradients import StateGradients
from gradsuite_numpy.stretch import Stretch
from gradsuite_numpy.windows import Window, stretches, windows
from gradsuite_numpy.workspace import Workspace

LINEAR: dict[str, type[Minimal] | type[Lru]] = {"lru": Lru, "mingru": MinGru, "minlstm": MinLstm}
LAYERS: dict[str, type[Layer]] = {"rnn": Rnn, "lstm": Lstm, "gru": Gru, **LINEAR}


class Recurrent:
    """The layers for given parameters, the readout, if any, and the schedule of the backward pass."""

    def __init__(self, model: Model, parameters: Mapping[str, Array], schedule: Schedule) -> None:
        kind, cell = LAYERS[model.cell], find(model.cell)
        self.directions = [
            Direction(
                kind(model.of_layer(parameters, layer, reverse=reverse), model.activation),
                number,
                partial(cell.name_of, layer=layer, reverse=reverse),
                reverse=reverse,
            )
            for number, (layer, reverse) in enumerate(model.layers_and_directions)
        ]
        for layer in self.layers:
            if isinstance(layer, Minimal | Lru):
                layer.scan = schedule.scan
        each = model.directions
        self.by_layer = [self.directions[k : k + each] for k in range(0, len(self.directions), each)]
        self.state_size = kind.state_size
        self.readout = readout_of(parameters)
        self.schedule = schedule
        self.model = model
        name, first = next(iter(model.layer_parameters(0).items()))
        self.lead = parameters[cell.name_of(name, 0)].shape[: -len(first.shape)]

    @property
    def layers(self) -> list[Layer]:
        """Every layer in each of its directions."""
        return [one.layer for one in self.directions]

    def start(self, batch: Batch, workspace: Workspace, *, states: bool) -> "RecurrentPass":
        """Run forward over inputs (..., T, B, I)."""
        return RecurrentPass(self, batch, workspace, states=states)


class RecurrentPass:
    """One pass: the states at the start of each window and what the last window saved; `outputs` are for the loss."""

    def __init__(self, net: Recurrent, batch: Batch, workspace: Workspace, *, states: bool) -> None:
        self.net, self.batch, self.workspace, self.states = net, batch, workspace, states
        self.inputs = batch.inputs
        T, B = self.inputs.shape[-3:-1]
        self.state_shape = (*net.lead, B, net.model.hidden_size)
        self.every_step = net.model.readout == "all"
        self.any_step = self.every_step or batch.lengths is not None  # may have a loss
        self.windows = windows(net.schedule, T, every_step_has_a_loss=self.any_step)
        self.starts: dict[int, list[State]] = {}
        state = self.first_states()
        needed = {window.start for window in self.windows}
        outputs = []
        self.last: Array | None = None  # what the readout reads, unless it reads every step
        for start, end in stretches(self.windows):
            if start in needed:
                self.starts[start] = state
            self.readings = self.run(start, end, state)
            if end < T or batch.state is not None:
                state = [after for reading in self.readings for after in reading.after()]
            if self.every_step:
                outputs.append(self.read(self.readings[-1].out))
            elif self.any_step or end == T:
                self.last = self.readings[-1].last(self.last)
        self.last_state = None if batch.state is None else tuple(map(np.stack, zip(*state, strict=True)))
        self.outputs = self.joined(outputs) if self.last is None else self.read_last(self.last)

    def first_states(self) -> list[State]:
        """Return the states before the first step."""
        if self.batch.state is not None:
            return list(zip(*self.batch.state, strict=True))
        zeros = np.zeros(self.state_shape, self.workspace.dtype)
        return [(zeros,) * self.net.state_size for _ in self.net.directions]

    def run(self, start: int, end: int, state: list[State]) -> list[Reading]:
        """Run all layers over steps [start, end)."""
        stretch, readings = Stretch(self.batch, start, end), list[Reading]()
        x = stretch.inputs
        for directions in self.net.by_layer:
            if readings:
                x = readings[-1].out
            readings.append(Reading(directions, x, state, stretch, self.workspace))
        return readings

    def read(self, h: Array) -> Array:
        """Return the outputs (..., T, B, O) for what the top layer puts out (..., T, B, F)."""
        assert self.net.readout is not None
        y = self.net.readout.forward(rows(h))
        return y.reshape(*y.shape[:-2], *h.shape[-3:-1], y.shape[-1])

    def read_last(self, h: Array) -> Array:
        """Return the outputs (..., B, O) for the last of it, or a copy of it without a readout."""
        return self.net.readout.forward(h) if self.net.readout else h.copy()

    def joined(self, outputs: list[Array]) -> Array:
        """Return the outputs of all stretches, zero past each length."""
        joined = np.concatenate(outputs, axis=-3) if len(outputs) > 1 else outputs[0]
        Stretch(self.batch, 0, joined.shape[-3]).clear(joined)
        return joined

    def backward(self, dy: Array) -> Gradients:
        """Walk the windows back from the last; each passes dL/d(its first states) on to the one before."""
        by_state = self.state_gradients()
        total, dlast = self.read_back_last(dy)
        for window in reversed(self.windows):
            is_last = window.end == self.inputs.shape[-3]
            readings = self.readings if is_last else self.run(window.start, window.end, self.starts[window.start])
            dstates = by_state.room(window)
            gradients = self.seed(window, readings[-1], dy, dlast, dstates)
            for index in reversed(range(len(readings))):
                direct = self.any_step or index < len(readings) - 1
                gradients |= readings[index].backward(dstates, by_state.carry, direct=direct)
                if index:
                    readings[index - 1].put(readings[index].pull, dstates)
            for name, gradient in gradients.items():
                total[name] = total[name] + gradient if name in total else gradient
            by_state.add(window, dstates)
        initial = None if by_state.initial is None else tuple(by_state.initial)
        return Gradients(total, *by_state.over_time(self.net.model), initial_state=initial)

    def state_gradients(self) -> StateGradients:
        """Return the gradients by states, of which nothing is known yet."""
        shape = (len(self.net.directions), *self.state_shape)
        carries = self.net.schedule.truncation is None  # gradients pass from each window to the one before
        by_state = StateGradients(self.batch, shape, self.net.state_size, self.workspace, carries=carries)
        if self.states:
            by_state.keep()
        return by_state

    def read_back_last(self, dy: Array) -> tuple[LayerGradients, Array]:
        """Return the readout's gradients and dL/d(what it read), if that is the last of it."""
        if self.last is None or self.net.readout is None:
            return {}, dy
        dlast = self.workspace.array("dlast", self.last.shape)
        return self.net.readout.backward(self.last, dy, dlast), dlast

    def seed(self, window: Window, top: Reading, dy: Array, dlast: Array, dstates: list[State]) -> LayerGradients:
        """Put the gradient of a window's losses by what its top layer puts out; return the readout's gradients.

        If only the last state is read, only the last row is written, without lengths; the others stay unset.
        """
        readout = self.net.readout
        if not self.every_step:
            top.put_last(dlast, dstates, window.losses)
            return {}
        assert readout is not None
        first = window.losses - window.start
        dy = dy[..., window.losses : window.end, :, :]

        def write(dout: Array) -> LayerGradients:
            dout[..., :first, :, :] = 0
            return readout.backward(rows(top.out[..., first:, :, :]), rows(dy), rows(dout[..., first:, :, :]))

        gradients: LayerGradients = top.put(write, dstates)
        return gradients
