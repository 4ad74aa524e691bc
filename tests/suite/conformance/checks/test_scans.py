"""The checks of scans bite: each seeded fault is caught by the check that the table names, and right scans pass."""

import pytest
from gradsuite.cells import Linear, installed
from gradsuite.conformance import CHECKS, Subject, run
from gradsuite.conformance.checks.cells import FURTHER, SCANNED, long

pytest.importorskip("torch")

from gradsuite_torch.backend import TorchBackend

from tests.mutants.scans import MUTANTS

BY_NAME = {check.name: check for check in CHECKS}
LINEAR = [name for name, cell in installed().items() if isinstance(cell, Linear)]


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(name):
    backend, caught_by = MUTANTS[name]
    result = run(BY_NAME[caught_by], Subject(backend(), "cpu", "float64"))
    assert result.verdict == "failed"
    assert not result.traceback  # a wrong number, not an exception
    assert result.error > result.bound


@pytest.mark.parametrize("cell", LINEAR)
@pytest.mark.parametrize("kind", ["scan", "scan-every"])
def test_right_scans_pass(cell, kind):
    result = run(BY_NAME[f"{kind}-{cell}"], Subject(TorchBackend(), "cpu", "float64"))
    assert result.verdict == "passed", str(result)


def test_every_linear_cell_has_its_checks_and_each_catches_a_fault():
    assert {f"scan-{cell}" for cell in LINEAR} <= {caught_by for _, caught_by in MUTANTS.values()}
    assert {"lru", "mingru", "minlstm"} == set(LINEAR)


@pytest.mark.parametrize("cell", LINEAR)
@pytest.mark.parametrize("steps", [SCANNED, FURTHER])
def test_the_case_has_blocks_and_a_part_of_one(cell, steps):
    size = int(steps**0.5)
    assert long(cell, steps).steps == steps
    assert steps // size > 2
    assert steps % size
    assert long(cell).steps == SCANNED
