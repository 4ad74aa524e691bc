"""The GRU layer (Cho et al. 2014) as PyTorch has it, gates in its order r z n.

r, z = sigma(W_ir x_t + b_ir + W_hr h_(t-1) + b_hr, likewise z)
m = W_hn h_(t-1) + b_hn,  n = tanh(W_in x_t + b_in + r m),  h_t = (1 - z) n + z h_(t-1)
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gradsuite_numpy.activation import sigmoid_of_negative
from gradsuite_numpy.arrays import Array, backwards, blocks, rows, steps, tile, transpose, transposed_copy
from gradsuite_numpy.layer import Classic, LayerGradients, State, negated, start_states
from gradsuite_numpy.workspace import Room


class Saved(NamedTuple):
    """States h (..., T + 1, B, H), the blocks m r z n (..., T, B, 4 H), and room for one step (..., B, 3 H)."""

    h: Array
    blocks: Array
    step: Array


class Gru(Classic):
    """Forward leaves m r z n side by side; backward turns them into their gradients in the same memory.

    r z n is then dL/d(W_ih x + b_ih), and m r z is dL/d(W_hh h + b_hh) in the order n r z: the rows of weight_hh are
    rolled by one gate, and each is one GEMM without a copy.
    """

    def prepare(self) -> None:
        """Roll weight_hh to n r z, negate the gates of sigmoids, and transpose weight_hh, which every step reads."""
        H = self.hidden_size
        self.w_hh_t = transposed_copy(negated(self.w_back, -2, (1, -1, -1)))
        self.w_ih_t = transpose(negated(self.w_ih, -2, (-1, -1, 1)))
        self.b_in = self.b_ih[..., 2 * H :]
        summed = np.concatenate([self.b_hh[..., 2 * H :], (self.b_ih + self.b_hh)[..., : 2 * H]], axis=-1)
        self.bias = negated(summed, -1, (1, -1, -1))

    @cached_property
    def w_back(self) -> Array:
        """weight_hh rolled to n r z."""
        return np.roll(self.w_hh, self.hidden_size, axis=-2)

    def forward(self, x: Array, start: State, room: Room) -> Saved:
        """Run the equations above; the inputs' part of r, z and n is computed before the loop."""
        *lead, B, H = start[0].shape
        T = x.shape[-3]
        states = start_states((*lead, T + 1, B, H), start[0], room, "h")
        mrzn = room("mrzn", (*lead, T, B, 4 * H))
        np.matmul(rows(x), self.w_ih_t, out=rows(mrzn)[..., H:])
        u = room("step", (*lead, B, 3 * H))
        u_m, u_rz = u[..., :H], u[..., H:]
        bias, b_in = tile(self.bias, B), tile(self.b_in, B)
        over_time = steps(states)
        m_all, r_all, z_all, n_all = (steps(a) for a in blocks(mrzn, 4))
        rz_all = steps(mrzn[..., H : 3 * H])
        arrays = (m_all, r_all, z_all, n_all, rz_all, over_time[:-1], over_time[1:])
        for m, r, z, n, rz, h_before, h in zip(*arrays, strict=True):
            np.matmul(h_before, self.w_hh_t, out=u)
            np.add(u, bias, out=u)
            np.copyto(m, u_m)
            np.add(rz, u_rz, out=rz)
            sigmoid_of_negative(rz)
            np.multiply(r, m, out=h)
            np.add(n, h, out=n)
            np.add(n, b_in, out=n)
            np.tanh(n, out=n)
            np.subtract(h_before, n, out=h)
            np.multiply(h, z, out=h)
            np.add(h, n, out=h)
        return Saved(states, mrzn, u)

    def backward(self, saved: Saved, dstates: State, *, direct: bool) -> tuple[Array, Array]:
        """Walk back through time, with the gradients of the pre-activations.

        dz = dh (h_(t-1) - n) z (1 - z),  dn = dh (1 - z) (1 - n^2),  dm = dn r,  dr = dn m r (1 - r)
        dh_(t-1) += dh_t z + (dm, dr, dz) (W_hn, W_hr, W_hz).
        """
        (dh_all,) = dstates
        H = self.hidden_size
        mrzn = saved.blocks
        slopes = saved.step[..., H:]
        slope_z = saved.step[..., 2 * H :]
        s, q = np.empty_like(saved.h[..., 0, :, :]), np.empty_like(saved.h[..., 0, :, :])
        dhidden = mrzn[..., : 3 * H]
        back = self.carry(s, adds=True)
        arrays = backwards(*blocks(mrzn, 4), mrzn[..., H : 3 * H], dhidden)
        states = backwards(saved.h[..., :-1, :, :], dh_all[..., 1:, :, :], dh_all[..., :-1, :, :])
        for m, r, z, n, rz, mrz, h_before, dh, dh_before in zip(*arrays, *states, strict=True):
            if direct:
                np.multiply(dh, z, out=s)
                np.add(dh_before, s, out=dh_before)
            else:
                np.multiply(dh, z, out=dh_before)
            np.subtract(h_before, n, out=s)
            np.multiply(s, dh, out=s)
            np.subtract(1, rz, out=slopes)
            np.multiply(dh, slope_z, out=q)
            np.multiply(n, n, out=n)
            np.subtract(1, n, out=n)
            np.multiply(n, q, out=n)  # dn
            np.multiply(n, r, out=q)  # dm
            np.multiply(rz, slopes, out=rz)
            np.multiply(z, s, out=z)  # dz
            np.multiply(m, n, out=m)
            np.multiply(r, m, out=r)  # dr
            np.copyto(m, q)
            back(mrz, dh_before)
        return mrzn[..., H:], dhidden

    def kept(self, saved: Saved) -> tuple[Array, ...]:
        """Return h and the blocks."""
        return saved.h, saved.blocks

    def gradients(self, x: Array, saved: Any, dz: tuple[Array, Array]) -> LayerGradients:
        """Return the gradients of this layer's parameters, weight_hh's and bias_hh's rolled back to r z n."""
        gradients = super().gradients(x, saved, dz)
        gradients["weight_hh"] = np.roll(gradients["weight_hh"], -self.hidden_size, axis=-2)
        gradients["bias_hh"] = np.roll(gradients["bias_hh"], -self.hidden_size, axis=-1)
        return gradients
