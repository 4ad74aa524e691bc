"""The LSTM layer (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000), gates in PyTorch's order i f g o.

i, f, o = sigma(z_i, z_f, z_o),  g = tanh(z_g)  with  z_t = W_ih x_t + b_ih + W_hh h_(t-1) + b_hh
c_t = f c_(t-1) + i g,  h_t = o tanh(c_t)
"""

from typing import ClassVar, NamedTuple

import numpy as np

from gradsuite_numpy.activation import sigmoid_of_negative
from gradsuite_numpy.arrays import Array, backwards, blocks, rows, steps, transposed_copy, with_ones
from gradsuite_numpy.layer import Classic, State, biased, negated, start_states
from gradsuite_numpy.workspace import Room


class Saved(NamedTuple):
    """States h and c (..., T + 1, B, H), gates (..., T, B, 4 H) with g apart, tanh(c); room for one step."""

    h: Array
    c: Array
    gates: Array
    g: Array
    tanh_c: Array
    step: Array


class Lstm(Classic):
    """Forward leaves the gates; backward turns them, step by step, into dL/dz in the same memory."""

    state_size: ClassVar[int] = 2

    def prepare(self) -> None:
        """Negate the gates that sigmoids read, and transpose weight_hh, which every step reads."""
        signs = (-1, -1, 1, -1)
        self.w_ih_t = biased(negated(self.w_ih, -2, signs), negated(self.b_ih + self.b_hh, -1, signs))
        self.w_hh_t = transposed_copy(negated(self.w_hh, -2, signs))

    def forward(self, x: Array, start: State, room: Room) -> Saved:
        """Run the equations above; the inputs' part of every z is computed before the loop."""
        *lead, B, H = start[0].shape
        T = x.shape[-3]
        h_all, c_all = (start_states((*lead, T + 1, B, H), s, room, n) for s, n in zip(start, "hc", strict=True))
        gates = room("gates", (*lead, T, B, 4 * H))
        g_all = room("g", (*lead, T, B, H))
        m, ig = room("step", (*lead, B, 4 * H)), room("ig", (*lead, B, H))
        x_1 = with_ones(x, room("x", (*x.shape[:-1], x.shape[-1] + 1)))
        np.matmul(rows(x_1), self.w_ih_t, out=rows(gates))
        i_all, f_all, z_g_all, o_all = blocks(gates, 4)
        h_steps, c_steps = steps(h_all), steps(c_all)
        tanh_c_all = room("tanh_c", (*lead, T, B, H))
        arrays = (steps(a) for a in (gates, i_all, f_all, z_g_all, o_all, g_all, tanh_c_all))
        states = (h_steps[:-1], h_steps[1:], c_steps[:-1], c_steps[1:])
        for z, i, f, z_g, o, g, tanh_c, h_before, h, c_before, c in zip(*arrays, *states, strict=True):
            np.matmul(h_before, self.w_hh_t, out=m)
            np.add(z, m, out=z)
            np.tanh(z_g, out=g)
            sigmoid_of_negative(z)  # of g's block too, which is not read: one call is faster than two
            np.multiply(f, c_before, out=c)
            np.multiply(i, g, out=ig)
            np.add(c, ig, out=c)
            np.tanh(c, out=tanh_c)
            np.multiply(o, tanh_c, out=h)
        return Saved(h_all, c_all, gates, g_all, tanh_c_all, m)

    def backward(self, saved: Saved, dstates: State, *, direct: bool) -> tuple[Array, Array]:
        """Walk back through time.

        dc_t += dh_t o (1 - tanh(c_t)^2),  dc_(t-1) = dc_t f,  dh_(t-1) += dz_t W_hh
        dz_i = dc_t g i (1 - i),  dz_f = dc_t c_(t-1) f (1 - f),  dz_g = dc_t i (1 - g^2),
        dz_o = dh_t tanh(c_t) o (1 - o).
        """
        dh_all, dc_all = dstates
        m, s = saved.step, np.empty_like(saved.h[..., 0, :, :])
        m_i, m_f, _, m_o = blocks(m, 4)
        back = self.carry(s, adds=direct)
        i_all, f_all, dz_g_all, o_all = blocks(saved.gates, 4)
        gates = backwards(saved.gates, i_all, f_all, dz_g_all, o_all, saved.g, saved.tanh_c)
        after = backwards(dh_all[..., 1:, :, :], dc_all[..., 1:, :, :])
        before = backwards(saved.c[..., :-1, :, :], dh_all[..., :-1, :, :], dc_all[..., :-1, :, :])
        for dz, i, f, dz_g, o, g, tanh_c, dh, dc, c_before, dh_before, dc_before in zip(
            *gates, *after, *before, strict=True
        ):
            np.subtract(1, dz, out=m)
            np.multiply(tanh_c, tanh_c, out=s)
            np.subtract(1, s, out=s)
            np.multiply(s, o, out=s)
            np.multiply(s, dh, out=s)
            np.add(dc, s, out=dc)
            np.multiply(dc, f, out=dc_before)
            np.multiply(g, g, out=s)
            np.subtract(1, s, out=s)
            np.multiply(s, i, out=s)
            np.multiply(s, dc, out=s)
            np.multiply(dz, m, out=dz)  # sigma' = sigma (1 - sigma) of all three at once, in place of i, f and o
            np.multiply(dc, g, out=m_i)
            np.multiply(dc, c_before, out=m_f)
            np.multiply(dh, tanh_c, out=m_o)
            np.multiply(dz, m, out=dz)
            np.copyto(dz_g, s)
            back(dz, dh_before)
        return saved.gates, saved.gates

    def kept(self, saved: Saved) -> tuple[Array, ...]:
        """Return all but the room for one step."""
        return saved[:-1]
