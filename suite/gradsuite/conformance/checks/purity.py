"""Nothing changes behind the caller's back: not the host's arrays, other networks, older results or random numbers."""

import random
from collections.abc import Callable, Iterator

import numpy as np

from gradsuite.backend import Batch, Network
from gradsuite.conformance.case import Case, expected_of
from gradsuite.conformance.check import Check, check
from gradsuite.conformance.checks.gradients import case_of, lightened
from gradsuite.conformance.finding import Finding, all_close, close, fact, same_bits
from gradsuite.conformance.subject import Arrays, Subject, fetched
from gradsuite.model import CELLS
from gradsuite.optimizers import SGD

Measure = Callable[[Subject, Case], Iterator[Finding]]
RATE = SGD(lr=0.1)


def every_cell(name: str, sentence: str, *, once: bool = True) -> Callable[[Measure], Check]:
    """Make a check from a measure that is taken for every claimed cell, in the finest dtype or in all."""

    def decorate(measure: Measure) -> Check:
        @check(name, sentence, once=once)
        def measure_all(subject: Subject) -> Iterator[Finding]:
            for cell in CELLS:
                case = lightened(subject, case_of(cell))
                if subject.claims(case.model):
                    yield from measure(subject, case)

        return measure_all

    return decorate


def other(case: Case, dtype: str) -> Batch:
    """Return another batch of the case's shapes."""
    return Case(case.model, case.steps, case.size, case.seed + 1).batch(dtype)


@every_cell("host-arrays-unchanged", "Batches and parameters on the host are not changed.")
def host_arrays_unchanged(subject: Subject, case: Case) -> Iterator[Finding]:
    """They are changed neither by build, put, forward and backward nor by update."""
    # In the network's dtype, so that no conversion copies them.
    kept = dict.fromkeys(case.parameters(subject.dtype))
    dtype = subject.dtype if subject.dtype != "bfloat16" else "float32"
    batch = case.batch(subject.dtype)
    given = {name: p.astype(dtype) for name, p in case.parameters(subject.dtype).items()}
    given |= {"inputs": batch.inputs.astype(dtype), "targets": batch.targets.astype(dtype)}
    before = {name: array.copy() for name, array in given.items()}
    network = subject.build(case.model, {name: given[name] for name in kept})
    on_device = network.put(Batch(given["inputs"], given["targets"]))
    network.update(network.backward(subject.forward(network, on_device)), RATE)
    network.synchronize()
    yield from same_bits(f"the host, after {case}", given, before)


@every_cell("host-arrays-copied", "The host may reuse its arrays once build and put have returned.", once=False)
def host_arrays_copied(subject: Subject, case: Case) -> Iterator[Finding]:
    """A network gives the same bits after its host arrays have been overwritten with NaN."""
    dtype = subject.dtype if subject.dtype != "bfloat16" else "float32"
    parameters = {name: p.astype(dtype) for name, p in case.parameters(subject.dtype).items()}
    batch = case.batch(subject.dtype)
    inputs, targets = batch.inputs.astype(dtype), batch.targets.astype(dtype)
    expected = subject.find(case)
    network = subject.build(case.model, parameters)
    on_device = network.put(Batch(inputs, targets))
    for array in (*parameters.values(), inputs, targets):
        array.fill(np.nan)
    tape = subject.forward(network, on_device)
    arrays = fetched(network, tape.loss, tape.outputs, network.backward(tape))
    yield from same_bits(f"{case}, host arrays overwritten", arrays, expected)


@every_cell("repeatable", "The same batch gives the same bits again, in the same network and in a new one.", once=False)
def repeatable(subject: Subject, case: Case) -> Iterator[Finding]:
    """Forward and backward change nothing; a network keeps no state from one sequence to the next."""
    network, batch = subject.network(case), case.batch(subject.dtype)
    first = subject.solve(network, batch)
    subject.solve(network, other(case, subject.dtype))
    yield from same_bits(f"{case}, again", subject.solve(network, batch), first)
    yield from same_bits(f"{case}, in a new network", subject.find(case), first)


@every_cell("parameters-unchanged", "Forward and backward leave the network's parameters alone.")
def parameters_unchanged(subject: Subject, case: Case) -> Iterator[Finding]:
    """The parameters fetched before and after have the same bits."""
    network = subject.network(case)
    before = parameters_of(network)
    subject.solve(network, case.batch(subject.dtype))
    yield from same_bits(f"{case}, after backward", parameters_of(network), before)


