"""Peers run registered cells by their equations: their gradients are the oracle's."""

import gradsuite
import pytest
from gradsuite.cells import CLASSIC, installed
from gradsuite.conformance import Subject, asked, run

OTHERS = sorted(set(installed()) - set(CLASSIC))
MODULES = {"torch-autograd": "torch", "autograd": "autograd", "jax-scan": "jax"}
# XLA compiles each program: two cells stand for all, one with an output of its own and one that is not recurrent.
PAIRS = [
    *((peer, cell) for peer in ("torch-autograd", "autograd") for cell in OTHERS),
    ("jax-scan", "lru"),
    ("jax-scan", "residual"),
]
# Checks of what none of the three claims.
ELSEWHERE = ("stack-", "sequences-", "scan-")


@pytest.mark.parametrize(("peer", "cell"), PAIRS)
def test_gradients_of_a_registered_cell_are_the_oracles(peer, cell):
    pytest.importorskip(MODULES[peer])
    backend = gradsuite.backend(peer)
    thorough = "" if peer == "jax-scan" else cell
    every_check = asked(backend.describe(), dtypes=["float64"], cell=thorough)
    checks = [one for one in every_check if one.check.cell == cell and not one.check.name.startswith(ELSEWHERE)]
    assert len(checks) == (2 if thorough else 1)
    for one in checks:
        result = run(one.check, Subject(backend, "cpu", "float64"))
        assert result.verdict == "passed", result
