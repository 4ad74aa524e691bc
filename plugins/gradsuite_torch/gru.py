"""The gated recurrent unit (Cho et al. 2014) as torch.nn.GRU has it, gates in the order r z n.

r, z = sigma(W x_t + b + U h_(t-1) + b'),  n = tanh(W x_t + b + r (U h_(t-1) + b')),
h_t = (1 - z) n + z h_(t-1)
"""

from typing import ClassVar

import torch
from torch import Tensor

from gradsuite_torch.activations import sigmoid_slope, tanh_slope
from gradsuite_torch.cell import Cell, gate_rows, rows
from gradsuite_torch.products import Factor, add_weight_gradient, product
from gradsuite_torch.trace import TIME, Flow, Trace, Weights


class Gru(Cell):
    """A layer of torch.nn.GRU.

    The candidate n reads h_(t-1) through r but x_t directly, so that dL/dz has four parts: r, z, n with respect to the
    product with h_(t-1), and n with respect to that with x_t. The first three belong to h_(t-1).
    """

    gates: ClassVar[int] = 3
    local: ClassVar[tuple[int, ...]] = (3, 1)  # the gates, and the product that r multiplies

    def input_bias(self, weights: Weights) -> Tensor:
        """Return b plus the rows of b' for r and z; those for n stay inside r (...)."""
        bias = weights.b_ih.clone()
        H = weights.hh.shape[-1]
        bias[..., : 2 * H] += weights.b_hh[..., : 2 * H]
        return bias

    def step_through(self, trace: Trace, z: Tensor, U: Factor, weights: Weights) -> None:
        """Compute the gates and h_t."""
        gates, recalled = trace.local
        H = recalled.shape[-1]
        h, bias = trace.states[0].unbind(TIME), weights.b_hh[..., 2 * H :].unsqueeze(-2)
        r_z, r, keep, n = (part.unbind(TIME) for part in (gates[..., : 2 * H], *torch.split(gates, H, -1)))
        z_rz, z_n = (part.unbind(TIME) for part in torch.split(z, [2 * H, H], -1))
        a = torch.empty_like(gates.select(TIME, 0))
        a_rz, a_n = torch.split(a, [2 * H, H], -1)
        for t, recalled_t in enumerate(recalled.unbind(TIME)):
            U.product(a, h[t])
            torch.add(z_rz[t], a_rz, out=r_z[t]).sigmoid_()
            torch.add(a_n, bias, out=recalled_t)
            torch.addcmul(z_n[t], r[t], recalled_t, out=n[t]).tanh_()
            torch.lerp(n[t], h[t], keep[t], out=h[t + 1])

    def flow_back(self, trace: Trace, flow: Flow, U: Factor) -> Tensor:
        """dL/dh_(t-1) = z dL/dh_t + the gates' gradients times U, plus what reaches it directly."""
        H = trace.outputs.shape[-1]
        dz = self.room.take(*trace.outputs.shape[:-1], 4 * H)
        dz_parts, dz_hh = gate_rows(dz, 4).unbind(TIME - 1), dz[..., : 3 * H].unbind(TIME)
        slopes, keep = self._slopes(trace).unbind(TIME - 1), trace.local[0][..., H : 2 * H].unbind(TIME)
        dh = flow.states[0].unbind(TIME)
        for t in reversed(range(trace.steps)):
            torch.mul(dh[t + 1].unsqueeze(-2), slopes[t], out=dz_parts[t])
            if flow.direct:
                dh[t].addcmul_(dh[t + 1], keep[t])
            else:
                torch.mul(dh[t + 1], keep[t], out=dh[t])
            U.add_product(dh[t], dz_hh[t])
        return dz

    def add_gradients(self, trace: Trace, dz: Tensor, gradients: Weights, *, first: bool) -> None:
        """Add a block's part of the weight gradients, each from its own parts of dz (T B, 4 H)."""
        H = trace.outputs.shape[-1]
        x, before, db = rows(trace.x), rows(trace.before), dz.sum(-2)
        for part, target in seen_by_x(H):
            add_weight_gradient(gradients.ih[..., target, :], dz[..., part], x, first=first)
            gradients.b_ih[..., target].add_(db[..., part])
        add_weight_gradient(gradients.hh, dz[..., : 3 * H], before, first=first)
        gradients.b_hh.add_(db[..., : 3 * H])

    def input_gradient(self, dz: Tensor, weights: Weights) -> Tensor:
        """Return a block's dL/dx (T B, I)."""
        (r_z, rows_rz), (n, rows_n) = seen_by_x(weights.hh.shape[-1])
        return product(dz[..., r_z], weights.ih[..., rows_rz, :]) + product(dz[..., n], weights.ih[..., rows_n, :])

    def _slopes(self, trace: Trace) -> Tensor:
        """Return dh_t/dz for r, z, and n by h and x, (T, B, 4, H), at fixed h_(t-1)."""
        gates, recalled = trace.local
        r, keep, n = gates.chunk(3, -1)
        slopes = gates.new_empty(*recalled.shape[:-1], 4, recalled.shape[-1])
        by_r, by_z, by_recalled, by_n = slopes.unbind(-2)
        tanh_slope(1 - keep, n, by_n)
        sigmoid_slope(by_n * recalled, r, by_r)
        sigmoid_slope(trace.before - n, keep, by_z)
        torch.mul(by_n, r, out=by_recalled)
        return slopes


def seen_by_x(H: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the parts of dz that belong to x_t, each with the rows of the weights that it belongs to."""
    return (slice(0, 2 * H), slice(0, 2 * H)), (slice(3 * H, 4 * H), slice(2 * H, 3 * H))
