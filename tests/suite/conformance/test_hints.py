"""Each hint, word by word, on a fault planted in the reference; and none where there is no fault or no proof."""

import numpy as np
import pytest
from gradsuite.cells import CLASSIC
from gradsuite.conformance import CHECKS, Subject, run
from gradsuite.conformance.case import Case
from gradsuite.conformance.check import Check
from gradsuite.conformance.checks.gradients import cases
from gradsuite.conformance.finding import Finding, all_close, close
from gradsuite.conformance.hints import hint
from gradsuite.model import Model

from tests.mutants import arithmetic, conduct  # noqa: F401  importing them fills the table
from tests.mutants.reference import ReferenceBackend

LARGE = Case(Model("lstm", 70, 300, 20, 2), 60, 32)
BY_NAME = {check.name: check for check in CHECKS}


def subject(backend=ReferenceBackend, dtype="float64"):
    return Subject(backend(), "cpu", dtype)


def concerned():
    """Return the checks of gradients of the cells that the reference writes by hand."""
    classic = [name for name, check in BY_NAME.items() if check.cell in ("", *CLASSIC)]
    return [name for name in classic if name.startswith("gradients-") or name == "batch-mean"]


@pytest.mark.parametrize("name", concerned())
def test_a_right_backend_gets_no_hint(name):
    result = run(BY_NAME[name], subject())
    assert (result.verdict, result.hint, result.findings) == ("passed", "", ())


def test_half_types_are_too_coarse_for_proofs():
    """A bound of .1 or more lets a factor of 1.05 pass for any other."""
    case = cases("lstm", "tanh")[0]
    right = {"loss": np.ones(()), "outputs": np.ones(3), "weight_hh_l0": np.ones((2, 2))}
    wrong = right | {"weight_hh_l0": 3.5 * right["weight_hh_l0"]}
    found = list(all_close(str(case), wrong, right, 0.1, case=case))
    assert hint(found, "float16") == "loss and outputs are right: the fault is in backward"
    found = list(all_close(str(case), wrong, right, 1e-12, case=case))
    assert hint(found, "float64") == "a factor of 3.5 everywhere in weight_hh_l0"


def test_what_came_back_in_another_shape_is_recognised_when_transposed():
    case = cases("lstm", "tanh")[0]
    right = {"weight_ih_l0": np.arange(6.0).reshape(2, 3), "loss": np.ones(()), "outputs": np.ones(1)}
    found = list(all_close(str(case), right | {"weight_ih_l0": right["weight_ih_l0"].T}, right, 1e-12, case=case))
    assert hint(found, "float64") == "transposed: weight_ih_l0"


@pytest.mark.parametrize("bad", [np.full(3, np.nan), np.array([1.0, np.inf, 0.0]), np.ones(4), np.ones(())])
def test_what_is_no_array_of_numbers_of_the_right_shape_proves_nothing(bad):
    right = {"loss": np.ones(()), "outputs": np.ones(1), "readout.bias": np.arange(3.0)}
    case = cases("lstm", "tanh")[0]
    found = list(all_close(str(case), right | {"readout.bias": bad}, right, 1e-12, case=case))
    assert hint(found, "float64") == "loss and outputs are right: the fault is in backward"


@pytest.mark.parametrize("given", [None, LARGE], ids=["without a case", "of a large case"])
def test_of_products_with_random_directions_only_a_factor_is_recognised(given):
    """There are no arrays of the model's shapes, and a large network would take the oracle hours."""
    names = ("weight_hh_l0", "bias_ih_l0", "states[layer 0]", "states[layer 1]")
    right = {name: np.arange(1.0, 4 + k) for k, name in enumerate(names)} | {"loss": np.ones(())}
    outputs = {"outputs": np.ones((3, 2))}
    for name in names:
        found = list(all_close("x", right | outputs | {name: 1.01 * right[name]}, right | outputs, 1e-9, case=given))
        word = {"states[layer 0]": "dL/dh in layer 0", "states[layer 1]": "dL/dh in layer 1"}.get(name, name)
        assert hint(found, "float64") == f"a factor of 1.01 everywhere in {word}"
        found = list(all_close("x", right | outputs | {name: right[name] ** 2}, right | outputs, 1e-9, case=given))
        assert not hint(found, "float64").startswith(("none", "right"))
        found = list(all_close("x", right | {"outputs": np.ones((3, 2)) / 3}, right | outputs, 1e-9, case=given))
        assert not hint(found, "float64").startswith(("none", "right"))


def test_a_missing_array_has_a_hint_too():
    right = {"loss": np.ones(()), "outputs": np.ones(1), "readout.bias": np.arange(3.0)}
    given = {name: right[name] for name in ("loss", "outputs")}
    found = list(all_close("x", given, right, 1e-12, case=cases("lstm", "tanh")[0]))
    assert hint(found, "float64") == "loss and outputs are right: the fault is in backward"


def test_what_has_no_name_has_no_hint():
    assert hint([close("x", np.ones(2), np.zeros(2), 1e-12)], "float64") == ""


def test_a_single_number_is_off_by_some_factor_and_that_proves_nothing():
    right = {"loss": np.array(2.0), "outputs": np.ones(1)}
    case = cases("lstm", "tanh")[0]
    found = list(all_close(str(case), right | {"loss": np.array(2.5)}, right, 1e-12, case=case))
    assert hint(found, "float64") == "outputs are right and the loss is not: look at the loss first"


def test_a_hint_that_fails_does_not_hide_the_verdict(monkeypatch):
    def broken(findings, dtype):
        raise RuntimeError("no hint")

    monkeypatch.setattr("gradsuite.conformance.check.hint", broken)
    result = run(Check("c", "S.", lambda s: iter([Finding("x", 3.0, 2.0)])), subject())
    assert result.verdict == "failed"
    assert result.what == "x"
    assert result.hint == "none, for finding one failed: RuntimeError: no hint"
