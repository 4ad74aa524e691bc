"""The gradients by states, window by window: room for them, what they carry to the window before, what is kept."""

import numpy as np
from gradsuite.backend import Batch
from gradsuite.model import Model

from gradsuite_numpy.arrays import Array, Shape
from gradsuite_numpy.layer import State
from gradsuite_numpy.stretch import Stretch
from gradsuite_numpy.windows import Window
from gradsuite_numpy.workspace import Workspace


class StateGradients:
    """dL/dh, and dL/dc of cells of two states, of every layer and direction: the last window's first, then backwards.

    Lists of states hold those of all layers and directions by their numbers. `carry` is what reaches a window's last
    states from later windows, empty if there is none.
    """

    def __init__(self, batch: Batch, shape: Shape, kinds: int, workspace: Workspace, *, carries: bool) -> None:
        """Begin after the last step. `shape` is (layers, ..., B, H) of each of `kinds` states."""
        self.batch, self.shape, self.kinds, self.workspace, self.carries = batch, shape, kinds, workspace, carries
        self.carry: list[State] = []
        self.kept: list[Array] | None = None
        self.initial: list[Array] | None = None
        if batch.state is not None:
            self.initial = [np.zeros(shape, workspace.dtype) for _ in range(kinds)]

    def keep(self) -> None:
        """Keep the gradients of all steps, (layers, ..., T + 1, B, H)."""
        layers, *lead, B, H = self.shape
        shape = (layers, *lead, self.batch.inputs.shape[-3] + 1, B, H)
        new = np.empty if self.carries else np.zeros  # truncated windows overlap and add up
        self.kept = [new(shape, self.workspace.dtype) for _ in range(self.kinds)]

    def room(self, window: Window) -> list[State]:
        """Return arrays for each layer's gradients (..., T + 1, B, H) in a window, first and last rows zero."""
        layers, *lead, B, H = self.shape
        shape = (*lead, window.end - window.start + 1, B, H)
        dstates: list[State] = []
        for number in range(layers):
            if self.kept is not None and self.carries:
                arrays = tuple(a[number][..., window.start : window.end + 1, :, :] for a in self.kept)
            else:
                arrays = tuple(self.workspace.array(f"d{k}.{number}", shape) for k in range(self.kinds))
            for array in arrays:
                array[..., 0, :, :] = array[..., -1, :, :] = 0
            dstates.append(arrays)
        return dstates

    def add(self, window: Window, dstates: list[State]) -> None:
        """Take in a window that has been walked back."""
        if self.carries:
            self.carry = [tuple(d[..., 0, :, :].copy() for d in layer) for layer in dstates]
        elif self.kept is not None:
            for k, kept in enumerate(self.kept):
                for into, d in zip(kept, dstates, strict=True):
                    into[..., window.start + 1 : window.end + 1, :, :] += d[k][..., 1:, :, :]
        if window.start == 0 and self.initial is not None:
            for k, initial in enumerate(self.initial):
                for into, d in zip(initial, dstates, strict=True):
                    into += d[k][..., 0, :, :]

    def over_time(self, model: Model) -> tuple[Array | None, Array | None]:
        """Return what was kept of dL/dh and dL/dc (..., T, layers, B, H), in the order of time; None for the rest."""
        if self.kept is None:
            return None, None
        gradients = [a[..., 1:, :, :] for a in self.kept]
        whole = Stretch(self.batch, 0, self.batch.inputs.shape[-3])
        for number, (_, reverse) in enumerate(model.layers_and_directions):
            for a in gradients if reverse else ():
                a[number] = whole.turned(a[number])
        states, cell_states = [*(np.moveaxis(a, 0, -3) for a in gradients), None][:2]
        return states, cell_states
