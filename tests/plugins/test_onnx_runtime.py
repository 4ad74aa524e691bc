"""Random networks through ONNX Runtime: the same states in float32, and other ones as soon as gates are swapped."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from gradsuite_numpy.backend import NumpyBackend
from onnx import helper, numpy_helper

from tests.plugins.onnx_nodes import BOUND, CELLS, PLACES, Node, error, limits, read, states, swapped

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {"activations": ["Tanh"]}),
    ("RNN", {"activations": ["Relu"]}),
    ("LSTM", {}),
    ("GRU", {"linear_before_reset": 1}),
]
SEEDS = range(100)  # the kinds in turn
GATED = [seed for seed in SEEDS if KINDS[seed % len(KINDS)][0] in ("LSTM", "GRU")]
Answers = Mapping[str, np.ndarray]


def graph(rng, kind, sizes, *, layers=1, extra=None, outputs=("Y", "Y_h")):
    """Return layers that read X0, (T, B, I), each array of theirs U(+-1/sqrt(H)) as torch.nn's, but for `extra`."""
    (operator, attributes), (*_, width, hidden) = kind, sizes
    schema = onnx.defs.get_schema(operator)
    directions, rows = 1 + (attributes.get("direction") == "bidirectional"), len(PLACES[CELLS[operator]]) * hidden
    nodes, constants = [], {}
    for layer in range(layers):
        if layer:
            constants["axes"] = np.array([1])  # of the directions, which a layer's outputs have and its inputs have not
            nodes.append(helper.make_node("Squeeze", [f"Y{layer - 1}", "axes"], [f"X{layer}"]))
        shapes = {"W": (rows, hidden if layer else width), "R": (rows, hidden), "B": (2 * rows,)}
        arrays = {name: rng.uniform(-1, 1, (directions, *shape)) / np.sqrt(hidden) for name, shape in shapes.items()}
        arrays = {name: array.astype(np.float32) for name, array in arrays.items()} | (extra or {})
        constants |= {f"{name}{layer}": array for name, array in arrays.items()}
        read_from = [f"{formal.name}{layer}" if formal.name in {"X", *arrays} else "" for formal in schema.inputs]
        written_to = [f"{formal.name}{layer}" if formal.name in outputs else "" for formal in schema.outputs]
        nodes.append(helper.make_node(operator, read_from, written_to, hidden_size=hidden, **attributes))
    inputs = [helper.make_tensor_value_info("X0", onnx.TensorProto.FLOAT, sizes[:3])]
    asked = [helper.make_tensor_value_info(f"{name}{layers - 1}", onnx.TensorProto.FLOAT, None) for name in outputs]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    whole = helper.make_graph(nodes, "layers", inputs, asked, tensors)
    return helper.make_model_gen_version(whole, opset_imports=[helper.make_opsetid("", 14)])


def answer(rng, model) -> tuple[list[Node], Answers]:
    """Return the graph's nodes, and what ONNX Runtime gives for random inputs."""
    (value,) = model.graph.input
    inputs = rng.standard_normal([axis.dim_value for axis in value.type.tensor_type.shape.dim], np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    nodes = read(model, [inputs])
    return nodes, dict(zip(nodes[-1].outputs, session.run(None, {value.name: inputs}), strict=True))


@cache
def random_case(seed: int) -> tuple[Sequence[Node], Answers]:
    """Return the nodes of a random network of up to three layers, and ONNX Runtime's Y and Y_h."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers([1, 1, 1, 2], [20, 8, 9, 17], endpoint=True).tolist()
    return answer(rng, graph(rng, KINDS[seed % len(KINDS)], sizes, layers=int(rng.integers(1, 4))))


@pytest.mark.parametrize("seed", SEEDS)
def test_states_are_those_of_onnx_runtime(eager, seed):
    nodes, expected = random_case(seed)
    assert limits(nodes) == ()
    assert error(states(eager, nodes), expected) <= BOUND


@pytest.mark.parametrize("seed", SEEDS[::11])  # two or three of each kind
def test_states_of_a_tenth_are_those_of_onnx_runtime(compiling, seed):
    (*lower, top), expected = random_case(seed)
    found = states(compiling, [*lower, replace(top, outputs=("Y",))])  # in one program; Y_h would need another
    assert error(found, {"Y": expected["Y"]}) <= BOUND


@pytest.mark.parametrize("seed", GATED)
def test_swapped_gates_are_noticed(seed):
    """Every order of the gates but the right one has its turn."""
    nodes, expected = random_case(seed)
    _, *wrong = permutations(range(len(PLACES[nodes[0].cell])))
    places = wrong[seed // len(KINDS) % len(wrong)]
    assert error(states(NumpyBackend(), [swapped(node, places) for node in nodes]), expected) > 1000 * BOUND


def exchanged(node):
    """Return a node whose reset gate reaches the bias of the inputs instead of the states'."""
    return replace(node, inputs={**node.inputs, "B": np.concatenate(node.biases[::-1])[None]})


def halved(node):
    """Return a node whose weights are numbers of half precision."""
    weights = {name: node.inputs[name].astype(np.float16).astype(np.float32) for name in ("W", "R")}
    return replace(node, inputs={**node.inputs, **weights})


SMALLER = [*((seed, exchanged) for seed in GATED[1::2]), *((seed, halved) for seed in SEEDS[:12])]


@pytest.mark.parametrize(("seed", "fault"), SMALLER)
def test_smaller_faults_are_noticed(seed, fault):
    nodes, expected = random_case(seed)
    assert error(states(NumpyBackend(), [fault(node) for node in nodes]), expected) > BOUND


T, B, H = 4, 3, 5
STATE = np.ones((1, B, H), np.float32)
# By limit, a node that has this one alone.
LIMITED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "P": ("LSTM", {}, {"extra": {"P": np.ones((1, 3 * H), np.float32)}}),
    "Y_c": ("LSTM", {}, {"outputs": ("Y_c",)}),
    "activations=Sigmoid": ("RNN", {"activations": ["Sigmoid"]}, {}),
    "clip": ("RNN", {"clip": 0.1}, {}),
    "direction=bidirectional": ("RNN", {"direction": "bidirectional"}, {}),
    "direction=reverse": ("LSTM", {"direction": "reverse"}, {}),
    "initial_c": ("LSTM", {}, {"extra": {"initial_c": STATE}}),
    "initial_h": ("RNN", {}, {"extra": {"initial_h": STATE}}),
    "input_forget=1": ("LSTM", {"input_forget": 1}, {}),
    "linear_before_reset=0": ("GRU", {}, {}),
    "sequence_lens": ("RNN", {}, {"extra": {"sequence_lens": np.array([T, 1, 2], np.int32)}}),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_limits_are_seen_and_make_a_difference(limit):
    operator, attributes, rest = LIMITED[limit]
    rng = np.random.default_rng(0)
    nodes, expected = answer(rng, graph(rng, (operator, attributes), (T, B, 2, H), **rest))
    assert limits(nodes) == (limit,)
    assert error(states(NumpyBackend(), nodes), expected) > BOUND
