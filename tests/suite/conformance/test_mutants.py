"""The kit bites: every seeded wrong backend is caught by the check that the table names, and the right one by none."""

from dataclasses import replace

import numpy as np
import pytest
from gradsuite.cells import CLASSIC
from gradsuite.conformance import CHECKS, Subject, run
from gradsuite.conformance.checks import laws, sequences, vanishing
from gradsuite.errors import Unsupported
from gradsuite.precision import UNIT_ROUNDOFF

from tests.mutants import arithmetic, conduct, features, sizes  # noqa: F401  importing them fills the table
from tests.mutants import sequences as of_sequences  # noqa: F401
from tests.mutants.answered import AnsweredBackend
from tests.mutants.reference import Reference, ReferenceBackend
from tests.mutants.table import MUTANTS

BY_NAME = {check.name: check for check in CHECKS}
OF_EQUATIONS = {check.name for check in CHECKS if check.cell not in ("", *CLASSIC)}  # test_cells.py has their mutants
OF_SEQUENCES = {check.name for check in sequences.CHECKS}
UNCLAIMED = {"synchronize", "stack", "truncation", "checkpoint"} | OF_EQUATIONS | OF_SEQUENCES
# Checks that no mutant is made for: the same measure as another's, of another cell, activation or optimizer;
# `synchronize` has backends of its own below.
UNTRIED = {
    *(f"gradients-{kind}" for kind in ("mlp-relu", "rnn-identity")),
    *(f"{cell}-fixed-point" for cell in ("lstm", "gru")),
    *(f"train-{kind}" for kind in ("sgd-update", "adam-update", "adamw-step", "clip-norm-step", "clip-value-step")),
    "synchronize",
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(name):
    backend, caught_by = MUTANTS[name]
    assert run(BY_NAME[caught_by], Subject(backend(), "cpu", "float64")).verdict == "failed"


def test_there_are_as_many_as_the_documentation_says():
    assert len(MUTANTS) > 160


def test_every_check_catches_one_or_has_a_sibling_that_does():
    assert {check.name for check in CHECKS} - {caught_by for _, caught_by in MUTANTS.values()} == UNTRIED | OF_EQUATIONS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_reference_is_not_refused(check):
    result = run(check, Subject(ReferenceBackend(), "cpu", "float64"))
    assert result.verdict == ("unsupported" if check.name in UNCLAIMED else "passed"), str(result)


@pytest.mark.parametrize("check", sequences.CHECKS, ids=lambda check: check.name)
def test_a_backend_that_is_right_with_sequences_of_any_kind_is_not_refused(check):
    result = run(check, Subject(AnsweredBackend(), "cpu", "float64"))
    assert result.verdict == "passed", str(result)


class Stateless(Reference):
    def forward(self, batch, *, states=False):
        if states:
            raise Unsupported("none")
        return super().forward(batch)


class StatelessBackend(ReferenceBackend):
    network = Stateless

    def describe(self):
        return replace(super().describe(), state_gradients=())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_backend_without_state_gradients_is_checked_in_the_rest(check):
    result = run(check, Subject(StatelessBackend(), "cpu", "float64"))
    of_states = {check.name for check in (*laws.CHECKS, *vanishing.CHECKS)}
    assert result.verdict == ("unsupported" if check.name in UNCLAIMED | of_states else "passed"), str(result)


class Pending:
    """An array that is ready once somebody has waited for it."""

    def __init__(self, value):
        self.value, self.ready = value, False

    def is_ready(self):
        return self.ready


class Asynchronous(Reference):
    """The reference, as an asynchronous framework would be: results come back before they are there."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.started = []

    def pending(self, value):
        self.started.append(Pending(value))
        return self.started[-1]

    def forward(self, batch, *, states=False):
        tape = super().forward(batch, states=states)
        self.outputs = tape.outputs
        tape.loss, tape.outputs = self.pending(tape.loss), self.pending(tape.outputs)
        return tape

    def backward(self, tape):
        tape.outputs = tape.outputs.value
        found = super().backward(tape)
        found.parameters = {name: self.pending(g) for name, g in found.parameters.items()}
        found.states = self.pending(found.states)
        return found

    def update(self, gradients, optimizer):
        gradients.parameters = {name: g.value for name, g in gradients.parameters.items()}
        super().update(gradients, optimizer)

    def fetch(self, array):
        return np.array(array.value if isinstance(array, Pending) else array)

    def synchronize(self):
        for array in self.started:
            array.ready = True


class Queued(Reference):
    """The reference, as CUDA would be: arrays know nothing, a queue says whether it is empty."""

    busy = False

    def backward(self, tape):
        self.busy = True
        return super().backward(tape)

    def update(self, gradients, optimizer):
        self.busy = True
        super().update(gradients, optimizer)

    def is_ready(self, array):
        return not self.busy

    def synchronize(self):
        self.busy = False


def does_not_wait(network):
    return type("Impatient", (network,), {"synchronize": Reference.synchronize})


@pytest.mark.parametrize(
    ("network", "verdict"),
    [
        (Asynchronous, "passed"),
        (does_not_wait(Asynchronous), "failed"),
        (Queued, "passed"),
        (does_not_wait(Queued), "failed"),
    ],
)
def test_a_synchronize_that_does_not_wait_is_caught(network, verdict):
    backend = type("AsynchronousBackend", (ReferenceBackend,), {"network": network})()
    assert run(BY_NAME["synchronize"], Subject(backend, "cpu", "float64")).verdict == verdict


class Accelerated(Reference):
    """The reference, its arrays on an accelerator."""

    def to_device(self, array, dtype):
        return super().to_device(array, dtype).view(conduct.Elsewhere)

    def forward(self, batch, *, states=False):
        tape = super().forward(batch, states=states)
        tape.loss, tape.outputs = (np.asarray(a).view(conduct.Elsewhere) for a in (tape.loss, tape.outputs))
        return tape

    def finish(self, name, gradient):
        return gradient.view(conduct.Elsewhere)


@pytest.mark.parametrize(("network", "verdict"), [(Accelerated, "passed"), (Reference, "failed")])
@pytest.mark.parametrize("named", ["cuda", "gpu"])
def test_what_stays_on_the_host_is_not_on_an_accelerator(network, verdict, named):
    methods = {"network": network, "describe": conduct.info(devices=("cpu", named))}
    backend = type("AcceleratedBackend", (ReferenceBackend,), methods)()
    assert run(BY_NAME["device"], Subject(backend, named, "float64")).verdict == verdict


def test_names_of_checks_are_unique():
    assert len(BY_NAME) == len(CHECKS)


def test_every_dtype_has_a_check():
    assert all(any(dtype in check.dtypes for check in CHECKS) for dtype in UNIT_ROUNDOFF)
