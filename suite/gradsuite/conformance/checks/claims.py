"""Everything that `describe` claims works, and everything else is refused cleanly."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from gradsuite.backend import STATE_GRADIENTS, BackendInfo
from gradsuite.cells import installed
from gradsuite.conformance.case import Case, label
from gradsuite.conformance.check import check
from gradsuite.conformance.finding import Finding, fact
from gradsuite.conformance.subject import Subject
from gradsuite.errors import Unsupported
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.parameters import initialise
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.schedule import Schedule

DEEP = 4  # layers that a backend without max_layers must build at least
SCHEDULES = (Schedule(truncation=(1, 2)), Schedule(checkpoint=2))


def models(layers: int = 1) -> Iterator[Model]:
    """Yield a small model of every kind: cell, activation, readout and loss."""
    for cell in CELLS:
        for activation, readout, loss in product(ACTIVATIONS[cell], READOUTS, LOSSES):
            if cell != "mlp" or readout != "all":
                yield Model(cell, 2, 3, 0 if readout == "none" else 2, layers, activation, readout, loss)


@check("describe", "The description is complete, uses the suite's names and does not change.", once=True)
def describe(subject: Subject) -> Iterator[Finding]:
    """Names, versions, devices, dtypes and models; twice the same. BackendInfo itself refuses unknown features."""
    info = subject.info
    yield fact("describe", isinstance(info, BackendInfo), f"is a {type(info).__name__}, not a BackendInfo")
    yield fact("describe, twice", subject.backend.describe() == info, "two calls differ")
    yield fact("name", info.name == subject.backend.name, f"{info.name!r}, but the class says {subject.backend.name!r}")
    yield fact("versions", bool(info.versions), "no package named")
    yield fact("devices", bool(info.devices), "none claimed")
    known: Mapping[str, tuple[Iterable[str], Iterable[str]]] = {
        "dtypes": (info.dtypes, UNIT_ROUNDOFF),
        "cells": (info.cells, installed()),
        "activations": (info.activations, installed()),
        "readouts": (info.readouts, READOUTS),
        "losses": (info.losses, LOSSES),
        "state_gradients": (info.state_gradients, STATE_GRADIENTS),
        **{f"activations of {c}": (info.activations.get(c, ()), one.activations) for c, one in installed().items()},
    }
    for what, (claimed, allowed) in known.items():
        strange = sorted(set(claimed) - set(allowed))
        yield fact(what, not strange, f"unknown: {', '.join(strange)} (known: {', '.join(allowed)})")
    for what, claims in {"dtypes": info.dtypes, "cells": info.cells}.items():
        yield fact(f"some {what}", bool(claims), "none claimed")


@check("claimed-is-built", "Every claimed model is built, with any claimed number of layers.")
def claimed_is_built(subject: Subject) -> Iterator[Finding]:
    """Every kind of model with one layer, and with the most layers claimed (four, where there is no limit)."""
    deepest = min(subject.info.max_layers or DEEP, DEEP)
    for layers in sorted({1, deepest}):
        for model in models(layers):
            if subject.claims(model):
                yield _built(subject, model)


def _built(subject: Subject, model: Model) -> Finding:
    try:
        subject.build(model, initialise(model))
    except Unsupported as refusal:
        return fact(label(model), False, f"claimed, but refused: {refusal}")
    return fact(label(model), True)


@check(
    "unclaimed-is-refused",
    "What is not claimed is refused with Unsupported: models, layers, devices, dtypes, state gradients, features.",
    once=True,
)
def unclaimed_is_refused(subject: Subject) -> Iterator[Finding]:
    """Models, layers, stacks, schedules, batches with more than inputs and targets, and an unknown device and dtype.

    A refusal is one line.
    """
    info = subject.info
    claimed = [model for model in models() if subject.claims(model)]
    for model in models():
        if model not in claimed:
            yield _refused(subject, model)
    if not claimed:
        return
    first = claimed[0]
    for dtype in (*UNIT_ROUNDOFF, "float8"):
        if dtype not in info.dtypes:
            yield _refused(subject, first, dtype=dtype)
    for device in ("cpu", "cuda", "abacus"):
        if device not in info.devices:
            yield _refused(subject, first, device=device)
    if info.max_layers is not None:
        deeper = Model(first.cell, 2, 3, first.output_size, info.max_layers + 1, first.activation, first.readout)
        yield _refused(subject, deeper)
    if "states" not in info.state_gradients:
        yield _states_refused(subject, first)
    if "stack" not in info.features:
        yield _refused(subject, first, networks=2)
    for model in [model for model in claimed if model.recurrent][:1]:
        for schedule in SCHEDULES:
            if not set(schedule.features) <= set(info.features):
                yield _refused(subject, model, schedule=schedule)
        if "bidirectional" not in info.features:
            yield _refused(subject, replace(model, bidirectional=True))
        for batch in (Case(model, 2, 1, lengths=(1,)), Case(model, 2, 1, carried=True), Case(model, 2, 1, masks=2)):
            if not set(batch.features) <= set(info.features):
                yield _batch_refused(subject, batch)


def _batch_refused(subject: Subject, case: Case) -> Finding:
    """Return the finding that a network does not take a batch of which it would leave a part out."""
    what = f"a batch with {case.features[0]}"
    try:
        subject.network(case).put(case.batch(subject.dtype))
    except Unsupported:
        return fact(what, True)
    return fact(what, False, "not claimed, and not refused")


def _states_refused(subject: Subject, model: Model) -> Finding:
    network = subject.build(model, initialise(model))
    try:
        network.forward(network.put(Case(model, 2, 1).batch(subject.dtype)), states=True)
    except Unsupported:
        return fact("state gradients", True)
    return fact("state gradients", False, "asked for, not claimed, and not refused")


def _refused(subject: Subject, model: Model, *, networks: int = 1, **changes: Any) -> Finding:
    """Return the finding that this build is refused; `changes` are made to the arguments of a claimed one."""
    arguments: dict[str, Any] = {"device": subject.device, "dtype": subject.dtype, "schedule": Schedule()} | changes
    parameters = initialise(model)
    if networks > 1:
        parameters = {name: np.stack([array] * networks) for name, array in parameters.items()}
    what = f"{label(model)} on {arguments['device']} in {arguments['dtype']}"
    what += (
        f", a stack of {networks}" if networks > 1 else f", {arguments['schedule']}" if "schedule" in changes else ""
    )
    try:
        subject.backend.build(model, parameters, **arguments)
    except Unsupported as refusal:
        return fact(what, bool(str(refusal)) and "\n" not in str(refusal), "the refusal is not one line")
    except Exception as error:  # noqa: BLE001  whatever it raises instead is what this check is about
        return fact(what, False, f"raised {type(error).__name__} instead of Unsupported")
    return fact(what, False, "was built, but is not claimed")


CHECKS = (describe, claimed_is_built, unclaimed_is_refused)
