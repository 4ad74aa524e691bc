"""Optional features, where `describe` claims them: stacks of networks, truncated BPTT, checkpoints."""

from collections.abc import Iterator

import numpy as np

from gradsuite.backend import Batch
from gradsuite.conformance.case import Case, expected_of, named
from gradsuite.conformance.check import check
from gradsuite.conformance.finding import Finding, all_close, close, fact
from gradsuite.conformance.gradients import case_of
from gradsuite.conformance.purity import parameters_of
from gradsuite.conformance.subject import Subject
from gradsuite.model import CELLS, GATES
from gradsuite.optimizers import SGD
from gradsuite.oracle import differentiate
from gradsuite.schedule import Schedule

STACK = 3
CLIPPED = SGD(lr=0.1, clip_norm=0.05)
# Cell, readout and (k1, k2) of truncated BPTT over seven steps: windows that overlap, and one at the end.
TRUNCATED = (("rnn", "last", (1, 4)), ("lstm", "all", (2, 5)), ("gru", "all", (3, 3)))
STEPS = 7


@check("stack", "A stack of networks gives what each of them gives alone.", once=True)
def stack(subject: Subject) -> Iterator[Finding]:
    """Parameters with a leading axis S; one batch per network, or for `rnn` one batch for all.

    Each network is updated by itself too: clipped by its own norm, not by the stack's.
    """
    for cell in CELLS:
        case, shared = case_of(cell), cell == "rnn"
        if not subject.claims(case.model, features=("stack",)):
            continue
        members = [Case(case.model, case.steps, case.size, case.seed + s) for s in range(STACK)]
        parameters = [member.parameters(subject.dtype) for member in members]
        batches = [(members[0] if shared else member).batch(subject.dtype) for member in members]
        together = Batch(np.stack([b.inputs for b in batches]), np.stack([b.targets for b in batches]))
        stacked = {name: np.stack([p[name] for p in parameters]) for name in parameters[0]}
        network = subject.build(case.model, stacked)
        yield fact(f"`stacked` of {case}", network.stacked, "False for a stack")
        tape = subject.forward(network, network.put(batches[0] if shared else together))
        loss, outputs = network.fetch(tape.loss), network.fetch(tape.outputs)
        gradients = network.backward(tape)
        fetched = network.fetch_gradients(gradients)
        network.update(gradients, CLIPPED)
        updated = parameters_of(network)
        for s in range(STACK):
            by_parameter = {name: g[s] for name, g in fetched.parameters.items()}
            by_state = (None if g is None else g[s] for g in (fetched.states, fetched.cell_states))
            answer = differentiate(case.model, parameters[s], batches[s])
            expected = subject.claimed(expected_of(answer))
            where = f"{case}, network {s} of a stack with {'one batch for all' if shared else 'one batch per network'}"
            alone = named(loss[s], outputs[s], by_parameter, *by_state)
            yield from all_close(where, alone, expected, case.bound(subject.dtype))
            for name, after in CLIPPED.apply(parameters[s], answer.parameters, None)[0].items():
                yield close(f"{name} after an update of {where}", updated[name][s], after, case.bound(subject.dtype))


@check("truncation", "Truncated BPTT carries the losses of each window back k2 steps and no further.", once=True)
def truncation(subject: Subject) -> Iterator[Finding]:
    """Against the oracle with constants where the windows begin (Williams & Peng 1990)."""
    for cell, readout, horizon in TRUNCATED:
        first = case_of(cell, readout=readout)
        case = Case(first.model, STEPS, first.size, first.seed)
        if subject.claims(case.model, features=("truncation",)):
            parameters, batch = case.parameters(subject.dtype), case.batch(subject.dtype)
            expected = subject.claimed(expected_of(differentiate(case.model, parameters, batch, truncation=horizon)))
            arrays = subject.find(case, Schedule(truncation=horizon))
            yield from all_close(
                f"{case}, truncation {horizon}", arrays, expected, case.bound(subject.dtype), case=case
            )


@check("checkpoint", "Recomputing states from checkpoints gives the same gradients.", once=True)
def checkpoint(subject: Subject) -> Iterator[Finding]:
    """States kept every three of seven steps, which leaves a shorter segment, and less often than there are steps."""
    for cell, every in {**dict.fromkeys(GATES, 3), "rnn": 10}.items():
        case = case_of(cell)
        if subject.claims(case.model, features=("checkpoint",)):
            arrays = subject.find(case, Schedule(checkpoint=every))
            expected = subject.claimed(expected_of(case.answer(subject.dtype)))
            yield from all_close(
                f"{case}, checkpoint every {every}", arrays, expected, case.bound(subject.dtype), case=case
            )


CHECKS = (stack, truncation, checkpoint)
