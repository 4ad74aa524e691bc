"""What is checked: one backend on one device in one dtype."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradsuite.backend import Backend, Batch, Gradients, Network
from gradsuite.conformance.case import Case, expected_of, named
from gradsuite.conformance.finding import Finding, all_close
from gradsuite.conformance.precision import PRECISE
from gradsuite.model import Model

Arrays = dict[str, np.ndarray]


class Subject:
    """One backend on one device in one dtype, and how a check asks it."""

    def __init__(self, backend: Backend, device: str, dtype: str, *, finest: bool = True) -> None:
        """Take the backend at its word: `info` is what it claims. `finest`: no finer dtype of it is checked."""
        self.backend = backend
        self.info = backend.describe()
        self.device = device
        self.dtype = dtype
        self.finest = finest

    def claims(self, model: Model) -> bool:
        """Whether the backend claims this model on this device in this dtype."""
        return self.info.refusal(model, self.device, self.dtype) is None

    def build(self, model: Model, parameters: Mapping[str, np.ndarray], **options: Any) -> Network:
        """Build a network on this device in this dtype."""
        return self.backend.build(model, parameters, device=self.device, dtype=self.dtype, **options)

    def network(self, case: Case, **options: Any) -> Network:
        """Build a case's network."""
        return self.build(case.model, case.parameters(self.dtype), **options)

    def solve(self, network: Network, batch: Batch, *, states: bool = True) -> Arrays:
        """Return everything that one forward and backward pass gives, on the host and by name."""
        tape = network.forward(network.put(batch), states=states)
        return fetched(network, tape.loss, tape.outputs, network.backward(tape), states=states)

    def find(self, case: Case, **options: Any) -> Arrays:
        """Return everything that a new network gives for a case."""
        return self.solve(self.network(case, **options), case.batch(self.dtype))

    def against_oracle(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for every array of a case, with state gradients and without."""
        network, batch = self.network(case), case.batch(self.dtype)
        for states in (True, False) if self.dtype in PRECISE else (True,):
            found = self.solve(network, batch, states=states)
            expected = expected_of(case.answer(self.dtype), states=states)
            where = f"{case}, with states" if states else str(case)
            yield from all_close(where, found, expected, case.bound(self.dtype))


def fetched(network: Network, loss: Any, outputs: Any, gradients: Gradients, *, states: bool = True) -> Arrays:
    """Return loss, outputs and gradients on the host, by name; state gradients only if they were asked for."""
    host = network.fetch_gradients(gradients)
    by_state = (host.states, host.cell_states) if states else ()
    return named(network.fetch(loss), network.fetch(outputs), host.parameters, *by_state)
