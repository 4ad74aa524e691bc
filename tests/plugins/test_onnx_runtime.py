"""Random networks through ONNX Runtime: the same states in float32, and other ones as soon as gates are swapped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from gradsuite_numpy.backend import NumpyBackend
from onnx import helper, numpy_helper

from tests.plugins.conftest import load
from tests.plugins.onnx_nodes import (
    BOUND,
    DIRECTIONS,
    GATES,
    Node,
    backend_of,
    carries,
    error,
    limits,
    read,
    states,
    swapped,
)

SEEDS, EQUATIONS = range(100), range(120, 144)  # of KINDS and BY_EQUATIONS, which have their turns
# An operator, its attributes, and what it reads besides its inputs, weights and biases.
Kind = tuple[str, dict[str, Any], tuple[str, ...]]
KINDS: list[Kind] = [
    ("RNN", {"activations": ["Tanh"]}, ()),
    ("RNN", {"activations": ["Relu"]}, ()),
    ("LSTM", {}, ()),
    ("GRU", {"linear_before_reset": 1}, ()),
]
BY_EQUATIONS: list[Kind] = [("LSTM", {}, ("P",)), ("LSTM", {"input_forget": 1}, ())]
Answers = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Design:
    """What a random network is of: each combination has its turn, and 48 seeds, or 24 of two kinds, have them all."""

    operator: str
    attributes: Mapping[str, Any]
    more: tuple[str, ...]
    direction: str
    ragged: bool
    carried: bool


def design(seed: int) -> Design:
    """Return the seed's: of the KINDS below 100, and BY_EQUATIONS from there."""
    kinds = KINDS if seed in SEEDS else BY_EQUATIONS
    rest, kind = divmod(seed, len(kinds))
    rest, direction = divmod(rest, len(DIRECTIONS))
    carried, ragged = divmod(rest, 2)
    return Design(*kinds[kind], [*DIRECTIONS][direction], ragged == 1, carried % 2 == 1)


GATED = [seed for seed in SEEDS if design(seed).operator != "RNN"]


def graph(rng, operator, attributes, sizes, *, layers=1, more=(), extra=None, outputs=("Y", "Y_h")):
    """Return layers that read X0, (T, B, I), each array of theirs U(+-1/sqrt(H)) as torch.nn's, but for `extra`."""
    _, size, width, hidden = sizes
    schema = onnx.defs.get_schema(operator)
    directions, rows = len(DIRECTIONS[attributes.get("direction", "forward")]), GATES[operator] * hidden
    nodes, constants = [], {}
    for layer in range(layers):
        if layer:  # (T, directions, B, H) becomes (T, B, directions H)
            constants["whole"] = np.array([0, 0, -1])
            nodes.append(helper.make_node("Transpose", [f"Y{layer - 1}"], [f"Z{layer}"], perm=[0, 2, 1, 3]))
            nodes.append(helper.make_node("Reshape", [f"Z{layer}", "whole"], [f"X{layer}"]))
        shapes = {"W": (rows, directions * hidden if layer else width), "R": (rows, hidden), "B": (2 * rows,)}
        shapes |= {"P": (3 * hidden,)} | dict.fromkeys(("initial_h", "initial_c"), (size, hidden))
        arrays = {
            name: rng.uniform(-1, 1, (directions, *shape)) / np.sqrt(hidden)
            for name, shape in shapes.items()
            if name in {"W", "R", "B", *more}
        }
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
    """Return the nodes of a random network of up to three layers, and ONNX Runtime's Y, Y_h and Y_c."""
    rng, one = np.random.default_rng(seed), design(seed)
    sizes = rng.integers([3 if one.ragged else 1, 1, 1, 2], [20, 8, 9, 17], endpoint=True).tolist()
    steps, size, *_ = sizes
    kinds, extra = "hc" if one.operator == "LSTM" else "h", {}
    more = [*one.more, *(f"initial_{kind}" for kind in kinds if one.carried)]
    outputs = ["Y", *(f"Y_{kind}" for kind in (kinds if one.carried else "h"))]
    if one.ragged:
        lengths = rng.integers(1, steps, size, endpoint=True)
        lengths[0] = rng.integers(2, steps)  # which can be shorter by a step, and longer
        extra["sequence_lens"] = lengths.astype(np.int32)
    attributes = {**one.attributes, "direction": one.direction}
    if one.operator == "RNN":
        attributes["activations"] = one.attributes["activations"] * len(DIRECTIONS[one.direction])
    layers = int(rng.integers(1, 4))
    whole = graph(rng, one.operator, attributes, sizes, layers=layers, more=more, extra=extra, outputs=outputs)
    return answer(rng, whole)


