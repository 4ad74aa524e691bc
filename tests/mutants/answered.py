"""A backend whose answers are the oracle's, with lengths, states, masks and directions; and mutants of it."""

from dataclasses import replace

import numpy as np
from gradsuite.backend import FEATURES, OPTIONAL, Backend, BackendInfo, Batch, Gradients, Network, Tape
from gradsuite.model import CELLS
from gradsuite.oracle import differentiate

from tests.mutants.reference import WHOLE
from tests.mutants.table import MUTANTS


class Answered(Network):
    """Each method is a place where a mutant is wrong: in what it reads, in what it answers, in what comes back."""

    batch_features = OPTIONAL

    def put(self, batch: Batch) -> Batch:
        return batch

    def fetch(self, array):
        return np.array(array)

    def read(self, batch):
        """What the forward pass takes the batch for."""
        return batch

    def read_backward(self, batch):
        """What the backward pass takes the batch for."""
        return batch

    def understood(self, parameters):
        return parameters

    def horizon(self, truncation):
        return truncation

    def finish(self, answer, batch):
        return answer

    def solve(self, batch):
        parameters = self.understood(self.parameters)
        return differentiate(self.model, parameters, batch, truncation=self.horizon(self.schedule.truncation))

    def forward(self, batch, *, states=False):
        ahead = self.solve(self.read(batch))
        back = ahead if self.read_backward(batch) is batch else self.solve(self.read_backward(batch))
        answer = replace(back, loss=ahead.loss, outputs=ahead.outputs, last_state=ahead.last_state)
        answer = self.finish(answer, batch)
        return Tape(answer.loss, answer.outputs, (answer, states), last_state=answer.last_state or None)

    def backward(self, tape):
        answer, states = tape.saved
        by_state = (answer.states, answer.cell_states) if states else (None, None)
        return Gradients(answer.parameters, *by_state, initial_state=answer.initial_state or None)


class AnsweredBackend(Backend):
    """The four classic cells in float64, with every feature but stacks; or with `network` a mutant of it."""

    name = "answered"
    network = Answered
    features = tuple(feature for feature in FEATURES if feature not in ("stack", "autodiff"))

    def describe(self):
        return BackendInfo(self.name, {"numpy": "2"}, ("cpu",), ("float64",), CELLS, features=self.features)

    def build(self, model, parameters, *, device="cpu", dtype="float64", schedule=WHOLE):
        self.require(model, parameters, device, dtype, schedule)
        network = self.network(model, parameters, device=device, dtype=dtype)
        network.schedule = schedule
        return network


def mutant(name: str, caught_by: str, **attributes):
    """Add a mutant whose network has these attributes instead of the right ones."""
    wrong = type("Wrong", (Answered,), attributes)
    MUTANTS[name] = (type("WrongBackend", (AnsweredBackend,), {"network": wrong}), caught_by)
