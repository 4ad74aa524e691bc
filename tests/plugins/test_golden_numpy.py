"""The NumPy backend finds the golden vectors, without the oracle's help."""

import pytest
from gradsuite.comparator import compare
from gradsuite_numpy.backend import NumpyBackend

from tests.golden.regenerate import CASES, load


@pytest.mark.parametrize("name", CASES)
def test_golden_vectors(name):
    model, parameters, batch, expected = load(name)
    network = NumpyBackend().build(model, parameters, dtype="float64")
    tape = network.forward(network.put(batch), states=True)
    loss, outputs = network.fetch(tape.loss), network.fetch(tape.outputs)
    gradients = network.fetch_gradients(network.backward(tape))
    found = {"loss": loss, "outputs": outputs, "gradient.states": gradients.states}
    found |= {f"gradient.{n}": g for n, g in gradients.parameters.items()}
    if model.cell == "lstm":
        found["gradient.cell_states"] = gradients.cell_states
    assert found.keys() == expected.keys() - {"gradient.inputs"}
    for part, array in found.items():
        assert compare(array, expected[part]).within(CASES[name].bound("float64")), part
