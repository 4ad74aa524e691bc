"""The simple recurrent layer: h_t = phi(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh) (Elman 1990)."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gradsuite_numpy.activation import ACTIVATIONS
from gradsuite_numpy.arrays import Array, backwards, rows, steps, transposed_copy, with_ones
from gradsuite_numpy.layer import Classic, State, biased, start_states
from gradsuite_numpy.workspace import Room


class Saved(NamedTuple):
    """States h (..., T + 1, B, H), and room for dL/dz (..., T, B, H)."""

    h: Array
    dz: Array


class Rnn(Classic):
    """tanh, relu or identity."""

    def prepare(self) -> None:
        """Transpose weight_hh, which every step reads."""
        self.w_ih_t, self.w_hh_t = biased(self.w_ih, self.b_ih + self.b_hh), transposed_copy(self.w_hh)
        self.phi = ACTIVATIONS[self.activation]

    def forward(self, x: Array, start: State, room: Room) -> Saved:
        """Run the equation above; the inputs' part of every z is computed before the loop."""
        *lead, B, H = start[0].shape
        T = x.shape[-3]
        states = start_states((*lead, T + 1, B, H), start[0], room, "h")
        x_1 = with_ones(x, room("x", (*x.shape[:-1], x.shape[-1] + 1)))
        np.matmul(rows(x_1), self.w_ih_t, out=rows(states[..., 1:, :, :]))
        m = room("step", (*lead, B, H))
        for h_before, h in pairwise(steps(states)):
            np.matmul(h_before, self.w_hh_t, out=m)
            np.add(h, m, out=h)
            self.phi.apply(h)
        return Saved(states, room("dz", (*lead, T, B, H)))

    def backward(self, saved: Saved, dstates: State, *, direct: bool) -> tuple[Array, Array]:
        """Walk back through time: dz_t = dh_t phi'(z_t),  dh_(t-1) += dz_t W_hh."""
        (dh_all,) = dstates
        back = self.carry(saved.h[..., 0, :, :], adds=direct)
        arrays = backwards(saved.h[..., 1:, :, :], saved.dz, dh_all[..., 1:, :, :], dh_all[..., :-1, :, :])
        for h, dz, dh, dh_before in zip(*arrays, strict=True):
            self.phi.pull(h, dh, dz)
            back(dz, dh_before)
        return saved.dz, saved.dz
