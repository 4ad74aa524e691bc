"""A network that is only a file of weights: its layers and head, read from names and shapes, and the data's loss."""

from dataclasses import dataclass

import numpy as np

from gradsuite.diagnosis.files.architecture import Architecture, architecture_of
from gradsuite.diagnosis.files.head import find_head, head_parameters
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


def stored_network(
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
    layers = architecture_of(state, prefix, source=source)
    _require_loss(loss, task)
    if layers.input_size != task.input_size:
        raise UserError(
            f"{layers.prefix or source + ': '}weight_ih_l0 reads {layers.input_size} numbers a step, the data have "
            f"{task.input_size}: choose as many with --inputs, or diagnose the whole module in Python"
        )
    phi, assumed = _activation(layers, activation)
    found = find_head(state, layers, head, outputs=task.output_size, at_least=task.loss == "cross_entropy")
    outputs = task.output_size if found is None else len(state[f"{found}weight"])
    model = layers.model(activation=phi, output_size=outputs, readout=task.readout, loss=task.loss)
    readout, told = _readout(state, found, model)
    name = layers.prefix.removesuffix(".") or layers.cell
    parameters = layers.parameters(state) | readout
    return StoredNetwork(name, model, parameters, layers.biased, device, (*assumed, *told))


def _require_loss(loss: str | None, task: Task) -> None:
    if task.loss not in LOSSES:
        raise UserError(f"{task.name} has nothing to learn, and no loss to diagnose a network on")
    if loss is None or loss == task.loss:
        return
    if loss not in LOSSES:
        raise unknown("loss", loss, LOSSES)
    kind = "classes" if task.loss == "cross_entropy" else "numbers"
    raise UserError(f"--loss {loss} is not for targets that are {kind}, as those of {task.name} are: type {task.loss}")


def _activation(layers: Architecture, activation: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the activation, tanh unless an rnn's is given, and what was assumed: an rnn's weights do not tell it."""
    if layers.cell != "rnn":
        if activation not in (None, "tanh"):
            raise UserError(f"--activation is for an rnn, not for {layers.cell}: leave it out")
        return "tanh", ()
    if activation is None:
        return "tanh", ("The activation is taken to be tanh, for weights do not tell: --activation relu is the other.",)
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    return activation, ()


def _readout(state: dict[str, np.ndarray], head: str | None, model: Model) -> tuple[Parameters, tuple[str, ...]]:
    """Return the parameters of the head, fresh ones if none was found and one is needed, and a sentence about it."""
    if head is not None:
        told = f"The head that reads the layers is {head.removesuffix('.') or 'the linear layer'}."
        return head_parameters(state, head), (told,)
    fresh = {name: value for name, value in initialise(model).items() if name.startswith("readout.")}
    told = "No linear layer in the file can be told to be the head: a fresh one reads the layers (--head)."
    return fresh, (told,) if fresh else ()
