"""Every backend finds the golden vectors, without the oracle's help."""

import pytest

from tests.golden.regenerate import CASES, load
from tests.plugins.passes import assert_same, run


@pytest.mark.parametrize("name", CASES)
def test_golden_vectors(backend, name):
    model, parameters, batch, expected = load(name)
    arrays = run(backend, model, parameters, batch)
    answers = {part.removeprefix("gradient."): array for part, array in expected.items()}
    del answers["inputs"]  # no backend returns them
    assert arrays.keys() == answers.keys()
    assert_same(arrays, answers, CASES[name].bound("float64"))
