"""`gradsuite.check`: the verdicts on a backend, without printing."""

import sys

import gradsuite
import pytest
from gradsuite.conformance import Result
from gradsuite.conformance.verdicts import Verdicts
from gradsuite.errors import UserError
from gradsuite.testing import BackendConformance


def test_a_check_says_nothing_and_returns_what_it_found(capfd):
    backend = gradsuite.backend("numpy")
    verdicts = gradsuite.check(backend, dtype="float16", device=["cpu"])
    assert capfd.readouterr() == ("", "")
    assert verdicts.passed
    assert verdicts.failed == []
    assert len(verdicts.frame) == len(verdicts) == len(list(verdicts))
    assert set(verdicts.frame["dtype"]) == {"float16"}
    assert repr(verdicts).startswith("<check of numpy: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float61"}, "unknown dtype of numpy 'float61'; did you mean 'float"),
        ({"device": ["mps"]}, r"unknown device of numpy 'mps' \(allowed: cpu\)"),
    ],
)
def test_what_a_backend_does_not_claim_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        gradsuite.check("numpy", **options)


def test_a_faulty_backend_does_not_pass_and_is_seen_not_to():
    class Faulty(type(gradsuite.backend("numpy"))):
        def build(self, *arguments, **options):
            network = super().build(*arguments, **options)
            backward = network.backward
            network.backward = lambda tape: doubled(backward(tape))
            return network

    def doubled(gradients):
        gradients.parameters = {name: 2 * gradient for name, gradient in gradients.parameters.items()}
        return gradients

    verdicts = gradsuite.check(Faulty(), dtype="float16", checks="gradients-*")
    assert not verdicts.passed
    assert verdicts.failed
    counts, *lines = repr(verdicts).splitlines()
    assert f"{len(verdicts.failed)} failed" in counts
    lines = [line for line in lines if not line.startswith("    hint: ")]
    assert len(lines) == len(verdicts.failed)
    assert all(line.startswith("failed") for line in lines)


def test_a_backend_itself_is_checked_here_and_may_not_exit():
    class Leaving(type(gradsuite.backend("numpy"))):
        def build(self, *arguments, **options):
            sys.exit(0)

    verdicts = gradsuite.check(Leaving(), dtype="float16", checks="gradients-*", exitfirst=True)
    assert [result.verdict for result in verdicts] == ["failed"]
    assert verdicts.results[0].what.startswith("SystemExit: 0 (test_verdicts.py:")
    assert verdicts.not_run
    assert not verdicts.passed
    with pytest.raises(UserError, match=r"no check matches 'none'; the nearest names are nan, "):
        gradsuite.check(Leaving(), checks="none")


def result(verdict):
    return Result("one", "S.", "cpu", "float64", verdict)


@pytest.mark.parametrize(
    ("verdicts", "passed", "summary"),
    [
        (Verdicts("b"), False, "0 passed, 0 failed, 0 unsupported"),
        (Verdicts("b", [result("unsupported")]), False, "0 passed, 0 failed, 1 unsupported"),
        (Verdicts("b", [result("passed"), result("unsupported")]), True, "1 passed, 0 failed, 1 unsupported"),
        (Verdicts("b", [result("passed"), result("failed")]), False, "1 passed, 1 failed, 0 unsupported"),
        (Verdicts("b", [result("xfailed")]), True, "0 passed, 0 failed, 0 unsupported, 1 xfailed"),
        (Verdicts("b", [result("passed"), result("xpassed")]), False, "1 passed, 0 failed, 0 unsupported, 1 xpassed"),
        (Verdicts("b", [result("passed")], announced=3), False, "1 passed, 0 failed, 0 unsupported, 2 not run"),
    ],
)
def test_only_what_was_all_checked_and_did_not_fail_has_passed(verdicts, passed, summary):
    assert (verdicts.passed, verdicts.summary) == (passed, summary)


def test_a_backend_that_exits_while_tests_are_collected_fails_there():
    class Leaving:
        fixturenames = ("subject",)

        def __init__(self):
            sys.exit(0)

    class TestLeaving(BackendConformance):
        backend = Leaving

    with pytest.raises(pytest.fail.Exception, match="tried to exit: SystemExit: 0"):
        TestLeaving().pytest_generate_tests(Leaving)
