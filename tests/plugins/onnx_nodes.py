"""RNN, LSTM and GRU of ONNX as networks of this suite: the same states, or what it is that no model can express."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from gradsuite.backend import Backend, Batch
from gradsuite.comparator import compare
from gradsuite.model import Model
from gradsuite.parameters import Parameters

CELLS = {"RNN": "rnn", "LSTM": "lstm", "GRU": "gru"}
# For each gate of PyTorch's order, i f g o and r z n, its place in that of ONNX, i o f c and z r h.
PLACES = {"rnn": (0,), "lstm": (0, 2, 3, 1), "gru": (1, 0, 2)}
# ONNX's functions for the gates and states of one direction; the first ones are the default.
ACTIVATIONS = {
    "rnn": {("Tanh",): "tanh", ("Relu",): "relu"},
    "lstm": {("Sigmoid", "Tanh", "Tanh"): "tanh"},
    "gru": {("Sigmoid", "Tanh"): "tanh"},
}
# How far apart two forward passes in float32 may be, by the norm of all states: 34 roundings of u = 6e-8. A step rounds
# sums of up to 36 terms (17 + 17 + 2) and ten operations on them, off by two units each: at random sqrt(36 + 4 * 10) u.
# Earlier steps' errors come back through matrices U(+-1/sqrt(H)), of spectral radius 1/sqrt(3), which makes it
# sqrt(1 / (1 - 1/3)) times as much. With three layers, and two passes that round differently, it is sqrt(3 * 2) as much
# again: 26 u. In 3000 random networks it was 18 u at most; any other order of gates is off by 1e-2 or more.
BOUND = 2e-6
# Names of the operators' documentation that are heeded below; any other that a node uses is a limit.
HEEDED = {
    *("activations", "activation_alpha", "activation_beta", "direction", "hidden_size", "input_forget", "layout"),
    *("linear_before_reset", "X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P", "Y", "Y_h"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: its attributes, arrays and the outputs asked for, by the names of its documentation."""

    cell: str
    attributes: Mapping[str, Any]
    inputs: Mapping[str, np.ndarray]
    outputs: tuple[str, ...]

    @property
    def activation(self) -> str | None:
        """The model's name for the activations of the first direction, or None if it has none."""
        named = ACTIVATIONS[self.cell]
        default = next(iter(named))
        return named.get(tuple(self.attributes.get("activations", default)[: len(default)]))

    @property
    def biases(self) -> list[np.ndarray]:
        """The biases of the inputs and of the states, (G H) each, in ONNX's order, of the first direction."""
        both = self.inputs.get("B", np.zeros((1, 2 * self.inputs["W"].shape[1])))
        return np.split(both[0], 2)


def read(model: onnx.ModelProto, inputs: Sequence[np.ndarray]) -> list[Node]:
    """Return the recurrent nodes of a graph from the bottom up, one layer each, for these inputs of the graph."""
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    tensors |= dict(zip((value.name for value in model.graph.input), inputs, strict=True))
    return [_node(node, tensors) for node in model.graph.node if node.op_type in CELLS]


def _node(node: onnx.NodeProto, tensors: Mapping[str, np.ndarray]) -> Node:
    schema = onnx.defs.get_schema(node.op_type)
    defaults = [a.default_value for a in schema.attributes.values() if a.default_value.name]
    arrays = {formal.name: tensors.get(name) for formal, name in zip(schema.inputs, node.input, strict=False)}
    return Node(
        CELLS[node.op_type],
        {attribute.name: _value(attribute) for attribute in (*defaults, *node.attribute)},
        {name: array for name, array in arrays.items() if array is not None},
        tuple(formal.name for formal, name in zip(schema.outputs, node.output, strict=False) if name),
    )


