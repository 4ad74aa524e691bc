"""Cells that a backend does not write by hand: their equations, as its autodiff differentiates them, are the oracle's.

One network of each is part of every check of a backend; `--cell NAME` checks one with every activation, readout, loss,
and number of layers, and in a stack.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradsuite.backend import Batch
from gradsuite.cells import CLASSIC, installed
from gradsuite.conformance.case import Case, expected_of, named
from gradsuite.conformance.check import Check, check
from gradsuite.conformance.condition import SLACK, condition
from gradsuite.conformance.finding import Finding, all_close
from gradsuite.conformance.subject import Subject, of_member
from gradsuite.model import LOSSES, READOUTS, Model
from gradsuite.precision import PRECISE

STEPS, BATCH = 4, 2
INPUTS, UNITS, OUTPUTS = 4, 8, 3
MEMBERS = 3


def case(cell: str, activation: str, readout: str, loss: str, layers: int, seed: int = 0) -> Case:
    """Return one small case."""
    outputs = 0 if readout == "none" else OUTPUTS
    return Case(Model(cell, INPUTS, UNITS, outputs, layers, activation, readout, loss), STEPS, BATCH, seed)


def cases(cell: str) -> list[Case]:
    """Return every activation of a cell in three models, in which every readout, loss and number of layers occurs."""
    definition = installed()[cell]
    readouts = READOUTS if definition.recurrent else ("last", "none", "last")
    return [
        case(cell, activation, readouts[k], LOSSES[(k + shift) % 3], 1 + k)
        for shift, activation in enumerate(definition.activations)
        for k in range(3)
    ]


def amplified(case: Case) -> float:
    """Return what the bound of a case is multiplied with: layers that normalise, or phases, magnify rounding errors."""
    return max(1.0, condition(case) / SLACK)


def shortest(cell: str) -> Check:
    """Return the check of one network of one layer, in the finest dtype: backends that compile take a second for it."""
    definition = installed()[cell]

    sentence = f"Gradients of {cell}, from its equations, are the oracle's."

    @check(f"gradients-{cell}", sentence, dtypes=PRECISE, once=True, cell=cell)
    def measure(subject: Subject) -> Iterator[Finding]:
        one = case(cell, definition.activations[0], "all" if definition.recurrent else "last", "cross_entropy", 1)
        one = replace(one, model=replace(one.model, input_size=UNITS))  # as wide as a layer above, as a skip wants it
        if subject.claims(one.model):
            yield from subject.against_oracle(one, amplified=amplified(one))

    return measure


def thorough(cell: str) -> Check:
    """Return the check of all kinds of models of a cell."""

    @check(
        f"gradients-every-{cell}",
        f"Gradients of every kind of {cell} are the oracle's, also without state gradients.",
        dtypes=PRECISE,
        cell=cell,
        thorough=True,
    )
    def measure(subject: Subject) -> Iterator[Finding]:
        for one in cases(cell):
            if subject.claims(one.model):
                yield from subject.against_oracle(one, plain=True, amplified=amplified(one))

    return measure


def stacked(cell: str) -> Check:
    """Return the check of a stack of networks of a cell."""

    @check(
        f"stack-{cell}",
        f"A stack of {MEMBERS} networks of {cell} gives what the oracle says of each.",
        dtypes=PRECISE,
        cell=cell,
        thorough=True,
        once=True,
    )
    def measure(subject: Subject) -> Iterator[Finding]:
        members = [case(cell, installed()[cell].activations[0], "last", "mse", 2, seed) for seed in range(MEMBERS)]
        if not subject.claims(members[0].model, features=("stack",)):
            return
        each = [member.parameters(subject.dtype) for member in members]
        batches = [member.batch(subject.dtype) for member in members]
        together = Batch(np.stack([b.inputs for b in batches]), np.stack([b.targets for b in batches]))
        network = subject.build(members[0].model, {name: np.stack([p[name] for p in each]) for name in each[0]})
        tape = subject.forward(network, network.put(together))
        loss, outputs = network.fetch(tape.loss), network.fetch(tape.outputs)
        fetched = network.fetch_gradients(network.backward(tape))
        for s, member in enumerate(members):
            alone = of_member(fetched, s)
            found = named(loss[s], outputs[s], alone.parameters, alone.states, alone.cell_states)
            expected = subject.claimed(expected_of(member.answer(subject.dtype)))
            limit = amplified(member) * member.bound(subject.dtype)
            yield from all_close(f"{member}, network {s} of a stack", found, expected, limit)

    return measure


CHECKS = tuple(make(cell) for cell in installed() if cell not in CLASSIC for make in (shortest, thorough, stacked))
