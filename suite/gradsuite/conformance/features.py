"""Optional abilities, where `describe` claims them: stacks of settings, truncated BPTT, checkpoints."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from gradsuite.backend import Batch
from gradsuite.conformance.case import Case, named
from gradsuite.conformance.check import check
from gradsuite.conformance.finding import Finding, all_close
from gradsuite.conformance.gradients import ODD, case_of
from gradsuite.conformance.precision import PRECISE
from gradsuite.conformance.subject import Subject
from gradsuite.model import CELLS, GATES
from gradsuite.oracle import differentiate

STACK = 3
HORIZONS = ((2, 3), (3, 12))  # (k1, k2) of truncated BPTT over ODD's seven steps


@check("stack", "A stack of settings gives what they give one by one, with one batch for all or one for each.", PRECISE)
def stack(subject: Subject) -> Iterator[Finding]:
    """Parameters with a leading axis S: loss (S,), and everything else with a leading S."""
    for cell in CELLS:
        case = case_of(cell)
        if "stack" not in subject.info.features or not subject.claims(case.model):
            continue
        settings = [Case(case.model, case.steps, case.size, case.seed + s) for s in range(STACK)]
        parameters = [one.parameters(subject.dtype) for one in settings]
        stacked = {name: np.stack([p[name] for p in parameters]) for name in parameters[0]}
        batches = [one.batch(subject.dtype) for one in settings]
        each = Batch(np.stack([b.inputs for b in batches]), np.stack([b.targets for b in batches]))
        network = subject.build(case.model, stacked)
        for kind, batch, own in (("one batch", batches[0], [batches[0]] * STACK), ("own batches", each, batches)):
            tape = network.forward(network.put(batch), states=True)
            loss, outputs = network.fetch(tape.loss), network.fetch(tape.outputs)
            found = network.fetch_gradients(network.backward(tape))
            for s in range(STACK):
                answer = differentiate(case.model, parameters[s], own[s])
                expected = named(answer.loss, answer.outputs, answer.parameters, answer.states, answer.cell_states)
                one = named(
                    loss[s],
                    outputs[s],
                    {name: g[s] for name, g in found.parameters.items()},
                    None if found.states is None else found.states[s],
                    None if found.cell_states is None else found.cell_states[s],
                )
                where = f"{case}, setting {s} of a stack with {kind}"
                yield from all_close(where, one, expected, case.bound(subject.dtype))


@check("truncation", "Truncated BPTT carries each window's losses back its k2 steps and no further.", PRECISE)
def truncation(subject: Subject) -> Iterator[Finding]:
    """Against the oracle with constants where the windows begin (Williams & Peng 1990)."""
    for cell, readout in product(GATES, ("last", "all")):
        case = case_of(cell, readout=readout)
        if "truncation" in subject.info.features and subject.claims(case.model):
            one = Case(case.model, ODD[0], case.size, case.seed)
            batch = one.batch(subject.dtype)
            for horizon in HORIZONS:
                answer = differentiate(one.model, one.parameters(subject.dtype), batch, truncation=horizon)
                expected = named(answer.loss, answer.outputs, answer.parameters, answer.states, answer.cell_states)
                found = subject.find(one, truncation=horizon)
                yield from all_close(f"{one}, truncation {horizon}", found, expected, one.bound(subject.dtype))


@check("checkpoint", "Recomputing states from checkpoints gives the same gradients.", PRECISE)
def checkpoint(subject: Subject) -> Iterator[Finding]:
    """States kept every 1, 3 and 7 of seven steps, and one interval longer than the sequence."""
    for cell in GATES:
        case = case_of(cell)
        if "checkpoint" not in subject.info.features or not subject.claims(case.model):
            continue
        answer = case.answer(subject.dtype)
        expected = named(answer.loss, answer.outputs, answer.parameters, answer.states, answer.cell_states)
        for every in (1, 3, 7, 10):
            found = subject.find(case, checkpoint=every)
            yield from all_close(f"{case}, checkpoint every {every}", found, expected, case.bound(subject.dtype))


CHECKS = (stack, truncation, checkpoint)
