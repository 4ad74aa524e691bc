"""The checks of cells by autodiff bite: each seeded fault is caught by the check that the table names."""

import pytest
from gradsuite.cells import CLASSIC, installed
from gradsuite.conformance import CHECKS, Subject, asked, run
from gradsuite.conformance.checks.cells import amplified, cases
from gradsuite.conformance.condition import SLACK, condition
from gradsuite.model import LOSSES, READOUTS

from tests.mutants.equations import MUTANTS, DifferentiatedBackend
from tests.mutants.reference import ReferenceBackend

BY_NAME = {check.name: check for check in CHECKS}
OF_CELLS = [check for check in CHECKS if check.cell not in ("", *CLASSIC) and not check.name.startswith("scan-")]
NEW = [name for name in installed() if name not in CLASSIC]


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(name):
    backend, caught_by = MUTANTS[name]
    result = run(BY_NAME[caught_by], Subject(backend(), "cpu", "float64"))
    assert result.verdict == "failed"
    assert not result.traceback  # a wrong number, not an exception
    assert result.error > result.bound
    assert "finding one failed" not in result.hint


@pytest.mark.parametrize("check", OF_CELLS, ids=lambda check: check.name)
def test_right_equations_pass(check):
    result = run(check, Subject(DifferentiatedBackend(), "cpu", "float64"))
    assert result.verdict == "passed", str(result)


def test_a_fault_of_one_activation_is_for_the_thorough_check():
    backend, _ = MUTANTS["tanh-whatever-is-asked"]
    assert run(BY_NAME["gradients-ln-rnn"], Subject(backend(), "cpu", "float64")).verdict == "passed"


def test_every_new_cell_has_four_checks_and_each_kind_catches_a_fault():
    assert {check.name for check in OF_CELLS} == {
        f"{kind}-{cell}" for kind in ("gradients", "gradients-every", "stack", "sequences") for cell in NEW
    }
    caught = {name for _, name in MUTANTS.values()}
    assert {f"gradients-{cell}" for cell in NEW} <= caught
    assert any(name.startswith("gradients-every-") for name in caught)
    assert any(name.startswith("stack-") for name in caught)
    assert any(name.startswith("sequences-") for name in caught)


@pytest.mark.parametrize("cell", NEW)
def test_cases_cover_what_can_be_asked_for(cell):
    models = [one.model for one in cases(cell)]
    assert {m.activation for m in models} == set(installed()[cell].activations)
    assert {m.readout for m in models} == set(READOUTS) - (set() if installed()[cell].recurrent else {"all"})
    assert {m.loss for m in models} == set(LOSSES)
    assert {m.num_layers for m in models} == {1, 2, 3}


def test_what_a_backend_would_need_autodiff_for_is_not_asked_of_it():
    assert not {one.check.cell for one in asked(ReferenceBackend().describe())} - {"", *CLASSIC}
    assert {one.check.cell for one in asked(DifferentiatedBackend().describe())} >= set(NEW)


@pytest.mark.parametrize("cell", NEW)
def test_bounds_are_wider_by_the_measured_condition_and_still_see_one_part_in_a_thousand(cell):
    for one in cases(cell):
        assert amplified(one) == max(1.0, condition(one) / SLACK)
        assert amplified(one) * one.bound("float32") < 1e-3
        assert amplified(one) * one.bound("float64") < 1e-12


@pytest.mark.parametrize("cell", ["lru", "ln-lstm"])
def test_phases_and_normalisation_magnify_rounding_errors(cell):
    """Else nothing would be known of the cases whose bounds are wider."""
    assert max(condition(one) for one in cases(cell)) > SLACK
