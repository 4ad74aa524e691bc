"""The simple recurrent layer (Elman 1990): h_t = phi(W x_t + b + U h_(t-1) + b')."""

from typing import ClassVar

from torch import Tensor

from gradsuite_torch.activations import activate, pull_back
from gradsuite_torch.cell import Cell
from gradsuite_torch.products import Factor
from gradsuite_torch.room import Room
from gradsuite_torch.trace import TIME, Flow, Trace, Weights


class Rnn(Cell):
    """A layer of torch.nn.RNN, with any activation whose derivative follows from its output."""

    gates: ClassVar[int] = 1

    def __init__(self, activation: str, room: Room) -> None:
        super().__init__(room)
        self.activation = activation
        self.grows = activation in ("relu", "identity")

    def step_through(self, trace: Trace, z: Tensor, U: Factor, weights: Weights) -> None:
        """h_t = phi(z_t + U h_(t-1))."""
        h = trace.states[0].unbind(TIME)
        for t, z_t in enumerate(z.unbind(TIME)):
            activate(self.activation, U.add_product(z_t, h[t]), h[t + 1])

    def flow_back(self, trace: Trace, flow: Flow, U: Factor) -> Tensor:
        """dL/dz_t = phi'(z_t) dL/dh_t, and dL/dh_(t-1) is that times U plus what reaches it directly."""
        dz = self.room.take(*trace.outputs.shape)
        h, dh, dz_steps = trace.states[0].unbind(TIME), flow.states[0].unbind(TIME), dz.unbind(TIME)
        back = U.add_product if flow.direct else U.product
        for t in reversed(range(trace.steps)):
            pull_back(self.activation, dh[t + 1], h[t + 1], dz_steps[t])
            back(dh[t], dz_steps[t])
        return dz