@pytest.mark.parametrize("seed", SEEDS)
def test_states_are_those_of_onnx_runtime(eager, seed):
    nodes, expected = random_case(seed)
    assert limits(nodes) == ()
    assert error(states(eager, nodes), expected) <= BOUND


@pytest.mark.parametrize("seed", SEEDS[::11])  # two or three of each kind
def test_states_of_a_tenth_are_those_of_onnx_runtime(compiling, seed):
    (*lower, top), expected = random_case(seed)
    if not carries([*lower, top]):
        top = replace(top, outputs=("Y",))  # Y_h would need a second program
    found = states(compiling, [*lower, top])
    assert error(found, {name: expected[name] for name in top.outputs}) <= BOUND


@pytest.mark.parametrize("seed", EQUATIONS)
def test_states_of_cells_by_equations_are_those_of_onnx_runtime(seed):
    """Peepholes and coupled gates, in the order in which ONNX Runtime has them."""
    nodes, expected = random_case(seed)
    assert limits(nodes) == ()
    assert nodes[0].cell in ("peephole", "coupled")
    assert error(states(load("torch"), nodes), expected) <= BOUND


def test_every_combination_has_its_turn():
    for seeds, kinds in ((SEEDS, KINDS), (EQUATIONS, BY_EQUATIONS)):
        assert len({str(design(seed)) for seed in seeds}) == len(kinds) * len(DIRECTIONS) * 4


