"""The network asked for, as data: cell, sizes, layers, activation, readout and loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from gradsuite.cells import CLASSIC, Parameter, Shape, find
from gradsuite.errors import UserError, unknown

# What the cells that every backend may write by hand are: `mlp`, `rnn`, `lstm` and `gru`.
CELLS = tuple(CLASSIC)
ACTIVATIONS = {name: cell.activations for name, cell in CLASSIC.items()}
# Gate blocks stacked in the rows of weight_ih and weight_hh, in PyTorch's order: i f g o, and r z n.
GATES = {name: cell.parameters(1, 1)["weight_ih"].gates for name, cell in CLASSIC.items() if cell.recurrent}
READOUTS = ("last", "all", "none")
LOSSES = ("mse", "cross_entropy", "inner_product")


@dataclass(frozen=True, slots=True)
class Model:
    """A network as data; every backend builds the same one from it.

    Recurrent cells read inputs (T, B, input_size); `mlp` reads (B, input_size) and has `num_layers`
    hidden layers of `hidden_size` units. The output is `readout.weight @ h + readout.bias` of the top
    layer's last state (`last`, (B, O)) or of each of its states (`all`, (T, B, O)), or that last state
    itself (`none`, (B, H), where `output_size` is 0 and no readout parameters exist).

    A `bidirectional` layer, of a recurrent cell, reads its inputs from both ends, with parameters for each direction,
    and puts out both (T, B, 2 H). The last state is then that of each direction at its own end: the forward one's after
    the last step, the backward one's after the first. Directions count as layers do, each layer's forward one first.

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
    bidirectional: bool = False

    def __post_init__(self) -> None:
        allowed = find(self.cell).activations
        if self.activation not in allowed:
            raise unknown(f"activation of {self.cell}", self.activation, allowed)
        allowed = READOUTS if self.recurrent else ("last", "none")
        if self.readout not in allowed:
            raise unknown(f"readout of {self.cell}", self.readout, allowed)
        if self.loss not in LOSSES:
            raise unknown("loss", self.loss, LOSSES)
        if self.bidirectional and not self.recurrent:
            raise UserError(f"bidirectional is for recurrent cells, not for {self.cell}")
        for name in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.output_size < 0 or (self.output_size == 0) != (self.readout == "none"):
            raise UserError(f"output_size must be at least 1, or 0 with readout 'none', not {self.output_size}")

    @property
    def recurrent(self) -> bool:
        """Whether the model unrolls over time."""
        return find(self.cell).recurrent

    @property
    def directions(self) -> int:
        """How often each layer reads its inputs: 2 of a bidirectional model, forward and backward, otherwise 1."""
        return 2 if self.bidirectional else 1

    @property
    def layers_and_directions(self) -> list[tuple[int, bool]]:
        """The layers (from 0) in each of their directions, backward or not, in the order of states and parameters."""
        return [(layer, reverse) for layer in range(self.num_layers) for reverse in (False, True)[: self.directions]]

    @property
    def layer_output_size(self) -> int:
        """Width of what each layer puts out: that of its directions together."""
        return self.directions * self.hidden_size

    @property
    def output_width(self) -> int:
        """Size of the output's last axis: `output_size`, or the layers' own without a readout."""
        return self.output_size or self.layer_output_size

    def layer_input_size(self, layer: int) -> int:
        """Width of what layer number `layer` (from 0) reads."""
        return self.input_size if layer == 0 else self.layer_output_size

    def layer_parameters(self, layer: int) -> Mapping[str, Parameter]:
        """Parameters of layer number `layer` (from 0) by their names in the cell."""
        return find(self.cell).parameters(self.layer_input_size(layer), self.hidden_size)

    def of_layer(
        self, parameters: Mapping[str, Any], layer: int, *, reverse: bool = False, ahead: bool = False
    ) -> SimpleNamespace:
        """Return the parameters of one layer, in one direction, by their names in the cell: arrays of any framework.

        With axes `ahead`, of a stack or of directions to differentiate along, vectors (..., N) become (..., 1, N), to
        broadcast over batches.
        """
        cell = find(self.cell)
        named = {name: parameters[cell.name_of(name, layer, reverse=reverse)] for name in self.layer_parameters(layer)}
        vectors = [name for name, parameter in self.layer_parameters(layer).items() if len(parameter.shape) == 1]
        return SimpleNamespace(**named | ({name: named[name][..., None, :] for name in vectors} if ahead else {}))

    def states_shape(self, inputs: Shape) -> Shape:
        """Shape of the state gradients for inputs of this shape: (T, layers, B, H) or (layers, B, H).

        Of a bidirectional model there are two for each layer, forward and backward.
        """
        return (*inputs[:-2], self.num_layers * self.directions, inputs[-2], self.hidden_size)

    def targets_shape(self, inputs: Shape) -> Shape:
        """Shape of the targets that the loss compares the output with."""
        leading = inputs[:-1] if self.readout == "all" else inputs[-2:-1]
        return leading if self.loss == "cross_entropy" else (*leading, self.output_width)


def parameter_shapes(model: Model) -> dict[str, Shape]:
    """Return name -> shape of every parameter, in PyTorch's names, shapes and order.

    Those of a layer are its cell's. Recurrent layers of PyTorch's have `weight_ih_l{l}` (G H, I), `weight_hh_l{l}`
    (G H, H), `bias_ih_l{l}` and `bias_hh_l{l}` (G H) with G gates; `mlp` layers have `layers.{l}.weight` (H, I) and
    `layers.{l}.bias` (H); the readout has `readout.weight` (O, H) and `readout.bias` (O). Names of a bidirectional
    model's backward direction end in `_reverse`; its layers but the first read 2 H numbers, and so does its readout.
    """
    cell = find(model.cell)
    shapes = {
        cell.name_of(name, layer, reverse=reverse): parameter.shape
        for layer, reverse in model.layers_and_directions
        for name, parameter in model.layer_parameters(layer).items()
    }
    return shapes | readout_shapes(model)


def readout_shapes(model: Model) -> dict[str, Shape]:
    """Return name -> shape of the readout's parameters, none without a readout."""
    if model.readout == "none":
        return {}
    return {"readout.weight": (model.output_size, model.layer_output_size), "readout.bias": (model.output_size,)}


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
