"""Fifty steps of every optimizer, compared with the host's optimizer and the oracle's gradients."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from gradsuite.backend import Network
from gradsuite.conformance.case import Case
from gradsuite.conformance.check import Check, check
from gradsuite.conformance.checks.purity import parameters_of
from gradsuite.conformance.finding import Finding, close
from gradsuite.conformance.subject import Subject
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum, Optimizer, RMSprop
from gradsuite.oracle import differentiate
from gradsuite.precision import PRECISE

STEPS = 50
OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": SGD(lr=0.1, weight_decay=0.01),
    "momentum": Momentum(lr=0.05),
    "nesterov": Momentum(lr=0.05, nesterov=True, weight_decay=0.01),
    "adam": Adam(lr=0.01, weight_decay=0.01),
    "adamw": AdamW(lr=0.01),
    "rmsprop": RMSprop(lr=0.01, weight_decay=0.01),
    "clip-norm": SGD(lr=0.1, clip_norm=0.25),
    "clip-unit": SGD(lr=0.1, clip_unit=0.05),
    "clip-value": SGD(lr=0.1, clip_value=0.05),
}
# The cell whose `step` is checked: every cell once, for the larger ones are slow to compile; `mlp` for the others.
TRAINED = {"sgd": "gru", "adam": "lstm", "momentum": "rnn", "clip-norm": "rnn"}
Step = Callable[[Network, Any, Optimizer], Any]


def by_parts(network: Network, batch: Any, optimizer: Optimizer) -> Any:
    """Call forward, backward and update in turn; return the loss before the update."""
    tape = network.forward(batch)
    loss = tape.loss
    network.update(network.backward(tape), optimizer)
    return loss


def at_once(network: Network, batch: Any, optimizer: Optimizer) -> Any:
    """Call step once; return the loss before the update."""
    return network.step(batch, optimizer)


def training(name: str, method: str, step: Step) -> Check:
    """Return the check of one optimizer, by `update` or by `step`."""
    sentence = f"{STEPS} steps of {name} by {method} give the losses and parameters of the host's."

    # Not in half types: fifty steps may lose all of their digits, and float16 cannot represent Adam's 1e-8.
    @check(f"train-{name}-{method}", sentence, dtypes=PRECISE, once=True)
    def measure(subject: Subject) -> Iterator[Finding]:
        wanted = small(TRAINED.get(name, "mlp") if method == "step" else "mlp")
        case = next((case for case in (wanted, *map(small, CELLS)) if subject.claims(case.model)), None)
        if case is None:
            return
        losses, parameters = trajectory(case, name, subject.dtype)
        network, batch = subject.network(case), case.batch(subject.dtype)
        on_device = network.put(batch)
        measured = [float(network.fetch(step(network, on_device, OPTIMIZERS[name]))) for _ in range(STEPS)]
        # The gradient of each step may be off by the bound of the case, and the errors of all steps add up.
        limit = STEPS * case.bound(subject.dtype)
        yield close(f"losses of {case}", np.array(measured), losses, limit)
        for parameter, value in parameters_of(network).items():
            yield close(f"{parameter} of {case}", value, parameters[parameter], limit)

    return measure


def small(cell: str) -> Case:
    """Return a small case of a cell, for the oracle has to answer it fifty times."""
    return Case(Model(cell, 2, 3, 2), 4, 3)


@lru_cache(maxsize=64)
def trajectory(case: Case, name: str, dtype: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the losses and the last parameters of the host's optimizer with the oracle's gradients, in float64."""
    parameters, slots, batch, losses = case.parameters(dtype), None, case.batch(dtype), []
    for _ in range(STEPS):
        answer = differentiate(case.model, parameters, batch)
        losses.append(float(answer.loss))
        parameters, slots = OPTIMIZERS[name].apply(parameters, answer.parameters, slots)
    return np.array(losses), parameters


CHECKS = (
    *(training(name, "step", at_once) for name in OPTIMIZERS),
    *(training(name, "update", by_parts) for name in ("sgd", "adam", "clip-norm")),
)
