"""RNN, LSTM and GRU of ONNX as networks of this suite: the same states, or what it is that no model can express."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from gradsuite.backend import Backend, Batch
from gradsuite.cells import find
from gradsuite.comparator import compare
from gradsuite.model import Model, parameter_shapes
from gradsuite.parameters import Parameters

from tests.plugins.conftest import load

CELLS = {"RNN": "rnn", "LSTM": "lstm", "GRU": "gru"}
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
# For each gate of a cell's order, i f g o, f g o and r z n, its place in that of ONNX, i o f c and z r h. The gate f of
# `coupled` is 1 - i, which is i with its weights negated.
PLACES = {"rnn": (0,), "lstm": (0, 2, 3, 1), "peephole": (0, 2, 3, 1), "coupled": (0, 3, 1), "gru": (1, 0, 2)}
PEEPHOLES = (0, 2, 1)  # likewise for what i, f and o see of the cell state: i, o and f
DIRECTIONS = {"forward": [0], "reverse": [1], "bidirectional": [0, 1]}  # as a bidirectional model counts them
# ONNX's functions for the gates and states of one direction; the first ones are the default.
ACTIVATIONS = {
    "RNN": {("Tanh",): "tanh", ("Relu",): "relu"},
    "LSTM": {("Sigmoid", "Tanh", "Tanh"): "tanh"},
    "GRU": {("Sigmoid", "Tanh"): "tanh"},
}
# How far apart two forward passes in float32 may be, by the norm of all states: 34 roundings of u = 6e-8. A step rounds
# sums of up to 54 terms (34 of two directions below, 17 states, two biases and a peephole) and ten operations on them,
# off by two units each: at random sqrt(54 + 4 * 10) u. Earlier steps' errors come back through matrices U(+-1/sqrt(H)),
# of spectral radius 1/sqrt(3), which makes it sqrt(1 / (1 - 1/3)) times as much. With three layers, and two passes that
# round differently, it is sqrt(3 * 2) as much again: 29 u. In 6000 random networks it was 18 u at most; any other order
# of gates is off by 1e-2 or more.
BOUND = 2e-6
# Names of the operators' documentation that are heeded below; any other that a node uses is a limit.
HEEDED = {
    *("activations", "activation_alpha", "activation_beta", "direction", "hidden_size", "input_forget", "layout"),
    *("linear_before_reset", "X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P", "Y", "Y_h", "Y_c"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: its attributes, arrays and the outputs asked for, by the names of its documentation."""

    operator: str
    attributes: Mapping[str, Any]
    inputs: Mapping[str, np.ndarray]
    outputs: tuple[str, ...]

    @property
    def cell(self) -> str:
        """The model's name for it: an LSTM is one of three."""
        if self.attributes.get("input_forget"):
            return "coupled"
        return "peephole" if np.any(self.inputs.get("P", 0)) else CELLS[self.operator]

    @property
    def hidden(self) -> int:
        """How many units each direction has."""
        return self.inputs["R"].shape[-1]

    @property
    def directions(self) -> list[int]:
        """Those of a bidirectional model that it has."""
        return DIRECTIONS[self.attributes["direction"]]

    @property
    def activation(self) -> str | None:
        """The model's name for the activations of every direction, or None if it has none."""
        named = ACTIVATIONS[self.operator]
        default = next(iter(named))
        every = iter(self.attributes.get("activations", default * len(self.directions)))
        found = {named.get(tuple(next(every) for _ in default)) for _ in self.directions}
        return found.pop() if len(found) == 1 else None

    @property
    def biases(self) -> list[np.ndarray]:
        """The biases of the inputs and of the states, (directions, G H) each, in ONNX's order."""
        directions, rows, _ = self.inputs["W"].shape
        return np.split(self.inputs.get("B", np.zeros((directions, 2 * rows))), 2, axis=1)

    @property
    def state(self) -> list[np.ndarray | None]:
        """The states before the first step, (directions, B, H) each, or None for zeros."""
        given = [self.inputs.get(name) for name in ("initial_h", "initial_c")]
        return [array.swapaxes(0, 1) if array is not None and self.attributes["layout"] else array for array in given]

    def parameters(self, place: int) -> Parameters:
        """Return those of the direction at this place of its arrays, in the order and by the names of the cell."""
        arrays = {"weight_ih": self.inputs["W"], "weight_hh": self.inputs["R"]}
        arrays |= dict(zip(("bias_ih", "bias_hh"), self.biases, strict=True))
        found = {name: _ordered(array[place], PLACES[self.cell], self.hidden) for name, array in arrays.items()}
        if self.cell == "peephole":
            found["weight_ch"] = _ordered(self.inputs["P"][place], PEEPHOLES, self.hidden)
        if self.cell == "coupled":
            for array in found.values():
                array[: self.hidden] *= -1
        return found


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
        node.op_type,
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
    if node.cell == "gru" and not attributes["linear_before_reset"] and _place_matters(node, steps):
        yield "linear_before_reset=0"
    if node.cell == "coupled" and np.any(inputs.get("P", 0)):
        yield "P"
    if not np.all(inputs.get("sequence_lens", steps)):
        yield "sequence_lens=0"


