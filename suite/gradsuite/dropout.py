"""Dropout as data: masks drawn on the host, so that every backend drops the same units."""

import numpy as np

from gradsuite.cells import Shape
from gradsuite.errors import UserError
from gradsuite.model import Model


def dropout_masks(model: Model, inputs: Shape, rate: float, *, seed: int = 0, every_step: bool = False) -> np.ndarray:
    """Return the masks of a batch with inputs of this shape: 0 at `rate`, else 1 / (1 - rate), so that means stay.

    A unit is dropped for the whole sequence, (1, layers, B, H) (variational dropout, Gal & Ghahramani 2016), or anew at
    every step, (T, layers, B, H); for cells that are not recurrent masks are (layers, B, H). All layers have one, the
    top layer for the readout: set that to 1 for the rule of torch.nn, which masks what goes from layer to layer.
    Raises UserError unless 0 <= rate < 1.
    """
    if not 0 <= rate < 1:
        raise UserError(f"rate must be at least 0 and less than 1, not {rate}")
    states = model.states_shape(inputs)
    shape = (1, *states[1:]) if model.recurrent and not every_step else states
    return (np.random.default_rng(seed).random(shape) >= rate) / (1 - rate)
