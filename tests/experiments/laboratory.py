"""Experiments measured in this process, on backends that are right and on backends with one deliberate fault."""

import inspect
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, BackendInfo, Batch, Gradients, Network, Tape
from gradsuite.claims import Claim, decisive
from gradsuite.experiment import Experiment, Result, Trial
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import Optimizer
from gradsuite.plugins import load
from gradsuite.rows import Measurement
from gradsuite.runs.store import Run
from gradsuite.settings import Settings
from gradsuite_numpy import lstm
from gradsuite_numpy.backend import NumpyBackend
from gradsuite_numpy.lstm import Lstm

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Fault:
    """One thing that a backend gets wrong: what it builds, what it sends back, or which settings it measures at."""

    name: str
    parameters: Callable[[Arrays], Arrays] = lambda parameters: parameters
    model: Callable[[Model], Model] = lambda model: model
    batch: Callable[[Batch], Batch] = lambda batch: batch
    gradients: Callable[[Any], Any] = lambda gradients: gradients
    optimizer: Callable[[Optimizer], Optimizer] = lambda optimizer: optimizer
    settings: Callable[[Settings], Settings] = lambda settings: settings
    options: Callable[[dict[str, Any]], dict[str, Any]] = lambda options: options
    backward: Callable[[], AbstractContextManager[Any]] = nullcontext  # in which the backward pass runs
    when: Callable[[dict[str, Any]], bool] = lambda options: True  # of the options that a network is built with

    def __str__(self) -> str:
        return self.name


RIGHT = Fault("none")


class EveryCell(Backend):
    """NumPy's backend, and torch's for the cells that NumPy's has not; gradients are NumPy's arrays from either."""

    name = "numpy"

    def describe(self) -> BackendInfo:
        return replace(NumpyBackend().describe(), features=(*NumpyBackend().describe().features, "autodiff"))

    def build(self, model: Model, parameters: Mapping[str, np.ndarray], **options: Any) -> Network:
        if model.cell in CELLS:
            return NumpyBackend().build(model, parameters, **options)
        network = load().get("backend", "torch")().build(model, parameters, **options)
        backward, fetch = network.backward, network.fetch
        network.backward = lambda tape: network.fetch_gradients(backward(tape))
        network.fetch = lambda array: array if isinstance(array, np.ndarray) else fetch(array)
        return network


class Faulty(Backend):
    """A backend with a fault: NumPy's, with torch's for other cells, unless another is given."""

    name = "numpy"

    def __init__(self, fault: Fault, right: Backend | None = None) -> None:
        self.fault = fault
        self.right = right or EveryCell()

    def describe(self) -> BackendInfo:
        return self.right.describe()

    def build(self, model: Model, parameters: Mapping[str, np.ndarray], **options: Any) -> Network:
        if not self.fault.when(options):
            return self.right.build(model, parameters, **options)
        network = self.right.build(
            self.fault.model(model), self.fault.parameters(dict(parameters)), **self.fault.options(options)
        )
        put, backward, update = network.put, network.backward, network.update
        network.put = lambda batch: put(self.fault.batch(batch))  # type: ignore[method-assign]
        network.backward = lambda tape: self.fault.gradients(self.passed_back(backward, tape))  # type: ignore[method-assign]
        network.update = lambda gradients, optimizer: update(gradients, self.fault.optimizer(optimizer))  # type: ignore[method-assign]
        return network

    def passed_back(self, backward: Callable[[Tape], Gradients], tape: Tape) -> Gradients:
        """Return the gradients of a backward pass in the fault's context."""
        with self.fault.backward():
            return backward(tape)


def weights(factor: float, only: str = "") -> Callable[[Arrays], Arrays]:
    """Multiply weights whose name begins so."""
    return lambda parameters: {
        name: p * factor if "weight" in name and name.startswith(only) else p for name, p in parameters.items()
    }


def biases(shift: float) -> Callable[[Arrays], Arrays]:
    """Add to every bias."""
    return lambda parameters: {name: p + shift if "bias" in name else p for name, p in parameters.items()}


def activation(name: str) -> Callable[[Model], Model]:
    """Use another activation."""
    return lambda model: replace(model, activation=name)


def states(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Any], Any]:
    """Change the state gradients, dL/dc too, where there are any."""

    def changed(gradients: Any) -> Any:
        present = {name: getattr(gradients, name) for name in ("states", "cell_states")}
        return replace(gradients, **{name: change(array) for name, array in present.items() if array is not None})

    return changed


def parameter_gradients(factor: float, only: str = "*") -> Fault:
    """Multiply the gradients of parameters whose name is so: `*bias*` by 0 drops those of biases."""

    def change(gradients: Any) -> Any:
        parameters = {n: g * factor if fnmatchcase(n, only) else g for n, g in gradients.parameters.items()}
        return replace(gradients, parameters=parameters)

    return Fault(f"gradients of {only} x {factor}", gradients=change)


def state_gradients(factor: float) -> Fault:
    """Multiply a recurrent network's state gradients, dL/dc too, by a factor per step back from the last."""
    return Fault(f"state gradients x {factor} per step", gradients=states(powers(factor, axis=-4)))