def _place_matters(node: Node, steps: int) -> bool:
    """Return whether it matters if the reset gate comes before the product with the states or after it.

    It does to the states' bias; and to the product unless the states are zero, which they are before the first step if
    not given, or all units' gates are the same number, because their weights are.
    """
    carried = steps > 1 or np.any(node.inputs.get("initial_h", 0))
    arrays = (node.inputs["W"], node.inputs["R"], *node.biases)
    differ = any(np.ptp(np.split(array, 3, axis=1)[1], axis=1).any() for array in arrays)  # of z r h
    return bool(node.biases[1].any() or (carried and differ))


def backend_of(nodes: Sequence[Node]) -> Backend:
    """Return NumPy's backend, or PyTorch's where the cell is none that is written by hand."""
    return load("numpy" if nodes[0].cell in CELLS.values() else "torch")


def states(backend: Backend, nodes: Sequence[Node]) -> dict[str, np.ndarray]:
    """Return those of Y, Y_h and Y_c that the top node is asked for, as a backend finds them, whatever the limits.

    Y are the outputs of a readout that is the identity. Y_h and Y_c are the last states of a network that is given
    some, and otherwise Y_h are the outputs of one without readout.
    """
    top, found = nodes[-1], {}
    hidden, directions = top.hidden, top.directions if _backward(nodes) else [0]
    outputs, last = _outputs(backend, nodes, "all" if "Y" in top.outputs else "none")
    if "Y" in top.outputs:
        every = outputs.reshape(*outputs.shape[:2], -1, hidden)[:, :, directions].swapaxes(1, 2)  # (T, D, B, H)
        found["Y"] = every.transpose(2, 0, 1, 3) if top.attributes["layout"] else every
    if not carries(nodes) and "Y_h" in top.outputs:
        outputs, _ = _outputs(backend, nodes, "none")
        last = (outputs.reshape(len(outputs), -1, hidden).swapaxes(0, 1),)
    for name, state in zip(("Y_h", "Y_c"), last, strict=False):
        if name in top.outputs:
            of_top = state[-2 if _backward(nodes) else -1 :][directions]
            found[name] = of_top.swapaxes(0, 1) if top.attributes["layout"] else of_top
    return found


