"""Lazy frameworks: what `synchronize` has waited for is computed, and fetching it is a copy."""

from collections.abc import Callable, Iterator, Mapping
from time import perf_counter

import numpy as np

from gradsuite.backend import Array, DeviceBatch, Network
from gradsuite.conformance.case import Case
from gradsuite.conformance.check import check
from gradsuite.conformance.finding import Finding
from gradsuite.conformance.subject import Subject
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import SGD

Arrays = Mapping[str, Array]
Work = Callable[[Network, DeviceBatch], Arrays]
WIDE, STEPS = 256, 2
REPEATS = 10  # at most: the least times of as many as it takes to see that nothing was left

# The work is at least 12 products of 256^3, 0.4 GFLOP: milliseconds in the fastest library. What is left of an eager
# backend's first fetch, once a second fetch is taken off, is bookkeeping of some 10 us an array: a hundredth of the
# work or less (NumPy .002, torch .002, JAX .006). A lazy backend computes at fetch: all of the work but building its
# graph, which is more than half. A tenth lies between. Times are only ever lengthened by what else the machine does,
# so the least of several are those of the backend: a lazy one has no short first fetch, however often it is asked.
LEFT = 0.1


@check(
    "synchronize-computes",
    "After synchronize nothing is left to compute: a fetch costs no more than a copy.",
    once=True,
)
def synchronize_computes(subject: Subject) -> Iterator[Finding]:
    """The part of the work that is done at the first fetch, and not at a second one of the same arrays."""
    case = wide_case(subject)
    if case is None:
        return
    network = subject.network(case)
    batch = network.put(case.batch(subject.dtype))
    for name, work in {"forward and backward": gradients, "step": step}.items():
        yield Finding(f"work left after {name} of {case}", left(network, batch, work), LEFT)


def wide_case(subject: Subject) -> Case | None:
    """Return a case whose products take far longer than copies of its arrays, of the first cell that is claimed."""
    for cell in CELLS:
        model = Model(cell, WIDE, WIDE, 1, 1 if cell != "mlp" else 2)
        if subject.claims(model):
            return Case(model, STEPS, WIDE)
    return None


def gradients(network: Network, batch: DeviceBatch) -> Arrays:
    """Return what a forward and a backward pass return."""
    tape = network.forward(batch)
    return {"loss": tape.loss, "outputs": tape.outputs, **network.backward(tape).parameters}


def step(network: Network, batch: DeviceBatch) -> Arrays:
    """Return the loss and the next parameters of a training step."""
    return {"loss": network.step(batch, SGD(lr=1e-3)), **network.parameters}


def left(network: Network, batch: DeviceBatch, work: Work) -> float:
    """Return which part of the work is done at the first fetch after synchronize: 0 is none, 1 is all of it."""
    timed(network, batch, work)  # may compile
    times = []
    for _ in range(REPEATS):
        times.append(timed(network, batch, work))
        whole, first, second = (np.min(kind, axis=0) for kind in zip(*times, strict=True))
        part = float(np.maximum(first - second, 0).sum() / (whole + first.sum()))
        if part <= LEFT:
            break
    return part


def timed(network: Network, batch: DeviceBatch, work: Work) -> tuple[float, list[float], list[float]]:
    """Return the seconds of the work with synchronize, and of a first and of a second fetch of each of its arrays."""
    begin = perf_counter()
    arrays = list(work(network, batch).values())
    network.synchronize()
    whole = perf_counter() - begin
    first = [seconds(network, array) for array in arrays]
    return whole, first, [seconds(network, array) for array in arrays]


def seconds(network: Network, array: Array) -> float:
    """Return how long one fetch takes."""
    begin = perf_counter()
    network.fetch(array)
    return perf_counter() - begin


CHECKS = (synchronize_computes,)