def layer_gradients(factor: float) -> Fault:
    """Multiply the state gradients of an MLP by a factor per layer back from the last."""
    return Fault(f"state gradients x {factor} per layer", gradients=states(powers(factor, axis=-3)))


def powers(factor: float, axis: int) -> Callable[[np.ndarray], np.ndarray]:
    """Multiply by the factor to the 0 at the axis's end, to the 1 before it, and so on."""

    def change(array: np.ndarray) -> np.ndarray:
        steps = np.arange(array.shape[axis])[::-1].reshape(-1, *[1] * (-axis - 1))
        return array * (factor**steps).astype(array.dtype)

    return change


def cell_slope(slope: str) -> Fault:
    """Pass dL/dh to dL/dc with another slope than 1 - tanh(c)^2: an expression in `t`, which is tanh(c)."""
    source = textwrap.dedent(inspect.getsource(Lstm.backward))
    right = "np.multiply(tanh_c, tanh_c, out=s)\n        np.subtract(1, s, out=s)\n"
    assert source.count(right) == 1
    scope = dict(vars(lstm))
    exec(source.replace(right, f"t = tanh_c; np.copyto(s, {slope})\n"), scope)
    return Fault(f"dL/dc with {slope}", backward=lambda: patch.object(Lstm, "backward", scope["backward"]))


def measured(
    experiment: Experiment, fault: Fault = RIGHT, preset: str = "quick", **changes: Sequence[Any]
) -> pd.DataFrame:
    """Return the rows of an experiment on NumPy's backend, through the store as in a run."""
    backend = Faulty(fault)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(folder, {})
        for number, settings in enumerate(experiment.trials(experiment.grid(preset, changes))):
            trial = Trial(experiment.name, backend.name, "cpu", settings)
            run.add(trial, str(number), Result("ok", rounds(experiment, backend, fault.settings(settings))))
        return run.frame(experiment.name)


def rounds(experiment: Experiment, backend: Backend, settings: Settings) -> tuple[Measurement, ...]:
    """Return what all rounds of one trial measure, as floats, which is what a worker sends."""
    found = [m for one in experiment.measure(backend, "cpu", settings) for m in one]
    return tuple(replace(m, value=float(m.value)) for m in found)


def verdicts(experiment: Experiment, rows: pd.DataFrame) -> dict[str, Claim]:
    """Return the decisive claims by name."""
    return {claim.name: claim for claim in decisive(experiment.claims(rows))}


def not_biting(experiment: Experiment, faults: Mapping[str, Fault], **changes: Sequence[Any]) -> list[str]:
    """Return the claims that do not hold without a fault, have no fault, or hold in spite of it; faults are by name."""
    right = verdicts(experiment, measured(experiment, **changes))
    wrong = [f"fails without a fault: {claim}" for claim in right.values() if claim.verdict == "fails"]
    wrong += [f"no fault for: {name}" for name in right if name not in faults]
    wrong += [f"not claimed: {name}" for name in faults if name not in right]
    by_fault: dict[str, dict[str, Claim]] = {}
    for name, fault in faults.items():
        if fault.name not in by_fault:
            by_fault[fault.name] = verdicts(experiment, measured(experiment, fault, **changes))
        claim = by_fault[fault.name].get(name)
        if claim is None or claim.verdict == "holds":
            wrong.append(f"holds with {fault}: {claim or name}")
    return wrong


def blind(
    experiment: Experiment, faults: Mapping[str, Callable[[float], Fault]], **changes: Sequence[Any]
) -> list[str]:
    """Return the claims that do not notice a fault of the size that they state, or that state too large a one.

    `faults` maps a claim's name to a fault by its factor. The backend gets it with 1 + size and with 1 / (1 + size):
    both must turn a claim of equality red, and one of them a claim of a bound. With 1 + size / 10 the claim still
    holds, or what it states is loose, unless it allows for nothing: then it notices whatever is not the same. Claims
    with one fault and one size share their measurements.
    """
    right = verdicts(experiment, measured(experiment, **changes))
    wrong = [f"fails without a fault: {claim}" for claim in right.values() if claim.verdict == "fails"]
    wrong += [f"no fault for: {name}" for name in right if name not in faults]
    wrong += [f"not claimed: {name}" for name in faults if name not in right]
    found: dict[tuple[Callable[[float], Fault], float], dict[str, Claim]] = {}

    def verdict(claim: Claim, factor: float) -> str:
        fault = faults[claim.name]
        if (fault, factor) not in found:
            found[fault, factor] = verdicts(experiment, measured(experiment, fault(factor), **changes))
        after = found[fault, factor].get(claim.name)
        return "missing" if after is None else after.verdict

    for claim in (claim for name, claim in right.items() if name in faults):
        size = claim.resolution.size
        after = [verdict(claim, factor) for factor in (1.0 + size, 1.0 / (1.0 + size))]
        noticed = all if claim.relation == "=" else any
        if not noticed(one == "fails" for one in after):
            wrong.append(f"{claim.name} does not notice {claim.resolution}: {after}")
        if claim.tolerance > 0.0 and verdict(claim, 1.0 + size / 10.0) != "holds":
            wrong.append(f"{claim.name} notices less than a tenth of {claim.resolution}")
    return wrong
