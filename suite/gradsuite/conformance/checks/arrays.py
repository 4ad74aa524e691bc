"""Arrays on their way to the device and back: values, dtypes, shapes, the right device, and readiness."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradsuite.backend import Array, Batch, Gradients, Network
from gradsuite.conformance.case import Case
from gradsuite.conformance.check import check
from gradsuite.conformance.checks.gradients import case_of, lightened
from gradsuite.conformance.checks.large import LONG
from gradsuite.conformance.finding import Finding, close, fact, same_bits
from gradsuite.conformance.subject import Subject
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import SGD
from gradsuite.precision import rounded

# NumPy lacks bfloat16: it comes as the type of a backend's library, or as float32, which holds it exactly.
HOST_DTYPES = {"bfloat16": ("bfloat16", "float32")}


@check("fetched-dtype", "Everything fetched is a NumPy array of the network's dtype and the right shape.")
def fetched_dtype(subject: Subject) -> Iterator[Finding]:
    """Loss, outputs, parameters, their gradients and the state gradients."""
    wanted = HOST_DTYPES.get(subject.dtype, (subject.dtype,))
    for cell in CELLS:
        case = lightened(subject, case_of(cell))
        if not subject.claims(case.model):
            continue
        network, answer = subject.network(case), case.answer(subject.dtype)
        results, _ = _results(subject, network, case)
        expected: dict[str, Any] = {"loss": answer.loss, "outputs": answer.outputs, **answer.parameters}
        expected["states"] = answer.states
        for name, on_device in results.items():
            array: Any = network.fetch(on_device)
            ok = isinstance(array, np.ndarray | np.generic) and array.dtype.name in wanted
            yield fact(f"{name} of {case}", ok, f"{type(array).__name__} of {getattr(array, 'dtype', 'no dtype')}")
            shape = np.shape(expected[name.removeprefix("parameter ")])
            yield fact(f"{name} of {case}", np.shape(array) == shape, f"shape {np.shape(array)}, not {shape}")


@check("parameters-arrive", "Parameters come back from the device as they were given, rounded once to the dtype.")
def parameters_arrive(subject: Subject) -> Iterator[Finding]:
    """Fetched parameters are exactly the host's: all of them are numbers of the dtype."""
    for cell in CELLS:
        case = case_of(cell)
        if subject.claims(case.model):
            given = case.parameters("float64")
            network = subject.build(case.model, given)
            for name, parameter in network.parameters.items():
                expected = rounded(given[name], subject.dtype)
                yield close(f"{name} of {case}", network.fetch(parameter), expected, 0.0)


@check("batches-arrive", "Numbers of any size arrive as they are: a network that does nothing returns its inputs.")
def batches_arrive(subject: Subject) -> Iterator[Finding]:
    """A linear layer of one unit with weight 1 and no bias, from the smallest normal number to inf and NaN."""
    models = (Model("mlp", 1, 1, 0, 1, "identity", "none"), Model("rnn", 1, 1, 0, 1, "identity", "none"))
    smallest, largest = {"float64": (-1022, 1023), "float16": (-14, 15)}.get(subject.dtype, (-126, 127))
    values = [1 / 3, -(2.0**smallest), 2.0**largest, 1.0, 0.0, np.inf, -np.inf, np.nan]
    inputs = rounded(np.array(values)[:, None], subject.dtype)
    for model in models:
        if subject.claims(model):
            parameters = {"layers.0.weight": np.ones((1, 1)), "layers.0.bias": np.zeros(1)}
            if model.recurrent:
                parameters = {name: np.zeros((1, 1)) for name in ("weight_ih_l0", "weight_hh_l0")}
                parameters |= {name: np.zeros(1) for name in ("bias_ih_l0", "bias_hh_l0")}
                parameters["weight_ih_l0"][:] = 1
            network = subject.build(model, parameters)
            batch = Batch(inputs[None] if model.recurrent else inputs, np.zeros_like(inputs))
            outputs = np.asarray(network.fetch(network.forward(network.put(batch)).outputs), np.float64)
            for value, output in zip(inputs, outputs, strict=True):
                yield close(f"{value[0]:g} through {model.cell}", output, value, 0.0)


