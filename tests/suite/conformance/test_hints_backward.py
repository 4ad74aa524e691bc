"""The wrong derivatives that hints compare with: none is wrong without a mistake, and no two mistakes look alike."""

from itertools import combinations

import numpy as np
import pytest
from gradsuite.conformance.case import Case, expected_of
from gradsuite.conformance.finding import all_close
from gradsuite.conformance.hints.backward import Probe, mistakes
from gradsuite.conformance.hints.derivatives import Mistake, cut
from gradsuite.conformance.hints.evidence import collect
from gradsuite.model import ACTIVATIONS, Model

NONE = Mistake("none", "nowhere", cut)
CASES = [
    Case(Model(cell, 2, 4, 3, 2, activation, readout, loss), 5, 3)
    for cell, activations in ACTIVATIONS.items()
    for activation in activations
    for readout, loss in (("last", "mse"), ("all" if cell != "mlp" else "last", "cross_entropy"))
]


def probe(case):
    answer = expected_of(case.answer("float64"))
    (evidence,) = collect(all_close(str(case), answer, answer, case.bound("float64"), case=case), "float64")
    return Probe(evidence, case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_without_a_mistake_the_derivative_is_the_oracle_s(case):
    assert probe(case).explains(NONE)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_mistake_looks_like_another_or_like_none(case):
    found = probe(case)
    slopes = {mistake.text: found.slopes(mistake) for mistake in [NONE, *mistakes(case.model)]}
    assert len(slopes) == 1 + len(list(mistakes(case.model)))
    pairs = combinations(slopes, 2)
    assert [pair for pair in pairs if np.all(abs(np.subtract(*map(slopes.get, pair))) <= found.limits)] == []
