"""Gradients that the oracle cannot answer whole: of each array, its product with one random direction or a few.

A complex step along v costs one forward pass, however many parameters there are, and gives <dL/dx, v>. For a normal v
the product with an error e is normal with standard deviation |e|: no error is missed but by chance. Every parameter has
directions of its own, and so has every state, in one example or a few.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import prod

import numpy as np

from gradsuite.backend import STATE_GRADIENTS, Gradients
from gradsuite.cells import find
from gradsuite.conformance.case import Case
from gradsuite.conformance.finding import Finding, all_close
from gradsuite.conformance.subject import Subject
from gradsuite.model import parameter_shapes
from gradsuite.oracle import evaluate, slopes, slopes_by_example
from gradsuite.precision import bound

Arrays = dict[str, np.ndarray]
Index = tuple[int, ...]
# Numbers of float32 are numbers of float64 too: given these, a backend has the same answer in both.
COMMON = "float32"
# Cases have seeds with which the products of a gradient g, by their root mean square, are at least |g| / 4. An error
# relative to them is then at most four times what it is relative to |g|; and a factor of 1.01 is always one of .01.
LEAST = 1 / 4
PASSES = 2  # for the states of one kind, each of them by as many states as there are examples
UNITS = 2**16  # of all steps and directions together: small cases can afford more than one


def along_directions(subject: Subject, case: Case, *, states: bool = True) -> Iterator[Finding]:
    """Yield findings on the loss, the outputs and all gradients of a new network, given numbers of `COMMON`."""
    network, batch = subject.build(case.model, case.parameters(COMMON)), case.batch(COMMON)
    on_device = network.put(batch)
    tape = subject.forward(network, on_device) if states else network.forward(on_device)
    loss, outputs = network.fetch(tape.loss), network.fetch(tape.outputs)
    gradients = network.fetch_gradients(network.backward(tape))
    where = f"{case}, with states" if states else str(case)
    yield from compared(subject, where, case, case, {"loss": loss, "outputs": outputs}, gradients, states=states)


def compared(
    subject: Subject, where: str, case: Case, fed: Case, ends: Arrays, gradients: Gradients, *, states: bool = True
) -> Iterator[Finding]:
    """Yield findings on loss and outputs (`ends`) and on gradients, all on the host, of a case given `fed`'s batch."""
    limit = case.bound(subject.dtype)
    yield from all_close(where, ends, _ends(case, fed), limit)
    found = {name: products(case, name, gradient) for name, gradient in gradients.parameters.items()}
    expected = {name: _expected(case, fed, name) for name in parameter_shapes(case.model)}
    for kind in kinds_of(case) if states else ():
        scaled, of_oracle = _by_layer(case, fed, kind, getattr(gradients, kind))
        found |= scaled
        expected |= of_oracle
    # The product itself is a sum in float64 of as many numbers as the array has.
    sums = bound("float64", max(prod(shape) for shape in parameter_shapes(case.model).values()))
    along = f"{where}, along a random direction each"
    yield from all_close(along, found, subject.claimed(expected), (limit + sums) / LEAST)


def kinds_of(case: Case) -> tuple[str, ...]:
    """Return the kinds of states of a case's cell."""
    return STATE_GRADIENTS[: len(find(case.model.cell).states)]


def directions(case: Case, name: str) -> np.ndarray:
    """Return the directions of a parameter, at most 8, or one of each state, (T, layers, H): normal numbers."""
    shape = parameter_shapes(case.model).get(name)
    count = max(1, min(8, UNITS // (case.steps * case.size * case.model.hidden_size)))
    wanted = (*_states(case), case.model.hidden_size) if shape is None else (count, *shape)
    return np.random.default_rng([case.seed, *name.encode()]).standard_normal(wanted)


def products(case: Case, name: str, gradient: np.ndarray) -> np.ndarray:
    """Return the products with the directions (K,); a gradient of another shape as it is, to be refused for it."""
    v = directions(case, name)
    same = np.shape(gradient) == v.shape[1:]
    return np.tensordot(v, np.asarray(gradient, np.float64), v.ndim - 1) if same else gradient


@lru_cache(maxsize=2048)
def _expected(case: Case, fed: Case, name: str) -> np.ndarray:
    return slopes(case.model, case.parameters(COMMON), fed.batch(COMMON), name, directions(case, name))


@lru_cache(maxsize=128)
def _ends(case: Case, fed: Case) -> Arrays:
    loss, outputs = evaluate(case.model, case.parameters(COMMON), fed.batch(COMMON))
    return {"loss": loss, "outputs": outputs}


def _states(case: Case) -> tuple[int, ...]:
    """Return how many states there are, (T, layers), or (layers,) of mlp."""
    layers = case.model.num_layers
    return (case.steps, layers) if case.model.recurrent else (layers,)


def picked(case: Case) -> list[list[Index]]:
    """Return the states of each pass, in random order, over and over: the k-th of them is moved in example k."""
    every_state = list(np.ndindex(_states(case)))
    order = np.random.default_rng(case.seed).permutation(len(every_state))
    return [[every_state[number] for number in one] for one in np.resize(order, (PASSES, case.size))]


@lru_cache(maxsize=1024)
def _expected_states(case: Case, fed: Case, kind: str) -> np.ndarray:
    """Return the product of each picked state's gradient (PASSES, B), by the oracle."""
    v, found = directions(case, kind), []
    for states in picked(case):
        moved = np.zeros((*_states(case), case.size, case.model.hidden_size))
        for example, state in enumerate(states):
            moved[*state, example] = v[state]
        found.append(slopes_by_example(case.model, case.parameters(COMMON), fed.batch(COMMON), kind, moved))
    return np.array(found)


def _by_layer(case: Case, fed: Case, kind: str, gradients: np.ndarray | None) -> tuple[Arrays, Arrays]:
    """Return each layer's products of picked states, in the order of time, as found and by the oracle.

    Each is divided by the norm of the gradient found, or itself where that is zero, so that states whose gradients have
    vanished, or should not have, count as much as others.
    """
    shape = (*_states(case), case.size, case.model.hidden_size)
    if gradients is None or gradients.shape != shape:
        every = f"{kind}[every layer]"
        return {} if gradients is None else {every: gradients}, {every: np.zeros(shape)}
    v, by_oracle, pairs = directions(case, kind), _expected_states(case, fed, kind), []
    for number, states in enumerate(picked(case)):
        for example, state in enumerate(states):
            gradient = np.asarray(gradients[*state, example], np.float64)
            product = by_oracle[number, example]
            norm = np.linalg.norm(gradient)
            scale = norm if norm > 0 else np.abs(product) or 1.0
            pairs.append((state, v[state] @ gradient / scale, product / scale))
    found, expected = dict[str, np.ndarray](), dict[str, np.ndarray]()
    for layer in range(case.model.num_layers):
        name = f"{kind}[layer {layer}]"
        of_layer = sorted(pair for pair in pairs if pair[0][-1] == layer)
        found[name], expected[name] = (np.array([pair[k] for pair in of_layer]) for k in (1, 2))
    return found, expected
