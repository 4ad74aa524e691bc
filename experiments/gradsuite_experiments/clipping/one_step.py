"""One step of gradient descent with lr 1: the gradient that a backend found, and what its optimizer made of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.model import Model
from gradsuite.optimizers import Optimizer
from gradsuite.parameters import Parameters, initialise


@dataclass(frozen=True, slots=True)
class Step:
    """One network's parameters before the step, its gradient, and by how much it moved: on the host, in float64."""

    before: Parameters
    gradient: Parameters
    moved: Parameters


def steps(
    backend: Backend,
    model: Model,
    networks: Sequence[Parameters],
    batch: Batch,
    optimizer: Optimizer,
    run: Mapping[str, str],
) -> Iterator[Step]:
    """Yield the step of every network on one batch: as one stack where a backend takes it, else one by one."""
    stacked = "stack" in backend.describe().features
    for members in [networks] if stacked else [[network] for network in networks]:
        parameters = {name: np.stack([p[name] for p in members]) for name in members[0]} if stacked else members[0]
        network = backend.build(model, parameters, device=run["device"], dtype=run["dtype"])
        gradients = network.backward(network.forward(network.put(batch)))
        before = {name: network.fetch(array) for name, array in network.parameters.items()}
        gradient = {name: network.fetch(gradients.parameters[name]) for name in before}  # in one order
        network.update(gradients, optimizer)
        after = {name: network.fetch(array) for name, array in network.parameters.items()}
        for k in range(len(members)):
            p, g, p_after = (
                {name: (array[k] if stacked else array).astype(np.float64) for name, array in arrays.items()}
                for arrays in (before, gradient, after)
            )
            yield Step(p, g, {name: p[name] - p_after[name] for name in p})


def infinite(backend: Backend, optimizer: Optimizer, run: Mapping[str, str]) -> np.ndarray:
    """Return what becomes of the gradient [inf, 1] of two weights that are zero, each a unit."""
    model = Model("mlp", 1, 2, activation="identity", readout="none", loss="inner_product")
    zero = {name: np.zeros_like(p) for name, p in initialise(model).items()}
    batch = Batch(np.ones((1, 1)), np.array([[np.inf, 1.0]]))
    (step,) = steps(backend, model, [zero], batch, optimizer, run)
    return step.moved["layers.0.weight"][:, 0]


def flat(arrays: Parameters) -> np.ndarray:
    """Return all arrays as one vector."""
    return np.concatenate([array.ravel() for array in arrays.values()])


def units(arrays: Parameters) -> list[np.ndarray]:
    """Return the vector of each unit: the rows of each matrix, and each vector as a whole."""
    return [row for array in arrays.values() for row in array.reshape(-1, array.shape[-1])]


def norms(vectors: Sequence[np.ndarray]) -> np.ndarray:
    """Return the Euclidean norm of each vector."""
    return np.array([np.linalg.norm(vector) for vector in vectors])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine of the angle between two vectors: 1 if both are zero, NaN if one is."""
    if not (a.any() or b.any()):
        return 1.0
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