def _outputs(backend: Backend, nodes: Sequence[Node], readout: str) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return the outputs of the forward pass of the network with this readout, and the last states if it carries."""
    model, parameters, batch = express(nodes, readout)
    network = backend.build(model, parameters, dtype=batch.inputs.dtype.name)
    tape = network.forward(network.put(batch))
    return network.fetch(tape.outputs), tuple(map(network.fetch, tape.last_state or ()))


def carries(nodes: Sequence[Node]) -> bool:
    """Return whether the network is given states: some that are not zero, or zeros, to be asked for the last ones."""
    return "Y_c" in nodes[-1].outputs or any(
        np.any(array) for node in nodes for array in node.state if array is not None
    )


def express(nodes: Sequence[Node], readout: str) -> tuple[Model, Parameters, Batch]:
    """Return the network with this readout and what it reads, whatever the limits.

    If some node reads backward, all layers have both directions. One that a node has not is a layer whose parameters
    and first states are zero, and so all states of it are.
    """
    ((cell, hidden),) = {(node.cell, node.hidden) for node in nodes}
    inputs, bidirectional = _sequence(nodes), _backward(nodes)
    width = hidden * (1 + bidirectional)
    model = Model(
        cell=cell,
        input_size=inputs.shape[-1],
        hidden_size=hidden,
        output_size=0 if readout == "none" else width,
        num_layers=len(nodes),
        activation=nodes[0].activation or "tanh",
        readout=readout,
        bidirectional=bidirectional,
    )
    parameters = _parameters(model, nodes)
    if readout != "none":
        parameters |= {"readout.weight": np.eye(width), "readout.bias": np.zeros(width)}
    lengths = nodes[0].inputs.get("sequence_lens")
    batch = Batch(
        inputs,
        np.zeros(model.targets_shape(inputs.shape)),
        lengths=None if lengths is None or np.all(lengths == len(inputs)) else np.maximum(lengths, 1),
        state=_state(model, nodes) if carries(nodes) else None,
    )
    return model, parameters, batch


def _sequence(nodes: Sequence[Node]) -> np.ndarray:
    """Return what the lowest node reads, as (T, B, I)."""
    inputs = nodes[0].inputs["X"]
    return inputs.swapaxes(0, 1) if nodes[0].attributes["layout"] else inputs


def _backward(nodes: Sequence[Node]) -> bool:
    return any(1 in node.directions for node in nodes)


def _parameters(model: Model, nodes: Sequence[Node]) -> Parameters:
    """Return the layers' parameters, with zeros for the directions that a node, or the one below it, has not."""
    parameters = {name: np.zeros(shape) for name, shape in parameter_shapes(model).items()}
    for layer, node in enumerate(nodes):
        for place, direction in enumerate(node.directions):
            for name, array in node.parameters(place).items():
                into = parameters[find(model.cell).name_of(name, layer, reverse=direction == 1)]
                if layer and name == "weight_ih":
                    halves = into.reshape(len(into), model.directions, node.hidden)
                    halves[:, nodes[layer - 1].directions] = array.reshape(len(into), -1, node.hidden)
                else:
                    into[:] = array
    return parameters


def _state(model: Model, nodes: Sequence[Node]) -> tuple[np.ndarray, ...]:
    """Return the states before the first step, zeros where a node is given none."""
    shape = model.states_shape(_sequence(nodes).shape)[1:]
    state = tuple(np.zeros(shape) for _ in find(model.cell).states)
    for layer, node in enumerate(nodes):
        for whole, array in zip(state, node.state, strict=False):
            if array is not None:
                whole[[model.directions * layer + direction for direction in node.directions]] = array
    return state


def _ordered(rows: np.ndarray, places: Sequence[int], hidden: int) -> np.ndarray:
    """Return an array whose blocks of rows, one for each unit, are those of these places."""
    return np.concatenate(rows.reshape(-1, hidden, *rows.shape[1:])[[*places]])


def swapped(node: Node, places: Sequence[int]) -> Node:
    """Return the node with its gates, in the order of ONNX, taken from these places: a reader's mistake."""
    arrays = {"W": node.inputs["W"], "R": node.inputs["R"], "B": np.stack(node.biases, axis=-1)}
    wrong = {name: np.stack([_ordered(rows, places, node.hidden) for rows in array]) for name, array in arrays.items()}
    wrong["B"] = np.concatenate(np.moveaxis(wrong["B"], -1, 0), axis=1)
    return replace(node, inputs={**node.inputs, **wrong})


def error(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """Return the largest relative error of the outputs expected; infinite if one of them is not there."""
    missing = np.empty(0)
    return max(compare(found.get(name, missing), array, dtype=array.dtype).error for name, array in expected.items())
