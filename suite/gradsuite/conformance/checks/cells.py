"""Cells that a backend does not write by hand: their equations, as its autodiff differentiates them, are the oracle's.

One network of each is part of every check of a backend; `--cell NAME` checks one with every activation, readout, loss,
and number of layers, and in a stack. Cells that are linear in their state are checked by a scan, too.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradsuite.backend import Batch
from gradsuite.cells import CLASSIC, Linear, installed
from gradsuite.conformance.case import Case, expected_of, named
from gradsuite.conformance.check import Check, check
from gradsuite.conformance.checks.sequences import together
from gradsuite.conformance.condition import SLACK, condition
from gradsuite.conformance.finding import Finding, all_close
from gradsuite.conformance.subject import Subject, of_member
from gradsuite.model import LOSSES, READOUTS, Model
from gradsuite.precision import PRECISE
from gradsuite.schedule import SCANS, Schedule

STEPS, BATCH = 4, 2
INPUTS, UNITS, OUTPUTS = 4, 8, 3
MEMBERS = 3
# Steps of a scan: some blocks of a parallel one, of whatever size near the square root, and a part of one; and more for
# the cell that is asked for. The oracle's work grows as their square.
SCANNED, FURTHER = 70, 150
SCANNED_UNITS = 4
SHOWN = "lru"  # of two states, and linear in them: its sequences are part of every check, others' of a cell's own


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


def least(cell: str) -> tuple[Case, float]:
    """Return the case of one network of one layer, and what its bound is multiplied with."""
    definition = installed()[cell]
    one = case(cell, definition.activations[0], "all" if definition.recurrent else "last", "cross_entropy", 1)
    one = replace(one, model=replace(one.model, input_size=UNITS))  # as wide as a layer above, as a skip wants it
    return one, amplified(one)


def shortest(cell: str) -> Check:
    """Return the check of one network of one layer, in the finest dtype: backends that compile take a second for it."""
    sentence = f"Gradients of {cell}, from its equations, are the oracle's."

    @check(f"gradients-{cell}", sentence, dtypes=PRECISE, once=True, cell=cell)
    def measure(subject: Subject) -> Iterator[Finding]:
        one, limit = least(cell)
        if subject.claims(one.model):
            yield from subject.against_oracle(one, amplified=limit)

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


def scanned(cell: str) -> Check:
    """Return the check of a parallel scan: over more steps than it has in a block, and not a multiple of them."""

    @check(
        f"scan-{cell}",
        f"Gradients of {cell} by a parallel scan are the oracle's.",
        dtypes=PRECISE,
        cell=cell,
        once=True,
    )
    def measure(subject: Subject) -> Iterator[Finding]:
        yield from by_scan(subject, long(cell), "parallel")

    return measure


def every_scan(cell: str) -> Check:
    """Return the check of every scan: also with two layers, of whose upper one the last step alone is read."""

    @check(
        f"scan-every-{cell}",
        f"Gradients of {cell} are the oracle's by a loop, a serial and a parallel scan.",
        dtypes=PRECISE,
        cell=cell,
        thorough=True,
    )
    def measure(subject: Subject) -> Iterator[Finding]:
        deep = case(cell, installed()[cell].activations[-1], "last", "inner_product", 2, seed=1)
        for one in (long(cell, FURTHER), replace(deep, steps=10)):
            for kind in SCANS:
                yield from by_scan(subject, one, kind)

    return measure


def long(cell: str, steps: int = SCANNED) -> Case:
    """Return a case of many steps, all of which are read: from the last alone the first would vanish."""
    one = case(cell, installed()[cell].activations[0], "all", "mse", 1)
    return replace(one, model=replace(one.model, hidden_size=SCANNED_UNITS), steps=steps)


def by_scan(subject: Subject, one: Case, kind: str) -> Iterator[Finding]:
    """Yield findings on everything that one scan returns."""
    if subject.claims(one.model, features=("scan",)):
        expected = subject.claimed(expected_of(one.answer(subject.dtype)))
        found = subject.find(one, Schedule(scan=kind))
        yield from all_close(
            f"{one}, scan {kind}", found, expected, amplified(one) * one.bound(subject.dtype), case=one
        )


def with_sequences(cell: str) -> Check:
    """Return the check of lengths, states, masks and directions together, as far as they are claimed."""
    recurrent = installed()[cell].recurrent

    @check(
        f"sequences-{cell}",
        f"Gradients of {cell} are the oracle's with lengths, states and masks, and in both directions.",
        dtypes=PRECISE,
        cell=cell,
        thorough=cell != SHOWN,
        once=True,
    )
    def measure(subject: Subject) -> Iterator[Finding]:
        one = case(cell, installed()[cell].activations[0], "all" if recurrent else "last", "cross_entropy", 2)
        masks = STEPS if recurrent else 1
        one = replace(one, lengths=(2, STEPS) if recurrent else None, carried=recurrent, masks=masks)
        yield from together(subject, one, amplified)

    return measure


CHECKS = (
    *(make(cell) for cell in installed() if cell not in CLASSIC for make in (shortest, thorough, stacked)),
    *(with_sequences(cell) for cell in installed() if cell not in CLASSIC),
    *(make(name) for name, one in installed().items() if isinstance(one, Linear) for make in (scanned, every_scan)),
)
