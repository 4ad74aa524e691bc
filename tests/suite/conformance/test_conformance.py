"""The kit itself: bounds, roundings, findings, cases, verdicts, and the command."""

import json
import subprocess
import sys
from dataclasses import replace

import gradsuite
import numpy as np
import pytest
from gradsuite.conformance import CHECKS, Subject, asked, examine, pairs, run
from gradsuite.conformance.check import Check, row
from gradsuite.conformance.checks.gradients import cases
from gradsuite.conformance.condition import SLACK, condition
from gradsuite.conformance.finding import Finding, all_close, fact, same_bits
from gradsuite.model import ACTIVATIONS, LOSSES, READOUTS
from gradsuite.precision import UNIT_ROUNDOFF, bound, rounded
from hypothesis import given
from hypothesis import strategies as st

from tests.mutants.reference import ReferenceBackend

EVERY_CASE = [case for cell, activations in ACTIVATIONS.items() for a in activations for case in cases(cell, a)]


@pytest.mark.parametrize("case", EVERY_CASE, ids=str)
def test_no_case_amplifies_rounding_errors_by_more_than_six(case):
    """The slack of every bound: relative noise of 2^-20 in all that goes in, over what it makes of each gradient."""
    assert condition(case) < SLACK


def test_bounds_in_float64_are_far_below_what_is_promised():
    assert max(case.bound("float64") for case in EVERY_CASE) < 1e-11


@pytest.mark.parametrize("cell", ACTIVATIONS)
def test_cases_cover_what_can_be_claimed(cell):
    models = [case.model for a in ACTIVATIONS[cell] for case in cases(cell, a)]
    assert {m.activation for m in models} == set(ACTIVATIONS[cell])
    assert {m.readout for m in models} == set(READOUTS) - ({"all"} if cell == "mlp" else set())
    assert {m.loss for m in models} == set(LOSSES)
    assert {m.num_layers for m in models} == {1, 2}


def test_pairs_of_readout_and_loss_are_all_met():
    met = {(case.model.readout, case.model.loss) for case in EVERY_CASE if case.model.recurrent}
    assert met == {(readout, loss) for readout in READOUTS for loss in LOSSES}


def test_bound_grows_like_the_square_root():
    assert bound("float64", 400) == 2 * bound("float64", 100)
    assert bound("float32", 100) == 80 * 2.0**-24


@pytest.mark.parametrize("dtype", UNIT_ROUNDOFF)
@given(x=st.floats(2.0**-10, 2.0**10))
def test_rounding_is_to_the_nearest(dtype, x):
    assert abs(rounded(np.array([x]), dtype)[0] - x) <= UNIT_ROUNDOFF[dtype] * x * (1 + 1e-6)


@given(st.floats(-(2.0**100), 2.0**100, width=32))
def test_bfloat16_keeps_the_upper_half_of_float32(x):
    value = rounded(np.array([x]), "bfloat16").astype(np.float32)
    assert value.view(np.uint32)[0] & 0xFFFF == 0
    assert rounded(value, "bfloat16")[0] == value[0]


def test_findings():
    assert Finding("x", 0.0, 0.0).passed
    assert not Finding("x", np.nan, 1.0).passed
    assert Finding("x", np.nan, 1.0).badness == np.inf
    assert Finding("x", 1.0, 2.0).badness == 0.5
    assert not fact("x", False).passed
    one = {"a": np.ones(2)}
    assert [f.note for f in all_close("case", {"b": np.ones(2)}, one, 1.0)] == ["missing", "not asked for"]
    assert all(f.passed for f in same_bits("case", {"a": np.ones(2)}, one))
    assert not any(f.passed for f in same_bits("case", {"a": np.nextafter(np.ones(2), 2)}, one))


