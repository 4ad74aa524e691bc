"""Which sequences of a recurrent layer's call are looked at, and what is kept of the call."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gradsuite_torch.modules import states_of

SEQUENCES = 8  # of a batch: enough for a horizon, and one training step's cost at the most


@dataclass(frozen=True, slots=True)
class Plain:
    """The first sequences of a batch, which is (T, B, N), (B, T, N) or, of one sequence, (T, N)."""

    batch_first: bool
    batched: bool

    def sequences(self, array: Tensor) -> Tensor:
        """Return inputs, outputs or gradients by them as (T, B, N)."""
        if not self.batched:
            return array.unsqueeze(1)
        return (array.transpose(0, 1) if self.batch_first else array)[:, :SEQUENCES]

    def states(self, array: Tensor) -> Tensor:
        """Return states before or after all steps as (layers, B, H)."""
        return array[:, :SEQUENCES] if self.batched else array.unsqueeze(1)


@dataclass(frozen=True, slots=True)
class Packed:
    """The sequences of the greatest length: `rows` (T, B) are theirs in the packed data, `order` (B) in the batch."""

    rows: Tensor
    order: Tensor

    @classmethod
    def of(cls, packed: PackedSequence) -> "Packed":
        """Return those of a packed batch, whose longest sequences come first."""
        sizes = packed.batch_sizes  # on the host, as PyTorch has it
        count = min(int(sizes[-1]), SEQUENCES)
        starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)[:-1]])
        rows = (starts[:, None] + torch.arange(count)).to(packed.data.device)
        order = torch.arange(count, device=packed.data.device)
        return cls(rows, order if packed.sorted_indices is None else packed.sorted_indices[:count])

    def sequences(self, array: Tensor) -> Tensor:
        """Return packed inputs, outputs or gradients by them as (T, B, N)."""
        return array[self.rows]

    def states(self, array: Tensor) -> Tensor:
        """Return states before or after all steps as (layers, B, H)."""
        return array.index_select(1, self.order)


@dataclass(slots=True, eq=False)
class Call:
    """One call of a recurrent layer in a training step: copies, (T, B, N) and (layers, B, H), of the chosen sequences.

    `by_output` and `by_last` are the gradients by what the call returned, None as long as none has arrived.
    """

    number: int
    dtype: torch.dtype
    chosen: Plain | Packed
    x: Tensor
    start: tuple[Tensor, ...] | None
    output: Tensor
    by_output: Tensor | None = None
    by_last: dict[int, Tensor] = field(default_factory=dict)  # of h, and of c, by number

    @classmethod
    def of(cls, layer: nn.RNNBase, number: int, inputs: Any, start: Any, output: Any) -> "Call":
        """Keep what has to be known of a call to compute it again."""
        packed = isinstance(inputs, PackedSequence)
        chosen = Packed.of(inputs) if packed else Plain(layer.batch_first, inputs.dim() == 3)
        dtype = torch.float64 if layer.weight_ih_l0.dtype == torch.float64 else torch.float32
        x, out = (copy(chosen.sequences(part.data if packed else part), dtype) for part in (inputs, output))
        first = None if start is None else tuple(copy(chosen.states(state), dtype) for state in states_of(start))
        return cls(number, dtype, chosen, x, first, out)

    def arrived(self, gradient: Tensor, kind: int) -> None:
        """Keep the gradient by the outputs, or by the last states of one kind: h is 0, c is 1."""
        if kind < 0:
            self.by_output = copy(self.chosen.sequences(gradient), self.dtype)
        else:
            self.by_last[kind] = copy(self.chosen.states(gradient), self.dtype)


def copy(array: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a copy, which the training cannot overwrite."""
    return array.detach().to(dtype, copy=True, memory_format=torch.contiguous_format)
