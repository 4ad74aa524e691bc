"""Many networks of one model: as stacks where a backend takes them, one by one where it does not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from gradsuite.backend import Backend, Batch, Gradients, Network, Tape
from gradsuite.cells import Cell, find
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, Parameters, initialise
from gradsuite.schedule import Schedule

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
STACK_BYTES = 2**24  # of parameters in one stack: their gradients and the states take several times as much


@dataclass(frozen=True, slots=True)
class Flow:
    """What one network returned, on the host: outputs, and gradients with the shapes of `Gradients`."""

    outputs: np.ndarray
    states: np.ndarray
    cell_states: np.ndarray | None
    parameters: Mapping[str, np.ndarray]  # those asked for


def sweep(
    backend: Backend,
    model: Model,
    members: Sequence[Parameters],
    batch: Batch,
    *,
    device: str,
    dtype: str,
    change: Callable[[Parameters], Parameters] = lambda parameters: parameters,
    fetched: Sequence[str] = (),
    schedule: Schedule = Schedule(),
) -> Iterator[Flow]:
    """Yield each member's flow on one batch, with the gradients of the parameters named in `fetched`.

    `schedule` splits each backward pass over time. Raises Unsupported for what is not claimed.
    `change` is applied to each stack in its turn, so that only one changed stack is in memory at a time.
    """
    size = sum(p.size for p in members[0].values()) * BYTES[dtype]
    largest = STACK_BYTES // size if "stack" in backend.describe().features else 1
    for chunk in chunks(members, max(1, largest)):
        stacked = len(chunk) > 1
        parameters = {name: np.stack([m[name] for m in chunk]) for name in chunk[0]} if stacked else chunk[0]
        network = backend.build(model, change(parameters), device=device, dtype=dtype, schedule=schedule)
        tape = network.forward(network.put(batch), states=True)
        flow = fetch(network, tape, network.backward(tape), fetched)
        yield from split(flow) if stacked else (flow,)


def fetch(network: Network, tape: Tape, gradients: Gradients, names: Sequence[str] = ()) -> Flow:
    """Copy outputs, state gradients and the gradients of the named parameters to the host."""
    cell_states = None if gradients.cell_states is None else network.fetch(gradients.cell_states)
    parameters = {name: network.fetch(gradients.parameters[name]) for name in names}
    return Flow(network.fetch(tape.outputs), network.fetch(gradients.states), cell_states, parameters)


def split(flow: Flow) -> Iterator[Flow]:
    """Yield the flow of each member of a stack."""
    for member, states in enumerate(flow.states):
        parameters = {name: gradient[member] for name, gradient in flow.parameters.items()}
        cell_states = None if flow.cell_states is None else flow.cell_states[member]
        yield Flow(flow.outputs[member], states, cell_states, parameters)


def chunks(members: Sequence[Parameters], largest: int) -> Iterator[Sequence[Parameters]]:
    """Yield the members in chunks of equal size, so that what a backend compiles for the first serves all."""
    size = max(n for n in range(1, min(largest, len(members)) + 1) if len(members) % n == 0)
    for start in range(0, len(members), size):
        yield members[start : start + size]


@lru_cache(maxsize=1)
def draws(model: Model, initialisation: Initialisation, count: int, dtype: str = "float64") -> tuple[Parameters, ...]:
    """Return `count` networks, of seeds 0, 1, ...; cached, since trials that differ by a scale alone share them."""
    networks = (initialise(model, initialisation, seed=seed) for seed in range(count))
    return tuple({name: p.astype(dtype) for name, p in network.items()} for network in networks)


def scaled(network: Parameters, weights: float, biases: float = 1.0) -> Parameters:
    """Return the network with its weights and its biases multiplied by these factors."""
    return {name: p * p.dtype.type(biases if "bias" in name else weights) for name, p in network.items()}


def orthonormal(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Return random orthonormal rows, (count, size): gradients to send back that share no direction.

    Of more than `size` rows each `size` are orthonormal, and independent of the others.
    """
    sets = [min(size, count - first) for first in range(0, count, size)]
    return np.concatenate([np.linalg.qr(rng.standard_normal((size, rows)))[0].T for rows in sets])


def reads_both(cell: str) -> bool:
    """Whether the output is made of two states, as of the parts of a complex one: gradients are then looked at by both.

    Where the output is h alone, h' follows from c' in the same step: they are looked at by c, if there is one.
    """
    found = find(cell)
    return len(found.states) == 2 and type(found).output is not Cell.output


def jacobians(flow: Flow) -> np.ndarray:
    """Return, by lag, the Jacobian of the state at T with respect to an earlier one, (T, N, N).

    The flow is that of one layer, with the gradient of one unit vector per example; an LSTM's state is c. Multiplied by
    the inverse of those at T, a diagonal matrix (o (1 - tanh^2 c) / N in an LSTM, else 1 / N), they are its rows.
    """
    states = flow.states if flow.cell_states is None else flow.cell_states
    return np.linalg.inv(states[-1, 0]) @ states[::-1, 0]


def log_mean_square(states: np.ndarray) -> np.ndarray:
    """Return ln of the mean over the batch of |dL/dh|^2, for states (..., B, H).

    Mean-field theory predicts the log of the mean, which exceeds the mean of the logs by about half the variance.
    """
    return np.log(np.square(states.astype(np.float64)).sum(axis=-1).mean(axis=-1))
