"""The subject of a check: one backend on one device in one dtype."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradsuite.backend import STATE_GRADIENTS, Backend, Batch, DeviceBatch, Gradients, Network, Tape
from gradsuite.conformance.case import Case, expected_of, named
from gradsuite.conformance.finding import Finding, all_close
from gradsuite.model import Model
from gradsuite.schedule import Schedule

Arrays = dict[str, np.ndarray]


class Subject:
    """One backend on one device in one dtype, and how checks use it."""

    def __init__(self, backend: Backend, device: str, dtype: str, *, finest: bool = True) -> None:
        """`info` is what the backend claims; `finest` says that none of its finer dtypes is checked."""
        self.backend = backend
        self.info = backend.describe()
        self.device = device
        self.dtype = dtype
        self.finest = finest

    def claims(self, model: Model, *state_gradients: str, features: tuple[str, ...] = ()) -> bool:
        """Whether the backend claims this model on this device in this dtype, with all that is named."""
        optional = set(state_gradients) <= set(self.info.state_gradients) and set(features) <= set(self.info.features)
        return optional and self.info.refusal(model, self.device, self.dtype) is None

    def claimed(self, arrays: Arrays) -> Arrays:
        """Return the arrays of an answer without the state gradients that the backend does not claim."""
        lost = tuple(f"{name}[" for name in STATE_GRADIENTS if name not in self.info.state_gradients)
        return {name: array for name, array in arrays.items() if not name.startswith(lost)}

    def build(self, model: Model, parameters: Mapping[str, np.ndarray], schedule: Schedule = Schedule()) -> Network:
        """Build a network on this device in this dtype."""
        return self.backend.build(model, parameters, device=self.device, dtype=self.dtype, schedule=schedule)

    def network(self, case: Case, schedule: Schedule = Schedule()) -> Network:
        """Build a case's network."""
        return self.build(case.model, case.parameters(self.dtype), schedule)

    def forward(self, network: Network, batch: DeviceBatch) -> Tape:
        """Run a forward pass, with state gradients if any are claimed."""
        return network.forward(batch, states=bool(self.info.state_gradients))

    def by_state(self, gradients: Gradients) -> dict[str, Any]:
        """Return the state gradients dL/dh by name, if they are claimed."""
        return {"states": gradients.states} if "states" in self.info.state_gradients else {}

    def solve(self, network: Network, batch: Batch, *, states: bool = True) -> Arrays:
        """Return everything that a forward and a backward pass return, on the host and by name."""
        on_device = network.put(batch)
        tape = self.forward(network, on_device) if states else network.forward(on_device)
        last = tape.last_state if batch.state is not None else None
        return fetched(network, tape.loss, tape.outputs, network.backward(tape), last, states=states)

    def find(self, case: Case, schedule: Schedule = Schedule()) -> Arrays:
        """Return everything that a new network returns for a case."""
        return self.solve(self.network(case, schedule), case.batch(self.dtype))

    def against_oracle(self, case: Case, *, plain: bool = False, amplified: float = 1.0) -> Iterator[Finding]:
        """Yield a finding per array of a case, with state gradients and, if `plain`, also without.

        The bound is `amplified` for a case that amplifies rounding errors more than most.
        """
        network, batch = self.network(case), case.batch(self.dtype)
        for states in (True, False) if plain else (True,):
            arrays = self.solve(network, batch, states=states)
            expected = self.claimed(expected_of(case.answer(self.dtype), states=states))
            where = f"{case}, with states" if states else str(case)
            yield from all_close(where, arrays, expected, amplified * case.bound(self.dtype), case=case)


def fetched(
    network: Network,
    loss: Any,
    outputs: Any,
    gradients: Gradients,
    last_state: tuple[Any, ...] | None = None,
    *,
    states: bool = True,
) -> Arrays:
    """Return loss, outputs and gradients on the host, by name; state gradients only if `states`.

    Given the last states, those too, and the gradients by the first ones.
    """
    host = network.fetch_gradients(gradients)
    by_state = (host.states, host.cell_states) if states else (None, None)
    ends = () if last_state is None else (host.initial_state or (), tuple(map(network.fetch, last_state)))
    return named(network.fetch(loss), network.fetch(outputs), host.parameters, *by_state, *ends)


def of_member(gradients: Gradients, member: int) -> Gradients:
    """Return one network's gradients of those of a stack, on the host."""
    states = (None if array is None else array[member] for array in (gradients.states, gradients.cell_states))
    return Gradients({name: array[member] for name, array in gradients.parameters.items()}, *states)