def test_only_a_finding_that_failed_keeps_its_arrays():
    given, expected = {"a": np.ones(2), "b": np.ones(2)}, {"a": np.ones(2), "b": np.zeros(2)}
    case = EVERY_CASE[0]
    for found in (all_close("case", given, expected, 1.0, case=case), same_bits("case", given, expected, case=case)):
        right, wrong = found
        assert (right.what, right.array, right.value) == ("a of case", "a", None)
        assert (wrong.what, wrong.array) == ("b of case", "b")
        assert wrong.value.tolist() == [1, 1]
        assert wrong.expected.tolist() == [0, 0]
        assert not np.shares_memory(wrong.value, given["b"])
        assert wrong == Finding(wrong.what, wrong.error, wrong.bound, wrong.note, "b", case)


def subject(dtype="float64", *, finest=True):
    return Subject(ReferenceBackend(), "cpu", dtype, finest=finest)


def test_verdicts():
    def broken(subject):
        raise RuntimeError("two\nlines")

    def interrupted(subject):
        raise KeyboardInterrupt

    assert run(Check("c", "S.", lambda s: iter([Finding("x", 1.0, 2.0)])), subject()).verdict == "passed"
    assert run(Check("c", "S.", lambda s: iter([Finding("x", 3.0, 2.0)])), subject()).verdict == "failed"
    assert run(Check("c", "S.", lambda s: iter([])), subject()).verdict == "unsupported"
    result = run(Check("c", "S.", broken), subject())
    assert result.verdict == "failed"
    assert result.what.startswith("RuntimeError: two lines (test_conformance.py:")
    assert "\n" not in str(result)
    assert result.traceback.endswith("RuntimeError: two\nlines\n")
    assert "traceback" not in row(result)
    result = run(Check("c", "S.", lambda s: sys.exit(0)), subject())
    assert (result.verdict, result.what.partition(" (")[0]) == ("failed", "SystemExit: 0")
    with pytest.raises(KeyboardInterrupt):  # in this process it may be the user's
        run(Check("c", "S.", interrupted), subject())


def test_an_error_that_is_no_number_is_null_in_json():
    result = run(Check("c", "S.", lambda s: iter([fact("x", False, "why")])), subject())
    assert json.loads(json.dumps(row(result), allow_nan=False))["error"] is None
    assert result.what == "x: why"


def test_what_failed_can_be_looked_at_and_stays_out_of_json():
    good, bad = Finding("x", 1.0, 2.0), Finding("y", 3.0, 2.0, value=np.ones(2), expected=np.zeros(2))
    assert run(Check("c", "S.", lambda s: iter([good])), subject()).findings == ()
    result = run(Check("c", "S.", lambda s: iter([good, bad])), subject())
    assert result.findings == (good, bad)
    assert "findings" not in row(result)
    assert str(replace(result, hint="look")) == f"{result}\n    hint: look"
    assert "look" not in str(replace(result, verdict="xfailed", hint="look"))


def test_what_is_the_same_in_every_dtype_is_checked_once():
    found = list(pairs(ReferenceBackend()))
    assert [s.dtype for c, s in found if c.name == "describe"] == ["float64"]
    assert [s.dtype for c, s in found if c.name == "gradients-lstm"] == ["float64", "float32"]
    assert {s.dtype for _, s in pairs(ReferenceBackend(), dtypes=["float32"])} == {"float32"}


def test_the_reference_passes_in_float32():
    assert {result.verdict for result in examine(ReferenceBackend(), dtypes=["float32"])} == {"passed", "unsupported"}


def test_every_check_has_a_sentence():
    assert all(check.sentence.endswith(".") and not check.sentence[0].islower() for check in CHECKS)


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "gradsuite", "check", *arguments], capture_output=True, text=True)


def test_command_prints_one_line_a_check():
    """In every dtype, for a worker has as many threads as there are cores, and this process has one."""
    done = command("numpy")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + len(list(asked(gradsuite.backend("numpy").describe())))
    assert lines[-1].endswith("0 failed, 1 unsupported")
    assert all(line.split()[0] in ("passed", "unsupported") for line in lines[:-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nump",), "unknown backend 'nump'; did you mean 'numpy'?"),
        (("numpy", "--dtype", "float46"), "unknown dtype of numpy 'float46'; did you mean"),
        (("numpy", "--device", "abacus"), "unknown device of numpy 'abacus'"),
    ],
)
def test_bad_input_is_one_line(arguments, message):
    done = command(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
