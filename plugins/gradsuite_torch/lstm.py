"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000), gates in the order i f g o.

i, f, o = sigma(W x_t + U h_(t-1) + b),  g = tanh(W x_t + U h_(t-1) + b)
c_t = f c_(t-1) + i g,  h_t = o tanh(c_t)
"""

import torch
from torch import Tensor

from gradsuite_torch.activations import sigmoid_slope, tanh_slope
from gradsuite_torch.cell import TIME, Cell, Flow, Trace, Weights, at, chunks, gates, history, project
from gradsuite_torch.products import add_product, product


class Lstm(Cell):
    """A layer of torch.nn.LSTM."""

    states = 2

    def forward(self, x: Tensor, weights: Weights, start: tuple[Tensor, ...]) -> Trace:
        """Run over all steps; the trace holds h and c, the gates (T, B, 4 H) and tanh(c)."""
        z = project(x, weights.ih, weights.b_ih + weights.b_hh)
        h, c = (history(state, x.shape[TIME]) for state in start)
        tanh_c = torch.empty_like(at(h, slice(1, h.shape[TIME])))
        i, f, g, o = (gate.unbind(TIME) for gate in z.chunk(4, -1))
        i_f = z[..., : 2 * h.shape[-1]].unbind(TIME)
        hs, cs, U = h.unbind(TIME), c.unbind(TIME), weights.hh.mT
        for t, (z_t, tanh_c_t) in enumerate(zip(z.unbind(TIME), tanh_c.unbind(TIME), strict=True)):
            add_product(z_t, hs[t], U)
            i_f[t].sigmoid_()
            g[t].tanh_()
            o[t].sigmoid_()
            torch.mul(f[t], cs[t], out=cs[t + 1]).addcmul_(i[t], g[t])
            torch.tanh(cs[t + 1], out=tanh_c_t)
            torch.mul(o[t], tanh_c_t, out=hs[t + 1])
        return Trace(x, (h, c), (z, tanh_c))

    def backward(self, trace: Trace, weights: Weights, flow: Flow) -> Tensor:
        """dL/dc_t = f_(t+1) dL/dc_(t+1) + o (1 - tanh^2 c_t) dL/dh_t carries the gradient to the gates and back."""
        z, tanh_c = trace.local
        dz = torch.empty_like(z)
        flow_back = add_product if flow.direct else product
        assert flow.dc is not None
        dh, dc, dz_flat = flow.dh.unbind(TIME), flow.dc.unbind(TIME), dz.unbind(TIME)
        dz_ifg, dz_o = gates(dz, 4)[..., :3, :].unbind(TIME - 1), gates(dz, 4)[..., 3, :].unbind(TIME)
        f = gates(z, 4)[..., 1, :].unbind(TIME)
        for steps in chunks(z):
            slopes = self._slopes(at(z, steps), at(tanh_c, steps), at(trace.states[1], steps))
            by_c, by_o, c_by_h = slopes[0].unbind(TIME - 1), slopes[1].unbind(TIME), slopes[2].unbind(TIME)
            for t in reversed(range(steps.start, steps.stop)):
                k = t - steps.start
                dc[t + 1].addcmul_(dh[t + 1], c_by_h[k])
                torch.mul(dc[t + 1].unsqueeze(-2), by_c[k], out=dz_ifg[t])
                torch.mul(dh[t + 1], by_o[k], out=dz_o[t])
                flow_back(dh[t], dz_flat[t], weights.hh)
                torch.mul(dc[t + 1], f[t], out=dc[t])
        return dz

    def _slopes(self, z: Tensor, tanh_c: Tensor, c_before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return dc_t/dz for i f g (T, B, 3, H), dh_t/dz for o, and dh_t/dc_t, at fixed h_(t-1), c_(t-1)."""
        i, f, g, o = z.chunk(4, -1)
        by_c = z.new_empty(*tanh_c.shape[:-1], 3, tanh_c.shape[-1])
        sigmoid_slope(g, i, by_c[..., 0, :])
        sigmoid_slope(c_before, f, by_c[..., 1, :])
        tanh_slope(i, g, by_c[..., 2, :])
        by_o, c_by_h = torch.empty_like(tanh_c), torch.empty_like(tanh_c)
        return by_c, sigmoid_slope(tanh_c, o, by_o), tanh_slope(o, tanh_c, c_by_h)