@check("fetched-copies", "Writing into a fetched array changes nothing on the device.", once=True)
def fetched_copies(subject: Subject) -> Iterator[Finding]:
    """Gradients and parameters are overwritten with NaN on the host, where that is possible, and fetched again."""
    for cell in CELLS:
        case = case_of(cell)
        if not subject.claims(case.model):
            continue
        network = subject.network(case)
        on_device, _ = _results(subject, network, case)
        first = {name: np.array(network.fetch(array)) for name, array in on_device.items()}
        for array in on_device.values():
            fetched_array = network.fetch(array)
            if isinstance(fetched_array, np.ndarray) and fetched_array.flags.writeable:
                fetched_array.fill(np.nan)
        again = {name: network.fetch(array) for name, array in on_device.items()}
        yield from same_bits(f"{case}, fetched again", again, first)


@check(
    "device",
    "Everything is on the network's device, for arrays that have a `device`.",
    once=True,
    otherwise="no array of this backend has a `device`",
)
def device(subject: Subject) -> Iterator[Finding]:
    """Loss, outputs, gradients and parameters, and the parameters after an update."""
    for cell in CELLS:
        case = case_of(cell)
        if subject.claims(case.model):
            network = subject.network(case)
            results, gradients = _results(subject, network, case)
            yield from _on(subject.device, str(case), results)
            network.update(gradients, SGD(lr=0.1))
            yield from _on(subject.device, f"{case}, after update", network.parameters)


def _on(wanted: str, where: str, arrays: Mapping[str, Array]) -> Iterator[Finding]:
    for name, array in arrays.items():
        if (place := getattr(array, "device", None)) is not None:
            yield fact(f"{name} of {where}", _kinds(wanted) <= _kinds(place), f"is on {place}, not on {wanted}")


def _kinds(device: Any) -> set[str]:
    """Return the words in a device's name: `cuda` of `cuda:0`, `cpu` of `TFRT_CPU_0`. CUDA is also called GPU."""
    return {"cuda" if word == "gpu" else word for word in re.findall("[a-z]+", str(device).lower())}


@check(
    "synchronize",
    "After synchronize, every array that has an `is_ready` is ready.",
    once=True,
    otherwise="no array of this backend has an `is_ready`",
)
def synchronize(subject: Subject) -> Iterator[Finding]:
    """No clock is used: asynchronous backends know whether an array is ready."""
    for cell in CELLS:
        case = LONG[cell]
        if not subject.claims(case.model) or not _knows(subject, case_of(cell)):
            continue
        network = subject.network(case)
        results, gradients = _results(subject, network, case)
        network.synchronize()
        yield from _ready(network, f"{case}, after backward", results)
        network.update(gradients, SGD(lr=0.1))
        network.synchronize()
        yield from _ready(network, f"{case}, after update", network.parameters)


def _knows(subject: Subject, small: Case) -> bool:
    """Whether a small case has any array that knows whether it is ready: else the long one would show nothing."""
    if not subject.claims(small.model):
        return True
    network = subject.network(small)
    results, _ = _results(subject, network, small)
    return any(network.is_ready(array) is not None for array in results.values())


def _ready(network: Network, where: str, arrays: Mapping[str, Array]) -> Iterator[Finding]:
    for name, array in arrays.items():
        if (ready := network.is_ready(array)) is not None:
            yield fact(f"{name} of {where}", ready, "not ready")


def _results(subject: Subject, network: Network, case: Case) -> tuple[dict[str, Array], Gradients]:
    """Return all arrays of a network and its results for a case, on the device and by name; and the gradients."""
    tape = subject.forward(network, network.put(case.batch(subject.dtype)))
    loss, outputs, gradients = tape.loss, tape.outputs, network.backward(tape)
    arrays = {"loss": loss, "outputs": outputs, **gradients.parameters, **subject.by_state(gradients)}
    arrays |= {f"parameter {name}": p for name, p in network.parameters.items()}
    return arrays, gradients


CHECKS = (fetched_dtype, parameters_arrive, batches_arrive, fetched_copies, device, synchronize)
