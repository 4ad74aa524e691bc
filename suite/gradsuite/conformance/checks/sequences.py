"""What a batch may have besides inputs and targets, and bidirectional layers, where `describe` claims them.

Every case is compared with the oracle, which holds a state past its length. Few networks, each with several batches:
backends that compile need most of a second for each.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from gradsuite.backend import OPTIONAL
from gradsuite.conformance.case import Case, expected_of
from gradsuite.conformance.check import check
from gradsuite.conformance.checks.features import lasts, truncated
from gradsuite.conformance.checks.purity import parameters_of
from gradsuite.conformance.finding import Finding, all_close, close, fact
from gradsuite.conformance.subject import Arrays, Subject
from gradsuite.model import Model
from gradsuite.optimizers import SGD
from gradsuite.oracle import differentiate
from gradsuite.schedule import Schedule

STEPS, SIZE = 6, 4
RAGGED = (4, 6, 1, 3)
LENGTHS = (RAGGED, (1,) * SIZE, (4,) * SIZE, (STEPS,) * SIZE)
RNN = Model("rnn", 2, 3, 3, 1, "tanh", "all", "cross_entropy")
LSTM = Model("lstm", 2, 3, 3, 2, readout="last", loss="mse")
GRU = Model("gru", 2, 3, 0, 1, readout="none", loss="inner_product")
GROWING = Model("rnn", 1, 1, 1, 1, "identity", "all", "mse")
EVERYTHING = Case(replace(LSTM, readout="all", loss="cross_entropy"), STEPS, SIZE, 3, RAGGED, carried=True, masks=STEPS)
SCHEDULED = (
    (replace(EVERYTHING, model=LSTM), Schedule(truncation=(2, 4))),
    (replace(EVERYTHING, model=replace(GRU, readout="all", output_size=3), masks=1), Schedule(checkpoint=4)),
)
AFTER = 400  # steps of padding in which a state that doubles passes the largest number, in half types and float32 too
DOUBLED = 1100  # and in float64


def compared(subject: Subject, case: Case, amplified: float = 1.0) -> Iterator[Finding]:
    """Yield findings on everything that a new network returns for a case, and on what must be zero in its padding."""
    if subject.claims(case.model, features=case.features):
        found = subject.find(case)
        expected = subject.claimed(expected_of(case.answer(subject.dtype)))
        yield from all_close(str(case), found, expected, amplified * case.bound(subject.dtype), case=case)
        yield from in_padding(case, found)


def in_padding(case: Case, found: Arrays) -> Iterator[Finding]:
    """Yield the findings that outputs and state gradients past a length are exactly zero: no norm would show a leak."""
    if case.lengths is None:
        return
    for t in range(case.steps):
        past = t >= np.array(case.lengths)
        of_step = {n: a for n, a in found.items() if f"states[t={t + 1} " in n and np.shape(a)[:1] == past.shape}
        outputs = found["outputs"]
        if case.model.readout == "all" and np.shape(outputs)[:2] == (case.steps, case.size):
            of_step[f"outputs[t={t + 1}]"] = outputs[t]
        for name, array in of_step.items():
            leak = np.abs(array[past]).max(initial=0.0)  # NaN stays NaN, and is no zero
            yield fact(f"{name} past the lengths of {case}", bool(leak == 0), f"up to {leak:.1e}, not zero")


@check(
    "lengths",
    "Padded sequences give what they give without padding, whatever it holds, and nothing comes back from it.",
    once=True,
)
def lengths(subject: Subject) -> Iterator[Finding]:
    """Lengths of 1, equal, ragged and unsorted, and whole; NaN in the padding."""
    for model in (RNN, LSTM):
        for of_sequences in LENGTHS:
            yield from compared(subject, Case(model, STEPS, SIZE, lengths=of_sequences))


@check("lengths-overflow", "States that would overflow in the padding leave no trace.", once=True)
def lengths_overflow(subject: Subject) -> Iterator[Finding]:
    """A state that doubles at every step is infinite long before the end of the padding; its gradients are not."""
    case = Case(GROWING, DOUBLED if subject.dtype == "float64" else AFTER, 2, lengths=(2, 3))
    if subject.claims(GROWING, features=("lengths",)):
        parameters = {name: np.ones_like(p) for name, p in case.parameters("float64").items()}
        parameters["weight_hh_l0"] *= 2
        batch = case.batch(subject.dtype)
        found = subject.solve(subject.build(GROWING, parameters), batch)
        longest = max(case.lengths or ())
        short = replace(batch, inputs=batch.inputs[:longest], targets=batch.targets[:longest])
        expected = subject.claimed(expected_of(differentiate(GROWING, parameters, short)))
        for name, array in expected.items():
            value = found[name][:longest] if name == "outputs" else found[name]
            yield close(f"{name} of {case}", value, array, case.bound(subject.dtype))
        yield from in_padding(case, found)


@check(
    "carried-state",
    "Sequences carry on from a state, which gradients are taken by, and the last states are given.",
    once=True,
)
def carried_state(subject: Subject) -> Iterator[Finding]:
    """One layer and two, states of one kind and of two."""
    for model in (GRU, LSTM):
        yield from compared(subject, Case(model, STEPS, SIZE, carried=True))


@check("masks", "Masks multiply what a layer puts out, forward and backward, and leave its states alone.", once=True)
def masks(subject: Subject) -> Iterator[Finding]:
    """One for all steps, or one for each; layers that are not recurrent have one."""
    yield from compared(subject, Case(Model("mlp", 2, 5, 3, 2), 1, SIZE, masks=1))
    for steps in (1, STEPS):
        yield from compared(subject, Case(replace(RNN, num_layers=2, loss="mse"), STEPS, SIZE, masks=steps))


@check("bidirectional", "Bidirectional layers read their inputs from both ends.", once=True)
def bidirectional(subject: Subject) -> Iterator[Finding]:
    """The readout of the last states, and of all; two layers, of which the second reads both directions."""
    for model in (LSTM, replace(RNN, num_layers=2)):
        yield from compared(subject, Case(replace(model, bidirectional=True), STEPS, SIZE))


@check("sequences", "Lengths, states, masks and directions are right together, as far as they are claimed.", once=True)
def sequences(subject: Subject) -> Iterator[Finding]:
    """All that is claimed of them at once, and one step of learning."""
    case = _both_ways(subject, _as_far_as_claimed(subject, EVERYTHING))
    yield from together(subject, case)
    if case.features and subject.claims(case.model, features=case.features):
        yield from _step(subject, case)


def together(
    subject: Subject, everything: Case, amplified: Callable[[Case], float] = lambda _: 1.0
) -> Iterator[Finding]:
    """Yield findings on a case with as much of it, and as many directions, as is claimed, unless that is nothing."""
    case = _both_ways(subject, _as_far_as_claimed(subject, everything))
    if case.features or case.model.bidirectional:
        yield from compared(subject, case, amplified(case))


def _step(subject: Subject, case: Case) -> Iterator[Finding]:
    """Yield findings that a step moves the parameters by the oracle's gradients."""
    network, rule, answer = subject.network(case), SGD(lr=0.1), case.answer(subject.dtype)
    loss = network.fetch(network.step(network.put(case.batch(subject.dtype)), rule))
    limit = case.bound(subject.dtype)
    yield close(f"loss of a step of {case}", loss, answer.loss, limit)
    following, _ = rule.apply(case.parameters(subject.dtype), answer.parameters, None)
    for name, parameter in parameters_of(network).items():
        yield close(f"{name} after a step of {case}", parameter, following[name], limit)


