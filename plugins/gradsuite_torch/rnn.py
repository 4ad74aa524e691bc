"""The simple recurrent layer (Elman 1990): h_t = phi(W x_t + b + U h_(t-1) + b')."""

from torch import Tensor

from gradsuite_torch.activations import activate, pull_back
from gradsuite_torch.cell import TIME, Cell, Flow, Trace, Weights, history, project
from gradsuite_torch.products import add_product, product


class Rnn(Cell):
    """A layer of torch.nn.RNN, with any activation that has its derivative in its output."""

    def __init__(self, activation: str) -> None:
        self.activation = activation

    def forward(self, x: Tensor, weights: Weights, start: tuple[Tensor, ...]) -> Trace:
        """Run over all steps; the trace holds h alone."""
        z = project(x, weights.ih, weights.b_ih + weights.b_hh)
        h = history(start[0], x.shape[TIME])
        states, U = h.unbind(TIME), weights.hh.mT
        for z_t, before, after in zip(z.unbind(TIME), states, states[1:], strict=False):
            add_product(z_t, before, U)
            activate(self.activation, z_t, after)
        return Trace(x, (h,))

    def backward(self, trace: Trace, weights: Weights, flow: Flow) -> Tensor:
        """dL/dz_t = phi'(z_t) dL/dh_t, and dL/dh_(t-1) is that times U, and what reaches it directly."""
        dz = trace.outputs.new_empty(trace.outputs.shape)
        flow_back = add_product if flow.direct else product
        h, dh = trace.outputs.unbind(TIME), flow.dh.unbind(TIME)
        for t, dz_t in reversed(list(enumerate(dz.unbind(TIME)))):
            pull_back(self.activation, dh[t + 1], h[t], dz_t)
            flow_back(dh[t], dz_t, weights.hh)
        return dz
