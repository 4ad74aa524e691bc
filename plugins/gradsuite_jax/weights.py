"""The parameters of one recurrent layer, under short names."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
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


def layer_weights(model: Model, parameters: Mapping[str, Array], layer: int) -> Weights:
    """Return the parameters of layer number `layer` (from 0)."""
    weight_ih, weight_hh, bias_ih, bias_hh = (parameters[f"{kind}_l{layer}"] for kind in KINDS)
    return Weights(weight_ih, weight_hh, bias_ih, bias_hh, weight_hh.T, model.activation)
