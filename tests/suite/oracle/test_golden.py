"""The committed golden vectors are the ones that were made, and the oracle still finds them."""

import numpy as np
import pytest
from gradsuite.comparator import compare
from gradsuite.oracle import differentiate

from tests.golden.regenerate import CASES, SUMS, gradients_of, load, sums, vectors


def test_files_are_the_ones_that_were_made():
    assert sums() == SUMS.read_text()
    assert [line.split()[1] for line in SUMS.read_text().splitlines()] == sorted(f"{name}.npz" for name in CASES)


@pytest.mark.parametrize("name", CASES)
def test_oracle_finds_them_in_double(name):
    model, parameters, batch, expected = load(name)
    answer = differentiate(model, parameters, batch, inputs=True)
    found = {"loss": answer.loss, "outputs": answer.outputs}
    found |= {f"gradient.{n}": g for n, g in gradients_of(answer).items()}
    assert found.keys() == expected.keys()
    for part, array in expected.items():
        # About 200 roundings in a chain, as in the conformance kit's bound: 8 sqrt(200) 2^-53.
        assert compare(found[part], array).within(1.3e-14), part


@pytest.mark.parametrize("name", CASES)
def test_script_makes_them_again(name):
    again = vectors(CASES[name])
    model, parameters, batch, expected = load(name)
    assert model == CASES[name].model
    for part, array in parameters.items():
        np.testing.assert_array_equal(array, again[f"parameter.{part}"])
    np.testing.assert_array_equal(batch.inputs, again["inputs"])
    np.testing.assert_array_equal(batch.targets, again["targets"])
    for part, array in expected.items():
        # In long double both agree to a rounding of float64; where long double is double, to those of the chain.
        assert compare(again[part], array).within(1.3e-14), part
