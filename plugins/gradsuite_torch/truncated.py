"""Truncated backpropagation through time (Williams & Peng 1990; Sutskever 2013, sec. 2.8.6)."""

from collections.abc import Mapping, Sequence

from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.layers import over_layers
from gradsuite_torch.recurrent import Recurrent
from gradsuite_torch.trace import TIME, Trace, Weights


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

    def unroll(self, x: Tensor) -> tuple[list[Trace], Tensor]:
        """Return the traces of all steps, or of the last k2 if only the last state is read, and the top states."""
        weights = self.layers.weights(self.parameters)
        start = self.layers.zeros(x, weights)
        forgotten = 0 if self.model.readout == "all" else max(0, x.shape[TIME] - self.k2)
        for first in range(0, forgotten, self.k2):
            segment = x.narrow(TIME, first, min(self.k2, forgotten - first))
            traces = self.layers.forward(segment, weights, start)
            start = [tuple(state.clone() for state in trace.last) for trace in traces]
            self.layers.release(traces)
        traces = self.layers.forward(x.narrow(TIME, forgotten, x.shape[TIME] - forgotten), weights, start)
        return traces, traces[-1].outputs

    def flow_back(
        self,
        traces: Sequence[Trace],
        gradient: Tensor,
        steps: int,
        parameters: Mapping[str, Tensor],
        *,
        states: bool,
    ) -> tuple[list[Weights], list[Tensor]]:
        """Add up the gradients of all windows."""
        weights = self.layers.weights(parameters)
        by_layer = self.layers.new_gradients(weights)
        of_states = self.zero_states(traces, steps) if states else []
        kept, unread = traces[0].steps, traces[0].steps - gradient.shape[TIME]
        for last in range(kept, unread, -self.k1):
            first, new = max(0, last - self.k2), min(self.k1, last - unread)
            window = [trace.window(first, last) for trace in traces]
            top = self.layers.top_flow(window[-1], gradient.narrow(TIME, last - unread - new, new))
            flows = self.layers.backward(window, weights, top, by_layer, first=last == kept)
            for total, part in zip(of_states, over_layers(flows) if states else (), strict=True):
                total.narrow(TIME - 1, steps - kept + first, last - first).add_(part)
            self.layers.release((), flows)
        self.layers.release(traces)
        return by_layer, of_states

    def zero_states(self, traces: Sequence[Trace], steps: int) -> list[Tensor]:
        """Return zeros for dL/dh and dL/dc, (T, layers, B, H)."""
        *stack, batch, width = traces[0].last[0].shape
        return [h.new_zeros(*stack, steps, len(traces), batch, width) for h in traces[0].states]
