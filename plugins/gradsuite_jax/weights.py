"""The parameters of one recurrent layer, under short names."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
from gradsuite.cells import find
from gradsuite.model import Model

Array = jax.Array
KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Weights(NamedTuple):
    """One layer with G gates: weight_ih (G H, I), weight_hh (G H, H), bias_ih and bias_hh (G H).

    `transposed_hh` is weight_hh transposed once before the loop: XLA would do it at every step.
    """

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array
    transposed_hh: Array
    activation: str


def names(model: Model, layer: int, *, reverse: bool) -> list[str]:
    """Return the names of the parameters of layer number `layer` (from 0) in one direction, in the order of KINDS."""
    return [find(model.cell).name_of(kind, layer, reverse=reverse) for kind in KINDS]


def layer_weights(model: Model, parameters: Mapping[str, Array], layer: int, *, reverse: bool) -> Weights:
    """Return the parameters of layer number `layer` (from 0) in one direction."""
    weight_ih, weight_hh, bias_ih, bias_hh = (parameters[name] for name in names(model, layer, reverse=reverse))
    return Weights(weight_ih, weight_hh, bias_ih, bias_hh, weight_hh.T, model.activation)
