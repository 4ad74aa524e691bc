"""What a cell is: the parameters and states of one layer, and one step as equations over an array namespace."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from gradsuite.cells.parameter import Parameter

Array = Any  # of whichever framework the namespace is
State = tuple[Array, ...]


class Cell(ABC):
    """A network's cell. All else follows from it: the oracle differentiates it, and so do backends by autodiff.

    `states` names one or two states of a layer, each (B, H); gradients by the first are `Gradients.states`, by the
    second `cell_states`. The layer above, or the readout, reads the `output`, by default the first. A cell that is not
    `recurrent` has no step before: its `step` is given no states and returns one. `keep_gate` and `input_gate` are the
    row blocks of the gates whose biases `forget_bias` and `chrono` set, for cells that have them.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    states: ClassVar[tuple[str, ...]] = ("h",)
    recurrent: ClassVar[bool] = True
    activations: ClassVar[tuple[str, ...]] = ("tanh",)
    keep_gate: ClassVar[int | None] = None
    input_gate: ClassVar[int | None] = None

    @abstractmethod
    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return the parameters of a layer of `units` that reads `inputs` numbers, in order and without its number."""

    @abstractmethod
    def step(self, xp: Any, p: Any, x: Array, *state: Any, **named: Any) -> State:
        """Return the states after one step, from the input x (B, I) and the states before it, each (B, H).

        `p` has the parameters by name: matrices (rows, columns), and vectors that broadcast over the batch. `xp` is the
        framework's array namespace (the Python array API standard) with four functions more: `xp.linear(x, weight,
        bias)` is x W^T + b, `xp.gates(z, n)` splits rows into n blocks, `xp.sigmoid`, and `xp.phi`, the model's
        activation. Every state passes through `xp.state(name, value)`, where it is computed and before it is used:
        gradients are taken by it there.
        """

    def output(self, xp: Any, p: Any, x: Array, *state: Any, **named: Any) -> Array:
        """Return what the layer above, or the readout, reads of a step (B, H), from the states after it."""
        return state[0]

    def name_of(self, parameter: str, layer: int, *, reverse: bool = False) -> str:
        """Return the name of a layer's parameter in the model, of its backward direction if `reverse`: PyTorch's."""
        end = "_reverse" if reverse else ""
        return f"{parameter}_l{layer}{end}" if self.recurrent else f"layers.{layer}.{parameter}"
