"""ONNX's own cases of RNN, LSTM and GRU: each passes on every backend, or is listed with what no model can express."""

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from itertools import permutations
from pathlib import Path

import numpy as np
import onnx.backend.test.case.node as library
import pytest
from gradsuite.cells import installed
from gradsuite.model import CELLS, parameter_shapes
from gradsuite.oracle import evaluate
from gradsuite_numpy.backend import NumpyBackend
from onnx.backend.test.case.test_case import TestCase as NodeCase

from tests.plugins import onnx_nodes
from tests.plugins.onnx_nodes import BOUND, GATES, backend_of, error, express, limits, read, states, swapped

# By case, the attributes, inputs and outputs of its node that no model can express.
LISTED = {"test_gru_seq_length": ("linear_before_reset=0",)}


def collect() -> Iterator[tuple[str, NodeCase]]:
    """Yield every case with such a node, by name.

    To import the whole library takes 20 seconds, so only modules that name one of the operators are.
    """
    operator = re.compile(rf'["\']({"|".join(onnx_nodes.CELLS)})["\']')
    (root,) = map(Path, library.__path__)
    for path in root.rglob("*.py"):
        if operator.search(path.read_text(encoding="utf-8")):
            import_module(".".join((library.__name__, *path.relative_to(root).with_suffix("").parts)))
    for case in library._NodeTestCases:
        if any(node.op_type in onnx_nodes.CELLS for node in case.model.graph.node):
            yield case.name, case


CASES = dict(collect())
EXPRESSIBLE = sorted(CASES.keys() - LISTED.keys())


def of(name):
    """Return a case's nodes, and the outputs that ONNX gives for them."""
    case = CASES[name]
    ((inputs, outputs),) = case.data_sets
    nodes = read(case.model, inputs)
    return nodes, dict(zip(nodes[-1].outputs, outputs, strict=True))


def test_there_are_cases_of_every_operator():
    assert {node.operator for name in CASES for node in of(name)[0]} == set(onnx_nodes.CELLS)
    assert {of(name)[0][0].operator for name in EXPRESSIBLE} == set(onnx_nodes.CELLS)


@pytest.mark.parametrize("name", sorted(CASES.keys() | LISTED.keys()))
def test_what_no_model_can_express_is_listed(name):
    nodes, _ = of(name)
    assert limits(nodes) == LISTED.get(name, ())


@pytest.mark.parametrize("name", EXPRESSIBLE)
def test_every_other_case_passes(backend, name):
    nodes, expected = of(name)
    if nodes[0].cell not in CELLS and "autodiff" not in backend.describe().features:
        pytest.skip(f"{backend.name} has no cells from their equations, such as {nodes[0].cell}")
    assert error(states(backend, nodes), expected) <= BOUND


@pytest.mark.parametrize("name", LISTED)
def test_listed_cases_do_not_pass(name):
    """Nor would they if what no model can express were left out: it is what they are about."""
    nodes, expected = of(name)
    assert BOUND < error(states(NumpyBackend(), nodes), expected) < np.inf


@pytest.mark.parametrize("name", LISTED)
def test_no_cell_passes_listed_cases(name):
    """Once a cell does that has the same parameters, the node is to be read as this cell, and the case to pass."""
    nodes, expected = of(name)
    model, parameters, batch = express(nodes, "none")
    alike = [replace(model, cell=cell.name) for cell in installed().values() if "tanh" in cell.activations]
    alike = [other for other in alike if parameter_shapes(other) == parameter_shapes(model)]
    assert model in alike
    for other in alike:
        _, last = evaluate(other, parameters, batch)
        assert BOUND < error({"Y_h": last[None].real.astype(np.float32)}, expected) < np.inf, other.cell


@pytest.mark.parametrize("name", [name for name in EXPRESSIBLE if of(name)[0][0].operator != "RNN"])
def test_no_case_notices_swapped_gates(name):
    """All gates of a direction have the same weights, which is why random networks go through ONNX Runtime too."""
    (node,), expected = of(name)
    assert not any(np.ptp(weights) for array in ("W", "R") for weights in node.inputs[array])
    for places in permutations(range(GATES[node.operator])):
        wrong = [swapped(node, places)]
        assert error(states(backend_of(wrong), wrong), expected) <= BOUND
