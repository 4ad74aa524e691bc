"""Experiments measured in this process, on backends that are right and on backends with one deliberate fault."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, BackendInfo, Batch, Network
from gradsuite.claims import Claim, decisive
from gradsuite.experiment import Experiment, Result, Trial
from gradsuite.model import Model
from gradsuite.optimizers import Optimizer
from gradsuite.rows import Measurement
from gradsuite.runs.store import Run
from gradsuite.settings import Settings
from gradsuite_numpy.backend import NumpyBackend

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

    def __str__(self) -> str:
        return self.name


RIGHT = Fault("none")


class Faulty(Backend):
    """NumPy's backend with a fault."""

    name = "numpy"

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.right = NumpyBackend()

    def describe(self) -> BackendInfo:
        return self.right.describe()

    def build(self, model: Model, parameters: Mapping[str, np.ndarray], **options: Any) -> Network:
        network = self.right.build(
            self.fault.model(model), self.fault.parameters(dict(parameters)), **self.fault.options(options)
        )
        put, backward, update = network.put, network.backward, network.update
        network.put = lambda batch: put(self.fault.batch(batch))  # type: ignore[method-assign]
        network.backward = lambda tape: self.fault.gradients(backward(tape))  # type: ignore[method-assign]
        network.update = lambda gradients, optimizer: update(gradients, self.fault.optimizer(optimizer))  # type: ignore[method-assign]
        return network


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
    """Change the state gradients, dL/dc too."""
    return lambda gradients: replace(
        gradients,
        states=change(gradients.states),
        cell_states=None if gradients.cell_states is None else change(gradients.cell_states),
    )


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
