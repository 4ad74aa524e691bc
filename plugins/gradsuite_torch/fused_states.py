"""State gradients from the fused LSTM kernel, which returns none: they are gradients with respect to inputs of zeros.

A second input e_t = 0, with the weights of h_(t-1), changes nothing: z_t = W x_t + U (h_(t-1) + e_t) + b. But
dL/de_t = U^T dL/dz_t is what reaches h_(t-1) from the next step, so that dL/dh_(t-1) is dL/de_t plus what
reaches it directly.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gradsuite_torch.activations import tanh_slope
from gradsuite_torch.trace import TIME, Weights


class Layer(NamedTuple):
    """One layer that the kernel ran: inputs x (T, B, I), the second inputs, zeros (T, B, H), and states h (T, B, H)."""

    x: Tensor
    zeros: Tensor
    h: Tensor


def run(x: Tensor, weights: Weights) -> Layer:
    """Run a layer over x (T, B, I) from zero states, under autograd."""
    H = weights.hh.shape[-1]
    zeros = x.new_zeros(*x.shape[:-1], H).requires_grad_()
    start = x.new_zeros(1, x.shape[-2], H)
    # Detached: the zeros would add nothing to the gradient of U, or NaN where dL/dz is infinite.
    both = [torch.cat([weights.ih, weights.hh.detach()], -1), *weights[1:]]
    h = torch.lstm(torch.cat([x, zeros], -1), (start, start), both, True, 1, 0.0, True, False, False)[0]
    return Layer(x, zeros, h)


@torch.no_grad()
def state_gradients(layer: Layer, weights: Weights, direct: Tensor, by_zeros: Tensor) -> tuple[Tensor, Tensor]:
    """Return dL/dh and dL/dc (T, B, H), from what reaches h directly and the gradient of the zeros.

    The kernel returns no gates either: those of all steps are computed again in two products, then
    c_t = f_t c_(t-1) + i_t g_t and dL/dc_t = o (1 - tanh^2 c_t) dL/dh_t + f_(t+1) dL/dc_(t+1).
    """
    dh = direct
    dh[:-1] += by_zeros[1:]
    before = torch.cat([torch.zeros_like(layer.h[:1]), layer.h[:-1]])
    z = layer.x @ weights.ih.mT + before @ weights.hh.mT + (weights.b_ih + weights.b_hh)
    i, f, g, o = z.chunk(4, -1)
    f = f.sigmoid()
    tanh_c = accumulated(i.sigmoid().mul_(g.tanh()), f).tanh_()
    dc = tanh_slope(o.sigmoid().mul_(dh), tanh_c, torch.empty_like(tanh_c))
    return dh, accumulated(dc.flip(TIME), f.flip(TIME).roll(1, TIME)).flip(TIME)


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
