"""The networks that learn: a cell, and how its weights are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradsuite.model import Model
from gradsuite.parameters import Initialisation, Parameters, initialise
from gradsuite.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Learner:
    """One network: its cell, activation and initialisation."""

    title: str
    cell: str
    initialisation: Initialisation = field(default_factory=Initialisation)
    activation: str = "tanh"

    def draw(self, task: Task, hidden_size: int, seed: int) -> tuple[Model, Parameters]:
        """Return the model that reads a task, and one network's parameters."""
        model = task.model(self.cell, hidden_size, activation=self.activation)
        return model, initialise(model, self.initialisation, seed=seed)


LEARNERS: Mapping[str, Learner] = {
    "rnn": Learner("plain tanh", "rnn"),
    "identity-relu": Learner("identity ReLU", "rnn", Initialisation("identity"), "relu"),
    "orthogonal": Learner("orthogonal tanh", "rnn", Initialisation("orthogonal")),
    "lstm": Learner("LSTM", "lstm", Initialisation(forget_bias=1.0)),
    "gru": Learner("GRU", "gru"),
}
GATED = ("lstm", "gru")
