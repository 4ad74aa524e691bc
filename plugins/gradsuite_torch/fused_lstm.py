"""The LSTM layer run forward by PyTorch's fused kernel, and back by hand.

The kernel returns no state gradients and no dL/dc. Both have to come out of one recurrence: dL/dc added up again from
a dL/dh that is already rounded is right only while it does not vanish faster than the forget gates alone let it.
"""

from typing import ClassVar

import torch
from torch import Tensor

from gradsuite_torch.lstm import Lstm
from gradsuite_torch.trace import TIME, States, Trace, Weights


class FusedLstm(Lstm):
    """A layer of torch.nn.LSTM whose forward pass is one call for few units and examples, else a loop."""

    # Largest B H^2 for which the kernel, and its gates computed again, cost less than a step by hand's seven calls.
    largest: ClassVar[int] = 2**13

    def forward(self, x: Tensor, weights: Weights, start: States) -> Trace:
        """Run over all steps of x (T, B, I) from the states `start`, (B, H) each.

        The kernel returns no gates: those of all steps are computed again in two products, and from them c_t.
        """
        batch, width = start[0].shape
        if batch * width**2 > self.largest:
            return super().forward(x, weights, start)
        trace = self.begin(x, start)
        c = trace.states[1]
        gates, tanh_c = trace.local
        before = tuple(state.unsqueeze(0) for state in start)
        trace.outputs.copy_(torch.lstm(x, before, [*weights], True, 1, 0.0, False, False, False)[0])
        torch.matmul(x, weights.ih.mT, out=gates)
        gates.add_(trace.before @ weights.hh.mT).add_(self.input_bias(weights))
        i, f, g, o = gates.chunk(4, -1)
        gates[..., : 2 * width].sigmoid_()
        g.tanh_()
        o.sigmoid_()
        written = i * g
        written[0].addcmul_(f[0], c[0])
        c_after = c.narrow(TIME, 1, trace.steps)
        c_after.copy_(accumulated(written, f))
        torch.tanh(c_after, out=tanh_c)
        return trace


def accumulated(a: Tensor, f: Tensor) -> Tensor:
    """Return y_t = a_t + f_t y_(t-1) (T, B, H), y_0 being a_0.

    In log2 T rounds over all steps at once, each of which doubles the steps that y_t and f_t span (Hillis & Steele
    1986, Commun. ACM 29(12):1170-1183, known from citations). The terms are those of a loop over the steps, added in
    another order.
    """
    span = 1
    while span < len(a):
        a = torch.cat([a[:span], torch.addcmul(a[span:], f[span:], a[:-span])])
        f = torch.cat([f[:span], f[span:] * f[:-span]])
        span *= 2
    return a
