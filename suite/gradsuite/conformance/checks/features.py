"""Optional features, where `describe` claims them: stacks of networks, truncated BPTT, checkpoints."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from gradsuite.backend import Batch
from gradsuite.conformance.case import Case, expected_of
from gradsuite.conformance.check import check
from gradsuite.conformance.checks.gradients import case_of
from gradsuite.conformance.checks.purity import parameters_of
from gradsuite.conformance.finding import Finding, all_close, close, fact
from gradsuite.conformance.projections import COMMON, compared
from gradsuite.conformance.subject import Subject, of_member
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import SGD
from gradsuite.oracle import Answer, differentiate
from gradsuite.precision import PRECISE
from gradsuite.schedule import Schedule

STACK = 12
CLIPPED = SGD(lr=0.1, clip_norm=0.05)
# The network of a stack: those of 80 units, and of 40 units with gates, are large enough to be computed in parts.
STACKED = {
    "mlp": Case(Model("mlp", 5, 80, 4, 2), 1, 3),
    "rnn": Case(Model("rnn", 5, 80, 4), 7, 3),
    "lstm": Case(Model("lstm", 5, 40, 4), 7, 3),
    "gru": Case(Model("gru", 5, 16, 4), 7, 3),
}
# Cases of truncated BPTT, with (k1, k2): windows that overlap, and one at the end. Each layer takes time to compile.
TRUNCATED = (
    (case_of("rnn", readout="last"), (1, 4)),
    (Case(Model("rnn", 2, 5, 3), 24, 3), (1, 19)),
    (Case(Model("lstm", 3, 4, 5, 2, readout="all", loss="cross_entropy"), 27, 2), (9, 17)),
    (Case(Model("gru", 3, 4, 5, readout="all"), 7, 2), (3, 3)),
)
# Cases, and every how many steps a state is kept: a shorter segment is left, or there are fewer steps.
CHECKPOINTED = (
    (case_of("rnn"), 10),
    (Case(Model("lstm", 2, 5, 3), 36, 3), 17),
    (Case(Model("gru", 3, 4, 5, readout="all"), 7, 2), 3),
)
SHORT = 7  # steps that a half type is asked for: over many more, gradients vanish below its smallest number


@check("stack", f"A stack of {STACK} networks gives what each of them gives alone.", once=True)
def stack(subject: Subject) -> Iterator[Finding]:
    """Parameters with a leading axis S; one batch per network, or for `rnn` one batch for all.

    Networks of the first cell are updated too, each by itself: clipped by its own norm, not by the stack's. Gradients
    along random directions, for the networks are of the size at which a stack pays.
    """
    updated: dict[str, np.ndarray] = {}
    for cell in CELLS:
        case, shared = STACKED[cell], cell == "rnn"
        if not subject.claims(case.model, features=("stack",)):
            continue
        members = [replace(case, seed=case.seed + s) for s in range(STACK)]
        parameters = [member.parameters(COMMON) for member in members]
        batches = [(members[0] if shared else member).batch(COMMON) for member in members]
        together = Batch(np.stack([b.inputs for b in batches]), np.stack([b.targets for b in batches]))
        stacked = {name: np.stack([p[name] for p in parameters]) for name in parameters[0]}
        network = subject.build(case.model, stacked)
        yield fact(f"`stacked` of {case}", network.stacked, "False for a stack")
        tape = subject.forward(network, network.put(batches[0] if shared else together))
        loss, outputs = network.fetch(tape.loss), network.fetch(tape.outputs)
        gradients = network.backward(tape)
        fetched = network.fetch_gradients(gradients)
        if first := not updated:
            network.update(gradients, CLIPPED)
            updated = parameters_of(network)
        for s, member in enumerate(members):
            alone = of_member(fetched, s)
            where = f"{case}, network {s} of a stack with {'one batch for all' if shared else 'one batch per network'}"
            fed = members[0] if shared else member
            yield from compared(subject, where, member, fed, {"loss": loss[s], "outputs": outputs[s]}, alone)
            # The update is that of the gradients found, which have just been compared themselves.
            expected = CLIPPED.apply(parameters[s], alone.parameters, None)[0] if first else {}
            for name, after in expected.items():
                yield close(f"{name} after an update of {where}", updated[name][s], after, case.bound(subject.dtype))


@check("truncation", "Truncated BPTT carries the losses of each window back k2 steps and no further.", once=True)
def truncation(subject: Subject) -> Iterator[Finding]:
    """Against the oracle with constants where the windows begin (Williams & Peng 1990)."""
    for case, horizon in TRUNCATED:
        if lasts(subject, case.steps) and subject.claims(case.model, features=("truncation",)):
            expected = subject.claimed(expected_of(truncated(case, subject.dtype, horizon)))
            arrays = subject.find(case, Schedule(truncation=horizon))
            yield from all_close(
                f"{case}, truncation {horizon}", arrays, expected, case.bound(subject.dtype), case=case
            )


@lru_cache(maxsize=16)
def truncated(case: Case, dtype: str, horizon: tuple[int, int] | None) -> Answer:
    """Return the oracle's answer with truncation."""
    return differentiate(case.model, case.parameters(dtype), case.batch(dtype), truncation=horizon)


def lasts(subject: Subject, steps: int) -> bool:
    """Whether gradients keep their digits over so many steps in the subject's dtype."""
    return steps <= SHORT or subject.dtype in PRECISE


@check("checkpoint", "Recomputing states from checkpoints gives the same gradients.", once=True)
def checkpoint(subject: Subject) -> Iterator[Finding]:
    """Against the oracle, which keeps every state."""
    for case, every in CHECKPOINTED:
        if lasts(subject, case.steps) and subject.claims(case.model, features=("checkpoint",)):
            arrays = subject.find(case, Schedule(checkpoint=every))
            expected = subject.claimed(expected_of(case.answer(subject.dtype)))
            yield from all_close(
                f"{case}, checkpoint every {every}", arrays, expected, case.bound(subject.dtype), case=case
            )


CHECKS = (stack, truncation, checkpoint)