def _value(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [text.decode() for text in value]
    return value.decode() if isinstance(value, bytes) else value


def limits(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return what no model can express of these nodes, in ONNX's words; nothing if they are a network of this suite."""
    steps = len(_sequence(nodes))
    return tuple(sorted({limit for node in nodes for limit in _limits(node, steps)}))


def _limits(node: Node, steps: int) -> Iterator[str]:
    attributes, inputs = node.attributes, node.inputs
    yield from {*attributes, *inputs, *node.outputs} - HEEDED
    if node.activation is None:
        yield f"activations={','.join(attributes['activations'])}"
    if attributes["direction"] != "forward":
        yield f"direction={attributes['direction']}"
    if attributes.get("input_forget"):
        yield "input_forget=1"
    # At the first step, whose state before it is zero, the reset gate's place matters to the state's bias alone.
    if node.cell == "gru" and not attributes["linear_before_reset"] and (steps > 1 or node.biases[1].any()):
        yield "linear_before_reset=0"
    if np.any(inputs.get("sequence_lens", steps) != steps):
        yield "sequence_lens"
    yield from (name for name in ("initial_h", "initial_c", "P") if np.any(inputs.get(name, 0)))


def states(backend: Backend, nodes: Sequence[Node]) -> dict[str, np.ndarray]:
    """Return those of Y and Y_h that the top node is asked for, as a backend finds them, whatever the limits.

    Y are the outputs of a readout that is the identity, Y_h those of a model without readout.
    """
    found, top = {}, nodes[-1]
    if "Y" in top.outputs:
        every = _outputs(backend, nodes, "all")
        found["Y"] = every.swapaxes(0, 1)[:, :, None] if top.attributes["layout"] else every[:, None]
    if "Y_h" in top.outputs:
        last = _outputs(backend, nodes, "none")
        found["Y_h"] = last[:, None] if top.attributes["layout"] else last[None]
    return found


def _outputs(backend: Backend, nodes: Sequence[Node], readout: str) -> np.ndarray:
    """Return what the forward pass of the network with this readout gives."""
    inputs, parameters, hidden = _sequence(nodes), _parameters(nodes), nodes[0].inputs["R"].shape[-1]
    if readout != "none":
        parameters |= {"readout.weight": np.eye(hidden), "readout.bias": np.zeros(hidden)}
    model = Model(
        cell=nodes[0].cell,
        input_size=inputs.shape[-1],
        hidden_size=hidden,
        output_size=0 if readout == "none" else hidden,
        num_layers=len(nodes),
        activation=nodes[0].activation or "tanh",
        readout=readout,
    )
    network = backend.build(model, parameters, dtype=inputs.dtype.name)
    tape = network.forward(network.put(Batch(inputs, np.zeros(model.targets_shape(inputs.shape)))))
    return network.fetch(tape.outputs)


def _sequence(nodes: Sequence[Node]) -> np.ndarray:
    """Return what the lowest node reads, as (T, B, I)."""
    inputs = nodes[0].inputs["X"]
    return inputs.swapaxes(0, 1) if nodes[0].attributes["layout"] else inputs


def _parameters(nodes: Sequence[Node]) -> Parameters:
    """Return the first direction's parameters in PyTorch's order of gates."""
    parameters = {}
    for layer, node in enumerate(nodes):
        blocks = (node.inputs["W"][0], node.inputs["R"][0], *node.biases)
        for role, rows in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), blocks, strict=True):
            parameters[f"{role}_l{layer}"] = _ordered(rows, PLACES[node.cell])
    return parameters


def _ordered(rows: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Return an array whose blocks of rows are those of these places."""
    blocks = np.split(rows, len(places))
    return np.concatenate([blocks[place] for place in places])


def swapped(node: Node, places: Sequence[int]) -> Node:
    """Return the node with its gates, in the order of ONNX, taken from these places: a reader's mistake."""
    bias = [_ordered(rows, places) for rows in node.biases]
    arrays = {name: _ordered(node.inputs[name][0], places)[None] for name in ("W", "R")}
    return replace(node, inputs={**node.inputs, **arrays, "B": np.concatenate(bias)[None]})


def error(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """Return the largest relative error of the outputs expected; infinite if one of them is not there."""
    missing = np.empty(0)
    return max(compare(found.get(name, missing), array, dtype=array.dtype).error for name, array in expected.items())
