"""The gated recurrent unit (Cho et al. 2014) as torch.nn.GRU has it, gates in the order r z n.

r, z = sigma(W x_t + b + U h_(t-1) + b'),  n = tanh(W x_t + b + r (U h_(t-1) + b'))
h_t = (1 - z) n + z h_(t-1)
"""

import torch
from torch import Tensor

from gradsuite_torch.activations import sigmoid_slope, tanh_slope
from gradsuite_torch.cell import TIME, Cell, Flow, Trace, Weights, at, chunks, gates, history, project, rows
from gradsuite_torch.products import add_product, product, weight_gradient


class Gru(Cell):
    """A layer of torch.nn.GRU.

    The candidate n sees x_t and h_(t-1) with different slopes: the backward pass keeps four blocks, n by x, r, z, n
    by h, of which the first three belong to x and the last three to h_(t-1).
    """

    def forward(self, x: Tensor, weights: Weights, start: tuple[Tensor, ...]) -> Trace:
        """Run over all steps; the trace holds h, the gates (T, B, 3 H), and what r multiplies (T, B, H)."""
        H = start[0].shape[-1]
        z = project(x, weights.ih, weights.b_ih)
        h = history(start[0], x.shape[TIME])
        recalled = torch.empty_like(at(h, slice(1, h.shape[TIME])))
        hs, U, bias = h.unbind(TIME), weights.hh.mT, weights.b_hh.unsqueeze(-2)
        rz, n = z[..., : 2 * H].unbind(TIME), z[..., 2 * H :].unbind(TIME)
        r, keep = z[..., :H].unbind(TIME), z[..., H : 2 * H].unbind(TIME)
        a = bias.new_empty(*start[0].shape[:-1], 3 * H)
        a_rz, a_n = a[..., : 2 * H], a[..., 2 * H :]
        for t, recalled_t in enumerate(recalled.unbind(TIME)):
            add_product(a.copy_(bias), hs[t], U)
            rz[t].add_(a_rz).sigmoid_()
            recalled_t.copy_(a_n)
            n[t].addcmul_(r[t], a_n).tanh_()
            torch.sub(hs[t], n[t], out=hs[t + 1]).mul_(keep[t]).add_(n[t])
        return Trace(x, (h,), (z, recalled))

    def backward(self, trace: Trace, weights: Weights, flow: Flow) -> Tensor:
        """dL/dh_(t-1) = z dL/dh_t + the gates' gradients times U, and what reaches it directly."""
        z, recalled = trace.local
        H = recalled.shape[-1]
        keep = z[..., H : 2 * H].unbind(TIME)
        dz = z.new_empty(*z.shape[:-1], 4 * H)
        dh, dz_blocks, dz_hh = flow.dh.unbind(TIME), gates(dz, 4).unbind(TIME - 1), dz[..., H:].unbind(TIME)
        for steps in chunks(z):
            slopes = self._slopes(at(z, steps), at(recalled, steps), at(trace.states[0], steps)).unbind(TIME - 1)
            for t in reversed(range(steps.start, steps.stop)):
                torch.mul(dh[t + 1].unsqueeze(-2), slopes[t - steps.start], out=dz_blocks[t])
                if flow.direct:
                    dh[t].addcmul_(dh[t + 1], keep[t])
                else:
                    torch.mul(dh[t + 1], keep[t], out=dh[t])
                add_product(dh[t], dz_hh[t], weights.hh)
        return dz

    def _slopes(self, z: Tensor, recalled: Tensor, before: Tensor) -> Tensor:
        """Return dh_t/dz for n by x, r, z and n by h, (T, B, 4, H), at fixed h_(t-1)."""
        r, keep, n = z.chunk(3, -1)
        slopes = z.new_empty(*recalled.shape[:-1], 4, recalled.shape[-1])
        by_n, by_r, by_z, by_recalled = slopes.unbind(-2)
        tanh_slope(1 - keep, n, by_n)
        sigmoid_slope(by_n * recalled, r, by_r)
        sigmoid_slope(before - n, keep, by_z)
        torch.mul(by_n, r, out=by_recalled)
        return slopes

    def weight_gradients(self, trace: Trace, dz: Tensor) -> Weights:
        """Return the gradients of the weights, each from its own three blocks."""
        H = trace.states[0].shape[-1]
        before = rows(trace.states[0].narrow(TIME, 0, dz.shape[TIME]))
        dz = rows(dz)
        n_r_z, r_z_n = dz[..., : 3 * H], dz[..., H:]
        db = dz.sum(-2)
        return Weights(
            weight_gradient(n_r_z, rows(trace.x)).roll(-H, -2),
            weight_gradient(r_z_n, before),
            db[..., : 3 * H].roll(-H, -1),
            db[..., H:].clone(),
        )

    def input_gradient(self, dz: Tensor, weights: Weights, out: Tensor) -> None:
        """Set `out` (T, B, I) to dL/dx, with W_ih's rows brought into the blocks' order n r z."""
        H = weights.hh.shape[-1]
        product(rows(out), rows(dz)[..., : 3 * H], weights.ih.roll(H, -2))
