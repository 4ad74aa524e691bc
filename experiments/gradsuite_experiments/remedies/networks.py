"""The remedies: what each changes about the network, its initialisation or its training."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from gradsuite.backend import Backend, DeviceBatch, Network
from gradsuite.cells import find
from gradsuite.model import GATES, Model
from gradsuite.parameters import KEEP_GATE, Initialisation, Parameters, initialise
from gradsuite.settings import Settings
from gradsuite.tasks.task import Task, flatten
from scipy.special import expit

from gradsuite_experiments.common.sweep import fetch, reads_both

CLIP_NORM = 1.0
PLAIN = "tanh"  # what the others are remedies of
DEFAULT = Initialisation()  # PyTorch's


@dataclass(frozen=True, slots=True)
class Remedy:
    """One remedy: the network's cell and activation, how it is initialised, and the limit of its gradient's norm.

    A cell that is not recurrent makes a network as deep as the sequence is long, which reads it at once: its lags are
    layers.
    """

    title: str
    cell: str
    initialisation: Initialisation = DEFAULT
    activation: str = "tanh"
    clip_norm: float | None = None


REMEDIES: Mapping[str, Remedy] = {
    PLAIN: Remedy("plain tanh", "rnn"),
    "clipping": Remedy("clipped tanh", "rnn", clip_norm=CLIP_NORM),
    "orthogonal": Remedy("orthogonal tanh", "rnn", Initialisation("orthogonal")),
    "identity": Remedy("identity ReLU", "rnn", Initialisation("identity"), "relu"),
    "lstm-0": Remedy("LSTM with bias 0", "lstm", Initialisation(forget_bias=0.0)),
    "lstm-1": Remedy("LSTM with bias 1", "lstm", Initialisation(forget_bias=1.0)),
    "lstm-5": Remedy("LSTM with bias 5", "lstm", Initialisation(forget_bias=5.0)),
    "chrono": Remedy("chrono LSTM", "lstm"),  # for dependencies as long as the sequences
    "gru": Remedy("GRU with bias 0", "gru", Initialisation(forget_bias=0.0)),
    "mingru": Remedy("minGRU", "mingru"),
    "lru": Remedy("LRU", "lru"),
    "ln-rnn": Remedy("layer-normalised tanh", "ln-rnn"),
    "residual": Remedy("residual layers", "residual"),
}


def draw(task: Task, settings: Settings, seed: int) -> tuple[Model, Parameters]:
    """Return the model of a remedy, and one network's parameters."""
    T, remedy = settings["length"], REMEDIES[settings["remedy"]]
    depth = 1 if find(remedy.cell).recurrent else T
    model = task.model(remedy.cell, settings["hidden_size"], num_layers=depth, activation=remedy.activation, length=T)
    initialisation = Initialisation(chrono=float(T)) if settings["remedy"] == "chrono" else remedy.initialisation
    return model, initialise(model, initialisation, seed=seed)


def build(backend: Backend, task: Task, device: str, settings: Settings, seed: int) -> tuple[Network, DeviceBatch]:
    """Return one network and its own batch of the task."""
    T = settings["length"]
    model, parameters = draw(task, settings, seed)
    network = backend.build(model, parameters, device=device, dtype=settings["dtype"])
    batch = task.batch(np.random.default_rng(seed), model, size=settings["batch_size"], length=T)
    return network, network.put(batch if model.recurrent else flatten(batch))


def by_lag(network: Network, batch: DeviceBatch) -> np.ndarray:
    """Return the state gradients by lag, (T, B, H): of the cell state where there is one.

    They are of both parts of a complex state, (T, B, 2 H), and by layer, the last one first, without steps.
    """
    tape = network.forward(batch, states=True)
    flow = fetch(network, tape, network.backward(tape))
    if not network.model.recurrent:
        return flow.states[::-1].astype(np.float64)
    states = flow.states if flow.cell_states is None else flow.cell_states
    if flow.cell_states is not None and reads_both(network.model.cell):
        states = np.concatenate([flow.states, flow.cell_states], axis=-1)
    return states[::-1, 0].astype(np.float64)


def kept_by_biases(parameters: Parameters, gradients: np.ndarray) -> float:
    """Return what an LSTM's forget gates keep of the squared gradient (T, B, H) from T to the start, by bias alone."""
    forget = np.split(parameters["bias_ih_l0"] + parameters["bias_hh_l0"], GATES["lstm"])[KEEP_GATE["lstm"]]
    squares = np.square(gradients[0])
    return float((squares * expit(forget) ** (2 * (len(gradients) - 1))).sum() / squares.sum())


def kept_by_eigenvalues(parameters: Parameters, gradients: np.ndarray) -> float:
    """Return what an LRU's eigenvalues keep of the squared gradient (T, B, 2 H) from T to the start."""
    left = np.exp(-2.0 * (len(gradients) - 1) * np.exp(parameters["nu_log_l0"]))
    squares = np.square(gradients[0])
    return float((squares * np.tile(left, 2)).sum() / squares.sum())


def mean_square(gradients: np.ndarray) -> np.ndarray:
    """Return the squared norm over units and batch by lag, over that at T."""
    squares = np.square(gradients).sum(axis=(1, 2))
    return squares / squares[0]
