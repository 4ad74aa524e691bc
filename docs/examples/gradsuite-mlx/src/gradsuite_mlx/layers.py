"""The hidden states of a model: layer by layer, and one time step after another."""

from collections.abc import Mapping

import mlx.core as mx
from gradsuite.model import Model

from gradsuite_mlx.activation import ACTIVATIONS
from gradsuite_mlx.cells import STEPS, Weights
from gradsuite_mlx.nudges import Nudge

Arrays = Mapping[str, mx.array]


def top_states(model: Model, arrays: Arrays, inputs: mx.array) -> mx.array:
    """Return the states of the top layer, from inputs (T, B, I) as (T, B, H), from (B, I) of `mlp` as (B, H)."""
    return unrolled(model, arrays, inputs) if model.recurrent else mlp(model, arrays, inputs)


def mlp(model: Model, arrays: Arrays, h: mx.array) -> mx.array:
    """Return the activation of the top layer."""
    for layer in range(model.num_layers):
        z = h @ arrays[f"layers.{layer}.weight"].T + arrays[f"layers.{layer}.bias"]
        h = Nudge(arrays, (layer,))("h", ACTIVATIONS[model.activation](z))
    return h


def unrolled(model: Model, arrays: Arrays, inputs: mx.array) -> mx.array:
    """Return the top layer's state at every time step."""
    step, start = STEPS[model.cell], mx.zeros((inputs.shape[1], model.hidden_size), inputs.dtype)
    sequence = list(inputs)
    for layer in range(model.num_layers):
        w, state = Weights.of(arrays, layer), (start, start)[: 2 if model.cell == "lstm" else 1]
        hidden = []
        for t, x in enumerate(sequence):
            state = step(model.activation, w, x, state, Nudge(arrays, (t, layer)))
            hidden.append(state[0])
        sequence = hidden
    return mx.stack(sequence)
