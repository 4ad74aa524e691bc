"""Truncated backpropagation through time (Williams & Peng 1990; Sutskever 2013, sec. 2.8.6)."""

from collections.abc import Mapping, Sequence

import torch
from gradsuite.backend import Gradients
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.layers import over_layers, together
from gradsuite_torch.network import DeviceBatch
from gradsuite_torch.recurrent import Recurrent, Saved
from gradsuite_torch.route import Route
from gradsuite_torch.trace import TIME, Trace


class Truncated(Recurrent):
    """A network of recurrent layers whose gradients go back through k2 steps at most.

    Every k1 steps, counted back from the last, the losses of those k1 steps flow back through k2 steps; the states
    before them are constants.
    """

    def __init__(
        self, model: Model, parameters: Mapping[str, Tensor], *, device: str, dtype: str, truncation: tuple[int, int]
    ) -> None:
        super().__init__(model, parameters, device=device, dtype=dtype)
        self.k1, self.k2 = truncation

    def unroll(self, batch: DeviceBatch) -> tuple[list[Trace], Route]:
        """Return the traces of all steps, or of the last k2 if only the last state is read, and their route."""
        x, weights, route = batch.inputs, self.layers.weights(self.parameters), Route.of(self.model, batch)
        start, steps = self.layers.start(batch, weights), x.shape[TIME]
        every = self.model.readout == "all" or batch.padding is not None  # each sequence's last step is another
        forgotten = 0 if every else max(0, steps - self.k2)
        for first in range(0, forgotten, self.k2):
            last = min(first + self.k2, forgotten)
            traces = self.layers.forward(x.narrow(TIME, first, last - first), weights, start, route.window(first, last))
            start = [tuple(state.clone() for state in trace.last) for trace in traces]
            self.layers.release(traces)
        route = route.window(forgotten, steps)
        return self.layers.forward(x.narrow(TIME, forgotten, steps - forgotten), weights, start, route), route

    def flow_back(self, saved: Saved, reached: Sequence[Tensor]) -> Gradients:
        """Add up the gradients of all windows."""
        traces, steps, (gradient,) = saved.traces, saved.batch.inputs.shape[TIME], reached
        weights = self.layers.weights(saved.parameters)
        by_layer = self.layers.new_gradients(weights)
        of_states = self.zero_states(traces, steps) if saved.states else []
        initial = None if saved.batch.state is None else tuple(map(torch.zeros_like, saved.batch.state))
        kept, unread = traces[0].steps, traces[0].steps - gradient.shape[TIME]
        for last in range(kept, unread, -self.k1):
            first, new = max(0, last - self.k2), min(self.k1, last - unread)
            window, route = [trace.window(first, last) for trace in traces], saved.route.window(first, last)
            arrived = [gradient.narrow(TIME, last - unread - new, new)]
            flows = self.layers.backward(window, weights, arrived, by_layer, route, first=last == kept)
            for total, part in zip(of_states, over_layers(flows, route) if saved.states else (), strict=True):
                total.narrow(TIME - 1, steps - kept + first, last - first).add_(part)
            if initial is not None and steps - kept + first == 0:
                for total, part in zip(initial, together([flow.start for flow in flows]), strict=True):
                    total.add_(part)
            self.layers.release((), flows)
        self.layers.release(traces)
        return Gradients(self.layers.by_name(by_layer), *of_states, initial_state=initial)

    def zero_states(self, traces: Sequence[Trace], steps: int) -> list[Tensor]:
        """Return zeros for dL/dh and dL/dc, (T, layers, B, H)."""
        *stack, batch, width = traces[0].last[0].shape
        return [h.new_zeros(*stack, steps, len(traces), batch, width) for h in traces[0].states]
