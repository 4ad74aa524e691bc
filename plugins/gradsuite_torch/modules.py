"""Recurrent modules of PyTorch's as models of the suite's: `torch.nn.RNN`, `LSTM` and `GRU`."""

from typing import Any

from gradsuite.model import Model
from torch import Tensor, nn

# By `mode`, as the modules say it themselves: cell and activation.
CELLS = {"RNN_TANH": ("rnn", "tanh"), "RNN_RELU": ("rnn", "relu"), "LSTM": ("lstm", "tanh"), "GRU": ("gru", "tanh")}


def model_of(layer: nn.RNNBase, **read: Any) -> Model:
    """Return the model of a module without a projection; `read` says what reads it: by default nothing does."""
    cell, activation = CELLS[layer.mode]
    return Model(
        cell,
        layer.input_size,
        layer.hidden_size,
        num_layers=layer.num_layers,
        activation=activation,
        bidirectional=layer.bidirectional,
        **{"readout": "none", **read},
    )


def states_of(states: Any) -> tuple[Tensor, ...]:
    """Return h, or h and c, as the modules take and return them, as a tuple."""
    return (states,) if isinstance(states, Tensor) else tuple(states)