@every_cell("networks-apart", "Two networks share nothing: each gives the same results as alone, updates included.")
def networks_apart(subject: Subject, case: Case) -> Iterator[Finding]:
    """Calls of two networks are interleaved; each is compared with the same network alone."""
    twin = Case(case.model, case.steps, case.size, case.seed + 1)
    alone = [_two_steps(subject, one) for one in (case, twin)]
    networks = [subject.network(one) for one in (case, twin)]
    batches = [n.put(one.batch(subject.dtype)) for n, one in zip(networks, (case, twin), strict=True)]
    for _ in range(2):
        tapes = [subject.forward(n, b) for n, b in zip(networks, batches, strict=True)]
        gradients = [n.backward(tape) for n, tape in zip(networks, tapes, strict=True)]
        for n, g in zip(networks, gradients, strict=True):
            n.update(g, RATE)
    for network, expected, one in zip(networks, alone, (case, twin), strict=True):
        yield from same_bits(f"{one}, next to another network", parameters_of(network), expected)


def _two_steps(subject: Subject, case: Case) -> Arrays:
    network = subject.network(case)
    batch = network.put(case.batch(subject.dtype))
    for _ in range(2):
        network.update(network.backward(subject.forward(network, batch)), RATE)
    return parameters_of(network)


@every_cell("tapes-apart", "A tape stays valid while another batch is run: its backward gives the same bits.")
def tapes_apart(subject: Subject, case: Case) -> Iterator[Finding]:
    """Two forward passes, then their two backward passes, against each pair on its own."""
    network = subject.network(case)
    batches = [case.batch(subject.dtype), other(case, subject.dtype)]
    expected = [subject.solve(network, batch) for batch in batches]
    tapes = [subject.forward(network, network.put(batch)) for batch in batches]
    for number, (tape, alone) in enumerate(zip(tapes, expected, strict=True)):
        arrays = fetched(network, tape.loss, tape.outputs, network.backward(tape))
        yield from same_bits(f"{case}, tape {number + 1} of two", arrays, alone)


@every_cell("results-kept", "Results that the caller holds are not overwritten by later calls.")
def results_kept(subject: Subject, case: Case) -> Iterator[Finding]:
    """Loss, outputs and gradients are fetched at once, and again after another batch and an update."""
    network = subject.network(case)
    batch, later = network.put(case.batch(subject.dtype)), network.put(other(case, subject.dtype))
    tape = subject.forward(network, batch)
    loss, outputs, gradients = tape.loss, tape.outputs, network.backward(tape)
    before = {name: array.copy() for name, array in fetched(network, loss, outputs, gradients).items()}
    network.update(network.backward(subject.forward(network, later)), RATE)
    yield from same_bits(f"{case}, later", fetched(network, loss, outputs, gradients), before)


@every_cell("batch-mean", "The gradients of a batch are the mean of those of its sequences one by one.")
def batch_mean(subject: Subject, case: Case) -> Iterator[Finding]:
    """Parameter gradients and loss are averages; state gradients are those of each sequence, divided by B."""
    network, batch = subject.network(case), case.batch(subject.dtype)
    whole = subject.solve(network, batch)
    one_by_one = [
        subject.solve(network, Batch(batch.inputs[..., [b], :], batch.targets[[b]])) for b in range(case.size)
    ]
    for name, array in whole.items():
        parts = [np.asarray(one[name], np.float64) for one in one_by_one]
        if name == "outputs":
            expected = np.concatenate(parts)
        elif "[" in name:
            expected = np.concatenate(parts) / case.size
        else:
            expected = np.mean(parts, axis=0)
        # Both sides carry the rounding errors of one case.
        yield close(
            f"{name} of {case}, one by one", array, expected, 2 * case.bound(subject.dtype), array=name, case=case
        )


@every_cell("other-sizes", "One network reads batches of any size, in any order.")
def other_sizes(subject: Subject, case: Case) -> Iterator[Finding]:
    """A small batch, a larger one, and the small one again: the gradients of each are the oracle's."""
    network = subject.network(case)
    for steps, size in ((case.steps, 1), (case.steps, case.size), (case.steps, 1)):
        one = Case(case.model, steps, size, case.seed)  # of the same model and seed, and so of the same parameters
        expected = subject.claimed(expected_of(one.answer(subject.dtype)))
        arrays = subject.solve(network, one.batch(subject.dtype))
        yield from all_close(str(one), arrays, expected, one.bound(subject.dtype), case=one)


@every_cell("seeds", "Random numbers are neither used nor drawn: seeds change no gradient.")
def seeds(subject: Subject, case: Case) -> Iterator[Finding]:
    """The bits are the same under two global seeds, and the global generators are unchanged."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002  the generator that a backend could disturb
    try:
        answers = []
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            before = _generators()
            answers.append(subject.find(case))
            yield fact(f"generators after {case}", _generators() == before, "random numbers were drawn")
        yield from same_bits(f"{case}, another seed", *answers)
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


def _generators() -> str:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    return repr((random.getstate(), kind, list(keys), rest))


def parameters_of(network: Network) -> Arrays:
    """Return a network's parameters on the host."""
    return {name: network.fetch(p).copy() for name, p in network.parameters.items()}


CHECKS = (
    host_arrays_unchanged,
    host_arrays_copied,
    repeatable,
    parameters_unchanged,
    networks_apart,
    tapes_apart,
    results_kept,
    batch_mean,
    other_sizes,
    seeds,
)
