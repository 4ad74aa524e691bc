"""What is timed: a model and a batch of random numbers for it; and the workloads that have a name."""

from collections.abc import Mapping

import numpy as np
from gradsuite.backend import Batch
from gradsuite.cells import find
from gradsuite.model import Model
from gradsuite.settings import Settings

# Sizes that stand for a use: W1 an LSTM of 320 units as in rnn_benchmarks (Braun 2018, arXiv:1806.01818; there with 123
# inputs, 25 sequences of 1000 steps), W2 a long plain RNN, W3 one sequence at a time, W4 a stack of GRUs, W5 a deep
# multilayer perceptron, W6 a language model.
NAMED: Mapping[str, Settings] = {
    "W1": {"cell": "lstm", "length": 100, "batch_size": 64, "input_size": 125, "hidden_size": 320, "num_layers": 1},
    "W2": {"cell": "rnn", "length": 200, "batch_size": 32, "input_size": 2, "hidden_size": 128, "num_layers": 1},
    "W3": {"cell": "lstm", "length": 100, "batch_size": 1, "input_size": 32, "hidden_size": 32, "num_layers": 1},
    "W4": {"cell": "gru", "length": 50, "batch_size": 32, "input_size": 64, "hidden_size": 256, "num_layers": 2},
    "W5": {"cell": "mlp", "length": 1, "batch_size": 256, "input_size": 512, "hidden_size": 512, "num_layers": 10},
    "W6": {"cell": "lstm", "length": 35, "batch_size": 20, "input_size": 512, "hidden_size": 512, "num_layers": 2},
}
EVERY_STEP = ("W6",)  # a language model is asked for every next symbol
CLASSES = 10


def model(settings: Settings) -> Model:
    """Return the model to be timed: ten classes, tanh (relu for `mlp`)."""
    return Model(
        cell=settings["cell"],
        input_size=settings["input_size"],
        hidden_size=settings["hidden_size"],
        output_size=CLASSES,
        num_layers=settings["num_layers"],
        activation="tanh" if find(settings["cell"]).recurrent else "relu",
        readout="all" if settings["workload"] in EVERY_STEP else "last",
        loss="cross_entropy",
    )


def batch(model: Model, settings: Settings, rng: np.random.Generator) -> Batch:
    """Return a batch of Gaussian inputs and random classes."""
    steps = (settings["length"],) if model.recurrent else ()
    inputs = rng.standard_normal((*steps, settings["batch_size"], model.input_size))
    return Batch(inputs, rng.integers(CLASSES, size=model.targets_shape(inputs.shape)))


def label(settings: Settings) -> str:
    """Return a workload in a few characters: its name, or cell and sizes (`lstm T20 B32 H64`)."""
    if settings["workload"] in NAMED:
        return str(settings["workload"])
    steps = f" T{settings['length']}" if find(settings["cell"]).recurrent else ""
    return f"{settings['cell']}{steps} B{settings['batch_size']} H{settings['hidden_size']}"
