"""`gradsuite.check`: the verdicts on a backend, without printing."""

import gradsuite
import pytest
from gradsuite.conformance.verdicts import Verdicts
from gradsuite.errors import UserError


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

    verdicts = gradsuite.check(Faulty(), dtype="float16")
    assert not verdicts.passed
    assert verdicts.failed
    counts, *lines = repr(verdicts).splitlines()
    assert f"{len(verdicts.failed)} failed" in counts
    lines = [line for line in lines if not line.startswith("    hint: ")]
    assert len(lines) == len(verdicts.failed)
    assert all(line.startswith("failed") for line in lines)


def test_nothing_checked_is_not_passed():
    assert not Verdicts("numpy", []).passed
