"""A network that is only a file of weights: its layers and head, read from names and shapes, and the data's loss."""

from dataclasses import dataclass

import numpy as np

from gradsuite.diagnosis.files import head as heads
from gradsuite.diagnosis.files.architecture import Architecture, architecture
from gradsuite.diagnosis.patient import LOSSES
from gradsuite.errors import UserError, unknown
from gradsuite.model import Model
from gradsuite.parameters import Parameters, initialise
from gradsuite.tasks.task import Task

ACTIVATIONS = ("tanh", "relu")  # of torch.nn.RNN: its weights do not tell


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """Recurrent layers and a head that reads their last state, or each, as the data's targets are.

    `biased` is whether the layers have biases of their own; those in `parameters` are zeros if not.
    """

    name: str  # of the layers, in the file
    model: Model
    parameters: Parameters
    biased: bool
    device: str
    notes: tuple[str, ...]


def stored(
    state: dict[str, np.ndarray],
    task: Task,
    *,
    source: str,
    prefix: str | None = None,
    head: str | None = None,
    activation: str | None = None,
    loss: str | None = None,
    device: str = "cpu",
) -> StoredNetwork:
    """Return the network that a state dict and a task make. Raises UserError for what does not go together."""
    layers = architecture(state, prefix, source=source)
    _require_loss(loss, task)
    if layers.input_size != task.input_size:
        raise UserError(
            f"{layers.prefix or source + ': '}weight_ih_l0 reads {layers.input_size} numbers a step, the data have "
            f"{task.input_size}: choose as many with --inputs, or diagnose the whole module in Python"
        )
    notes = list[str]()
    activation = _activation(layers, activation, notes)
    read = heads.head(state, layers, head, outputs=task.output_size, at_least=task.loss == "cross_entropy")
    outputs = len(state[f"{read}weight"]) if read is not None else task.output_size
    model = layers.model(activation=activation, output_size=outputs, readout=task.readout, loss=task.loss)
    parameters = layers.parameters(state)
    if read is None and task.output_size:
        notes.append("No linear layer in the file can be told to be the head: a fresh one reads the layers (--head).")
        fresh = initialise(model)
        parameters |= {name: fresh[name] for name in ("readout.weight", "readout.bias")}
    elif read is not None:
        notes.append(f"The head that reads the layers is {read.removesuffix('.') or 'the linear layer'}.")
        parameters |= heads.parameters(state, read)
    return StoredNetwork(
        layers.prefix.removesuffix(".") or layers.cell, model, parameters, layers.biased, device, tuple(notes)
    )


def _require_loss(loss: str | None, task: Task) -> None:
    if task.loss not in LOSSES:
        raise UserError(f"{task.name} has nothing to learn, and no loss to diagnose a network on")
    if loss is None or loss == task.loss:
        return
    if loss not in LOSSES:
        raise unknown("loss", loss, LOSSES)
    kind = "classes" if task.loss == "cross_entropy" else "numbers"
    raise UserError(f"--loss {loss} is not for targets that are {kind}, as those of {task.name} are: type {task.loss}")


def _activation(layers: Architecture, activation: str | None, notes: list[str]) -> str:
    """Return the activation: tanh unless an rnn's is given, which weights do not tell."""
    if layers.cell != "rnn":
        if activation not in (None, "tanh"):
            raise UserError(f"--activation is for an rnn, not for {layers.cell}: leave it out")
        return "tanh"
    if activation is None:
        notes.append("The activation is taken to be tanh, which weights do not tell: --activation relu is the other.")
        return "tanh"
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    return activation
