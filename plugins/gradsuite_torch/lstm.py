"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000), gates in the order i f g o.

i, f, o = sigma(W x_t + U h_(t-1) + b),  g = tanh(W x_t + U h_(t-1) + b),
c_t = f c_(t-1) + i g,  h_t = o tanh(c_t)
"""

from typing import ClassVar

import torch
from torch import Tensor

from gradsuite_torch.activations import sigmoid_slope, tanh_slope
from gradsuite_torch.cell import Cell, gate_rows
from gradsuite_torch.products import Factor
from gradsuite_torch.trace import TIME, Flow, Trace, Weights


class Lstm(Cell):
    """A layer of torch.nn.LSTM."""

    gates: ClassVar[int] = 4
    states: ClassVar[int] = 2
    local: ClassVar[tuple[int, ...]] = (4, 1)  # the gates, and tanh(c)

    def step_through(self, trace: Trace, z: Tensor, U: Factor, weights: Weights) -> None:
        """Compute the gates, then c_t and h_t."""
        gates, tanh_c = trace.local
        H = tanh_c.shape[-1]
        h, c = (state.unbind(TIME) for state in trace.states)
        i_f, i, f, g, o = (part.unbind(TIME) for part in (gates[..., : 2 * H], *torch.split(gates, H, -1)))
        z_if, z_g, z_o = (part.unbind(TIME) for part in torch.split(z, [2 * H, H, H], -1))
        for t, (z_t, tanh_c_t) in enumerate(zip(z.unbind(TIME), tanh_c.unbind(TIME), strict=True)):
            U.add_product(z_t, h[t])
            torch.sigmoid(z_if[t], out=i_f[t])
            torch.tanh(z_g[t], out=g[t])
            torch.sigmoid(z_o[t], out=o[t])
            torch.mul(f[t], c[t], out=c[t + 1]).addcmul_(i[t], g[t])
            torch.tanh(c[t + 1], out=tanh_c_t)
            torch.mul(o[t], tanh_c_t, out=h[t + 1])

    def flow_back(self, trace: Trace, flow: Flow, U: Factor) -> Tensor:
        """dL/dc_t = f_(t+1) dL/dc_(t+1) + o (1 - tanh^2 c_t) dL/dh_t carries the gradient to the gates and back."""
        gates, tanh_c = trace.local
        H = tanh_c.shape[-1]
        by_c, by_o, c_by_h = self._slopes(gates, tanh_c, trace.states[1].narrow(TIME, 0, trace.steps))
        dz = self.room.take(*gates.shape)
        dz_ifg, dz_o, dz_steps = (
            gate_rows(dz, 4)[..., :3, :].unbind(TIME - 1),
            dz[..., 3 * H :].unbind(TIME),
            dz.unbind(TIME),
        )
        dh, dc = (state.unbind(TIME) for state in flow.states)
        f = gates[..., H : 2 * H].unbind(TIME)
        back = U.add_product if flow.direct else U.product
        for t in reversed(range(trace.steps)):
            dc[t + 1].addcmul_(dh[t + 1], c_by_h[t])
            torch.mul(dc[t + 1].unsqueeze(-2), by_c[t], out=dz_ifg[t])
            torch.mul(dh[t + 1], by_o[t], out=dz_o[t])
            torch.mul(dc[t + 1], f[t], out=dc[t])
            back(dh[t], dz_steps[t])
        return dz

    def _slopes(self, gates: Tensor, tanh_c: Tensor, c_before: Tensor) -> tuple[tuple[Tensor, ...], ...]:
        """Return per step dc_t/dz for i f g (B, 3, H), dh_t/dz for o, and dh_t/dc_t, at fixed h_(t-1) and c_(t-1)."""
        i, f, g, o = gates.chunk(4, -1)
        by_c = gates.new_empty(*tanh_c.shape[:-1], 3, tanh_c.shape[-1])
        sigmoid_slope(g, i, by_c[..., 0, :])
        sigmoid_slope(c_before, f, by_c[..., 1, :])
        tanh_slope(i, g, by_c[..., 2, :])
        by_o = sigmoid_slope(tanh_c, o, torch.empty_like(tanh_c))
        c_by_h = tanh_slope(o, tanh_c, torch.empty_like(tanh_c))
        return by_c.unbind(TIME - 1), by_o.unbind(TIME), c_by_h.unbind(TIME)
