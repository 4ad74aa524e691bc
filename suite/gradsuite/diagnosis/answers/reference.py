"""Lines beside the flow: what theory gives for this architecture at PyTorch's initialisation, and for its own gates."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradsuite.backend import Batch
from gradsuite.diagnosis.layers import LayerSeen
from gradsuite.diagnosis.layers.gates import NAMES, kept
from gradsuite.diagnosis.thresholds import DEFAULT_GAIN
from gradsuite.model import Model
from gradsuite.theory import gates, gaussian_powers
from gradsuite.theory.activations import second_moment
from gradsuite.theory.mean_field import MeanField

FARTHEST = 100  # lags of a power's law: there is nothing left of it by then, and its binomials grow


class Line(NamedTuple):
    """What theory leaves of a gradient by lag, over that at lag 0."""

    name: str
    left: np.ndarray


def lines(model: Model, batch: Batch, seen: Sequence[LayerSeen], longest: int) -> list[Line]:
    """Return the lines that there is theory for, up to the longest lag."""
    found = []
    if (default := at_default(model, batch, longest)) is not None:
        found.append(Line("PyTorch's default, by theory", default))
    if model.cell in NAMES and seen:
        curves = np.array([kept(model.cell, layer, longest) for layer in seen])
        found.append(Line("its gates alone", curves[np.argmax(curves[:, -1])]))
    return found


def at_default(model: Model, batch: Batch, longest: int) -> np.ndarray | None:
    """Return what is left by lag at PyTorch's initialisation; None for a cell that has no law.

    The top layer's law. `rnn`: mean field with the weights' gain 1/sqrt(3), inputs and two biases as noise (Poole et
    al. 2016; Chen, Pennington & Schoenholz 2018 for tied weights). `lstm` and `gru`: powers of kept + pull W at the
    fixed point h = c = 0 (see `theory.gaussian_powers`), for at most 100 lags.
    """
    lags = np.arange(longest + 1)
    if model.cell == "rnn":
        left: np.ndarray = np.exp(lags * rnn_rate(model, batch))
        return left
    pulls = {"lstm": gates.lstm_pull(), "gru": gates.gru_pull()}
    if model.cell not in pulls:
        return None
    power = gates.keep(0.0), DEFAULT_GAIN * pulls[model.cell], model.hidden_size
    return np.sqrt([gaussian_powers.mean_square(int(lag), *power) for lag in lags[: FARTHEST + 1]])


def rnn_rate(model: Model, batch: Batch) -> float:
    """Return d ln |dL/dh| / d lag of the top layer of a plain recurrent network at PyTorch's initialisation.

    A layer's noise has the variance (E |x|^2 + 2) / (3 H): x is what it reads, and the two biases count for one each.
    """
    square = float(np.square(batch.inputs[batch.valid]).sum(axis=-1).mean())
    field = MeanField(model.activation, DEFAULT_GAIN)
    for _ in range(model.num_layers):
        field = MeanField(model.activation, DEFAULT_GAIN, math.sqrt((square + 2.0) / (3.0 * model.hidden_size)))
        square = model.layer_output_size * second_moment(model.activation, field.fixed_point())
    return math.log(field.chi_1) / 2.0
