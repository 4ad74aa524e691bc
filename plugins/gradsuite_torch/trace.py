"""What the forward pass keeps, and the state gradients that flow back along it.

Arrays have the time axis third from the end: (T, B, .), or (S, T, B, .) for a stack of networks.
"""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

TIME = -3
States = tuple[Tensor, ...]  # h, and c of lstm, of one layer: (B, H) each


class Weights(NamedTuple):
    """One layer's parameters, or their gradients: (G H, I), (G H, H), (G H), (G H) for G gates, or a stack of each."""

    ih: Tensor
    hh: Tensor
    b_ih: Tensor
    b_hh: Tensor


@dataclass(frozen=True, slots=True)
class Trace:
    """What one layer's forward pass over T steps keeps.

    `x` is (T, B, I). `states` are h, and c of lstm, (T + 1, B, H), from before the first step to after the last.
    `local` holds (T, B, .) arrays from which the cell computes its derivatives.
    """

    x: Tensor
    states: tuple[Tensor, ...]
    local: tuple[Tensor, ...] = ()

    @property
    def steps(self) -> int:
        """Return T."""
        return self.x.shape[TIME]

    @property
    def outputs(self) -> Tensor:
        """Return h_1 to h_T, (T, B, H)."""
        return self.states[0].narrow(TIME, 1, self.steps)

    @property
    def before(self) -> Tensor:
        """Return h_0 to h_(T-1), (T, B, H)."""
        return self.states[0].narrow(TIME, 0, self.steps)

    @property
    def last(self) -> States:
        """Return the states after the last step."""
        return tuple(state.select(TIME, -1) for state in self.states)

    def window(self, first: int, last: int) -> "Trace":
        """Return the trace of the steps [first, last): views, not copies."""
        return Trace(
            self.x.narrow(TIME, first, last - first),
            tuple(state.narrow(TIME, first, last - first + 1) for state in self.states),
            tuple(array.narrow(TIME, first, last - first) for array in self.local),
        )


@dataclass(frozen=True, slots=True)
class Flow:
    """State gradients while they flow back: dL/dh, and dL/dc of lstm, as (T + 1, B, H), like a trace's states.

    On entry `dh` holds what reaches each state other than through the next one: for every step if `direct`, else for
    the last step only, the others being unset. On return it holds the total. `dc` is set at its last step only.
    """

    states: tuple[Tensor, ...]
    direct: bool

    @property
    def start(self) -> States:
        """Return the gradients with respect to the states before the first step."""
        return tuple(state.select(TIME, 0) for state in self.states)

    def window(self, first: int, last: int) -> "Flow":
        """Return the flow of the steps [first, last): views, not copies."""
        return Flow(tuple(state.narrow(TIME, first, last - first + 1) for state in self.states), self.direct)