@pytest.mark.parametrize("seed", GATED)
def test_swapped_gates_are_noticed(seed):
    """Every order of the gates but the right one has its turn."""
    nodes, expected = random_case(seed)
    _, *wrong = permutations(range(GATES[nodes[0].operator]))
    places = wrong[seed // len(KINDS) % len(wrong)]
    assert 1000 * BOUND < error(states(NumpyBackend(), [swapped(node, places) for node in nodes]), expected) < np.inf


def exchanged(node):
    """Return a node whose reset gate reaches the bias of the inputs instead of the states'."""
    return replace(node, inputs={**node.inputs, "B": np.concatenate(node.biases[::-1], axis=1)})


def halved(node):
    """Return a node whose weights are numbers of half precision."""
    weights = {name: node.inputs[name].astype(np.float16).astype(np.float32) for name in ("W", "R")}
    return replace(node, inputs={**node.inputs, **weights})


def shorter(node):
    """Return a node whose sequences end a step too early."""
    return replace(node, inputs={**node.inputs, "sequence_lens": np.maximum(node.inputs["sequence_lens"] - 1, 1)})


def without(name):
    def left_out(node):
        return replace(node, inputs={other: array for other, array in node.inputs.items() if other != name})

    return left_out


def turned(node):
    """Return a node that reads from the other end, or with each direction's arrays in the other one."""
    if node.attributes["direction"] != "bidirectional":
        other = "reverse" if node.attributes["direction"] == "forward" else "forward"
        return replace(node, attributes={**node.attributes, "direction": other})
    arrays = {name: array[::-1] for name, array in node.inputs.items() if name in {"W", "R", "B", "P"}}
    return replace(node, inputs={**node.inputs, **arrays})


def crossed(node):
    """Return a node whose peepholes are read in the order of the cell."""
    P = np.stack([np.concatenate(np.split(array, 3)[::2] + np.split(array, 3)[1:2]) for array in node.inputs["P"]])
    return replace(node, inputs={**node.inputs, "P": P})


def chosen(seeds, **wanted):
    return [seed for seed in seeds if all(getattr(design(seed), name) == value for name, value in wanted.items())]


BOTH = [*SEEDS, *EQUATIONS]
SMALLER = [
    *((seed, exchanged) for seed in GATED[1::2]),
    *((seed, halved) for seed in SEEDS[:12]),
    *((seed, shorter) for seed in chosen(BOTH, ragged=True)[::3]),
    *((seed, without("sequence_lens")) for seed in chosen(BOTH, ragged=True)[1::3]),
    *((seed, without("initial_h")) for seed in chosen(BOTH, carried=True)[::3]),
    *((seed, without("initial_c")) for seed in chosen(BOTH, carried=True, operator="LSTM")[::2]),
    *((seed, turned) for seed in BOTH[::4]),
    *((seed, crossed) for seed in chosen(EQUATIONS, more=("P",))),
]


@pytest.mark.parametrize(("seed", "fault"), SMALLER)
def test_smaller_faults_are_noticed(seed, fault):
    nodes, expected = random_case(seed)
    wrong = [fault(node) for node in nodes]
    assert BOUND < error(states(backend_of(wrong), wrong), expected) < np.inf


T, B, H = 4, 3, 5
# By limit, a node that has this one alone.
LIMITED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "P": ("LSTM", {"input_forget": 1}, {"more": ("P",)}),
    "activations=Sigmoid": ("RNN", {"activations": ["Sigmoid"]}, {}),
    "activations=Tanh,Relu": ("RNN", {"activations": ["Tanh", "Relu"], "direction": "bidirectional"}, {}),
    "clip": ("RNN", {"clip": 0.1}, {}),
    "linear_before_reset=0": ("GRU", {}, {}),
    "sequence_lens=0": ("RNN", {}, {"extra": {"sequence_lens": np.array([T, 0, 2], np.int32)}}),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_limits_are_seen_and_make_a_difference(limit):
    operator, attributes, rest = LIMITED[limit]
    rng = np.random.default_rng(0)
    nodes, expected = answer(rng, graph(rng, operator, attributes, (T, B, 2, H), **rest))
    assert limits(nodes) == (limit,)
    assert BOUND < error(states(backend_of(nodes), nodes), expected) < np.inf


ONES = {"W": np.ones((1, 3 * H, 2), np.float32), "R": np.ones((1, 3 * H, H), np.float32)}
NO_BIAS = {"B": np.zeros((1, 6 * H), np.float32)}


@pytest.mark.parametrize(
    ("steps", "given"),
    [(1, {}), (1, {"more": ("initial_h",), "extra": NO_BIAS}), (T, {"extra": ONES})],
    ids=["bias at the first step", "state at the first step", "bias where all units are alike"],
)
def test_the_place_of_the_reset_gate_makes_a_difference(steps, given):
    rng = np.random.default_rng(0)
    nodes, expected = answer(rng, graph(rng, "GRU", {}, (steps, B, 2, H), **given))
    assert limits(nodes) == ("linear_before_reset=0",)
    assert BOUND < error(states(NumpyBackend(), nodes), expected) < np.inf


@pytest.mark.parametrize(("steps", "extra"), [(1, NO_BIAS), (T, NO_BIAS | ONES)])
def test_the_place_of_the_reset_gate_makes_none(steps, extra):
    """If the states are zero, or all units have the same gate."""
    rng = np.random.default_rng(0)
    nodes, expected = answer(rng, graph(rng, "GRU", {}, (steps, B, 2, H), extra=extra))
    assert limits(nodes) == ()
    assert error(states(NumpyBackend(), nodes), expected) <= BOUND
