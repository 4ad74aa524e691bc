"""The hidden states of a model: layer by layer, and one time step after another."""

from collections.abc import Mapping
from typing import Any

import autograd.numpy as np
from gradsuite.model import Model

from gradsuite_hips.activation import ACTIVATIONS
from gradsuite_hips.cells import STEPS, Weights
from gradsuite_hips.nudges import Nudge

Array = Any
Arrays = Mapping[str, Array]


def top_states(model: Model, parameters: Arrays, inputs: Array, zeros: Arrays) -> Array:
    """Return the states of the top layer, from inputs (T, B, I) as (T, B, H), from (B, I) of `mlp` as (B, H)."""
    return unrolled(model, parameters, inputs, zeros) if model.recurrent else mlp(model, parameters, inputs, zeros)


def mlp(model: Model, parameters: Arrays, h: Array, zeros: Arrays) -> Array:
    """Return the activation of the top layer."""
    for layer in range(model.num_layers):
        z = h @ parameters[f"layers.{layer}.weight"].T + parameters[f"layers.{layer}.bias"]
        h = Nudge(zeros, (layer,))("h", ACTIVATIONS[model.activation](z))
    return h


def unrolled(model: Model, parameters: Arrays, inputs: Array, zeros: Arrays) -> Array:
    """Return the top layer's state at every time step."""
    step, start = STEPS[model.cell], np.zeros((inputs.shape[1], model.hidden_size), inputs.dtype)
    sequence = list(inputs)
    for layer in range(model.num_layers):
        w, state = Weights.of(parameters, layer), (start, start)[: 2 if model.cell == "lstm" else 1]
        hidden = []
        for t, x in enumerate(sequence):
            state = step(model.activation, w, x, state, Nudge(zeros, (t, layer)))
            hidden.append(state[0])
        sequence = hidden
    return np.stack(sequence)
