"""The network asked for, as data: cell, sizes, layers, activation, readout and loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradsuite.errors import UserError, unknown

CELLS = ("mlp", "rnn", "lstm", "gru")
ACTIVATIONS = {
    "mlp": ("tanh", "relu", "sigmoid", "identity"),
    "rnn": ("tanh", "relu", "identity"),
    "lstm": ("tanh",),
    "gru": ("tanh",),
}
READOUTS = ("last", "all", "none")
LOSSES = ("mse", "cross_entropy", "inner_product")
# Gate blocks stacked in the rows of weight_ih and weight_hh, in PyTorch's order: i f g o, and r z n.
GATES = {"rnn": 1, "lstm": 4, "gru": 3}

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A network as data; every backend builds the same one from it.

    Recurrent cells read inputs (T, B, input_size); `mlp` reads (B, input_size) and has `num_layers`
    hidden layers of `hidden_size` units. The output is `readout.weight @ h + readout.bias` of the top
    layer's last state (`last`, (B, O)) or of each of its states (`all`, (T, B, O)), or that last state
    itself (`none`, (B, H), where `output_size` is 0 and no readout parameters exist).

    Losses average over the batch, and over time with readout `all`: `mse` is the mean over every
    element (torch.nn.functional.mse_loss), `cross_entropy` takes integer classes of the output's shape
    without its last axis, `inner_product` is the mean over the batch of <target, output>.

    Raises UserError for a name or size that is not allowed.
    """

    cell: str
    input_size: int
    hidden_size: int
    output_size: int = 0
    num_layers: int = 1
    activation: str = "tanh"
    readout: str = "last"
    loss: str = "mse"

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise unknown("cell", self.cell, CELLS)
        if self.activation not in ACTIVATIONS[self.cell]:
            raise unknown(f"activation of {self.cell}", self.activation, ACTIVATIONS[self.cell])
        allowed = READOUTS if self.recurrent else ("last", "none")
        if self.readout not in allowed:
            raise unknown(f"readout of {self.cell}", self.readout, allowed)
        if self.loss not in LOSSES:
            raise unknown("loss", self.loss, LOSSES)
        for name in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.output_size < 0 or (self.output_size == 0) != (self.readout == "none"):
            raise UserError(f"output_size must be at least 1, or 0 with readout 'none', not {self.output_size}")

    @property
    def recurrent(self) -> bool:
        """Whether the model unrolls over time (every cell but `mlp`)."""
        return self.cell != "mlp"

    @property
    def output_width(self) -> int:
        """Size of the output's last axis: `output_size`, or `hidden_size` without a readout."""
        return self.output_size or self.hidden_size

    def layer_input_size(self, layer: int) -> int:
        """Width of what layer number `layer` (from 0) reads."""
        return self.input_size if layer == 0 else self.hidden_size

    def states_shape(self, inputs: Shape) -> Shape:
        """Shape of the state gradients for inputs of this shape: (T, layers, B, H) or (layers, B, H)."""
        return (*inputs[:-2], self.num_layers, inputs[-2], self.hidden_size)

    def targets_shape(self, inputs: Shape) -> Shape:
        """Shape of the targets that the loss compares the output with."""
        leading = inputs[:-1] if self.readout == "all" else inputs[-2:-1]
        return leading if self.loss == "cross_entropy" else (*leading, self.output_width)


def parameter_shapes(model: Model) -> dict[str, Shape]:
    """Return name -> shape of every parameter, in PyTorch's names, shapes and order.

    Recurrent layers have `weight_ih_l{l}` (G H, I), `weight_hh_l{l}` (G H, H), `bias_ih_l{l}` and
    `bias_hh_l{l}` (G H) with G gates; `mlp` layers have `layers.{l}.weight` (H, I) and
    `layers.{l}.bias` (H); the readout has `readout.weight` (O, H) and `readout.bias` (O).
    """
    shapes: dict[str, Shape] = {}
    hidden = model.hidden_size
    for layer in range(model.num_layers):
        width = model.layer_input_size(layer)
        if model.recurrent:
            rows = GATES[model.cell] * hidden
            shapes[f"weight_ih_l{layer}"] = (rows, width)
            shapes[f"weight_hh_l{layer}"] = (rows, hidden)
            shapes[f"bias_ih_l{layer}"] = shapes[f"bias_hh_l{layer}"] = (rows,)
        else:
            shapes[f"layers.{layer}.weight"] = (hidden, width)
            shapes[f"layers.{layer}.bias"] = (hidden,)
    if model.readout != "none":
        shapes["readout.weight"] = (model.output_size, hidden)
        shapes["readout.bias"] = (model.output_size,)
    return shapes


def is_stacked(model: Model, parameters: Mapping[str, Any]) -> bool:
    """Return whether parameters are a stack of networks: arrays of any framework with one more axis in front.

    Raises UserError unless every parameter of the model is present in its shape, all with one leading axis or none.
    """
    shapes = parameter_shapes(model)
    if parameters.keys() != shapes.keys():
        raise UserError(f"parameters of this model are {', '.join(shapes)}, not {', '.join(parameters) or 'none'}")
    first = next(iter(shapes))
    leading = tuple(parameters[first].shape)[: len(parameters[first].shape) - len(shapes[first])]
    members = leading if len(leading) == 1 else ()
    for name, shape in shapes.items():
        if tuple(parameters[name].shape) != (*members, *shape):
            raise UserError(f"{name} must be {(*members, *shape)}, not {tuple(parameters[name].shape)}")
    return bool(members)
