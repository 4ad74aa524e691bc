"""The large cases: beyond every size at which a backend is known to have gone wrong, along directions that see it."""

from collections.abc import Callable

import numpy as np
import pytest
from gradsuite.conformance.case import Case
from gradsuite.conformance.checks import features
from gradsuite.conformance.checks.large import DEEP, LONG
from gradsuite.conformance.projections import COMMON, LEAST, directions, kinds_of, picked, products
from gradsuite.model import CELLS, GATES, LOSSES, READOUTS

from tests.mutants.reference import ReferenceBackend

EVERY_CASE = [*LONG.values(), *DEEP.values()]
SIZES: dict[str, tuple[Callable[[Case], int], int]] = {
    "time steps": (lambda case: case.steps, 60),
    "examples": (lambda case: case.size, 33),
    "inputs": (lambda case: case.model.input_size, 70),
    "units": (lambda case: case.model.hidden_size, 300),
    "outputs": (lambda case: case.model.output_size, 20),
    "layers": (lambda case: case.model.num_layers, 4),
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_met_in_every_cell(cell, size):
    if (cell, size) != ("mlp", "time steps"):
        value, least = SIZES[size]
        assert max(map(value, (LONG[cell], DEEP[cell]))) >= least


@pytest.mark.parametrize("cell", CELLS)
def test_deep_cases_exceed_the_sizes_that_the_small_ones_end_at_all_at_once(cell):
    case = DEEP[cell]
    assert case.size > 32
    assert case.model.hidden_size > 64
    assert case.model.num_layers >= 4
    assert case.steps > 20 or cell == "mlp"


def test_twenty_classes_are_met_in_every_cell():
    classes = {c.model.cell: c.model.output_size for c in EVERY_CASE if c.model.loss == "cross_entropy"}
    assert classes == dict.fromkeys(CELLS, 20)


def test_every_readout_and_loss_is_met():
    assert {case.model.readout for case in EVERY_CASE} == set(READOUTS)
    assert {case.model.loss for case in EVERY_CASE} == set(LOSSES)


@pytest.mark.parametrize("cell", GATES)
def test_long_cases_are_beyond_the_sizes_at_which_kernels_change(cell):
    case, gates = LONG[cell], GATES[cell]
    H = case.model.hidden_size
    assert case.size <= 32  # numpy and torch have other products for more examples: those are in DEEP
    assert case.size * gates * H**2 > 2**21  # fewest multiplications of oneDNN's products; numpy's are 100^3
    assert case.size * H**2 > 2**13  # most for which torch runs its fused kernel when asked for state gradients
    assert case.steps * case.size * gates * H > 2**21  # numbers in a block of torch's steps


def test_schedules_and_stacks_reach_beyond_sixteen_steps_and_nine_networks():
    assert max(k1 for _, (k1, _) in features.TRUNCATED) > 8
    assert {case.model.readout for case, (_, k2) in features.TRUNCATED if 16 < k2 < case.steps} == {"last", "all"}
    assert max(n for case, n in features.CHECKPOINTED if n < case.steps) > 16
    assert features.STACK >= 12


@pytest.mark.parametrize("cell", CELLS)
def test_stacks_are_computed_in_parts_and_whole(cell):
    model = features.STACKED[cell].model
    largest = GATES.get(cell, 1) * model.hidden_size**2 * features.STACK
    assert (largest >= 2 * 2**15) == (cell != "gru")  # numpy's smallest part


@pytest.mark.parametrize("case", EVERY_CASE, ids=str)
def test_no_direction_is_blind(case):
    """The products of a right backend's gradients are at least LEAST of their norms, on which the bounds rely."""
    network = ReferenceBackend().build(case.model, case.parameters(COMMON), dtype="float64")
    gradients = network.backward(network.forward(network.put(case.batch(COMMON)), states=True))
    for name, gradient in gradients.parameters.items():
        found = products(case, name, gradient)
        assert np.sqrt(np.mean(found**2)) >= LEAST * np.linalg.norm(gradient), name
    for kind in kinds_of(case):
        v, of_layer = directions(case, kind), {}
        for states in picked(case):
            for example, state in enumerate(states):
                gradient = getattr(gradients, kind)[*state, example]
                of_layer.setdefault(state[-1], []).append(v[state] @ gradient / np.linalg.norm(gradient))
        assert of_layer.keys() == set(range(case.model.num_layers))
        for layer, found in of_layer.items():
            assert np.sqrt(np.mean(np.square(found))) >= LEAST, (kind, layer)