@check("sequences-scheduled", "Truncation and checkpoints are right with lengths, states and masks.", once=True)
def scheduled(subject: Subject) -> Iterator[Finding]:
    """Windows are counted back from the last step of the batch, whatever the lengths."""
    for one, schedule in SCHEDULED:
        case = _as_far_as_claimed(subject, one)
        if case.features and lasts(subject, STEPS) and subject.claims(case.model, features=schedule.features):
            answer = truncated(case, subject.dtype, schedule.truncation)
            where, found = f"{case}, {schedule}", subject.find(case, schedule)
            yield from all_close(where, found, subject.claimed(expected_of(answer)), case.bound(subject.dtype))
            yield from in_padding(case, found)


def _as_far_as_claimed(subject: Subject, case: Case) -> Case:
    """Return a case without those parts of its batch that are not claimed."""
    lost = set(OPTIONAL) - set(subject.info.features)
    return replace(
        case,
        lengths=None if "lengths" in lost else case.lengths,
        carried=case.carried and "state" not in lost,
        masks=None if "masks" in lost else case.masks,
    )


def _both_ways(subject: Subject, case: Case) -> Case:
    """Return a case with the second direction, if that is claimed."""
    both = replace(case.model, bidirectional=case.model.recurrent)
    return replace(case, model=both) if subject.claims(both) else case


CHECKS = (lengths, lengths_overflow, carried_state, masks, bidirectional, sequences, scheduled)
