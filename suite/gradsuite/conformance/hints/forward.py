"""Outputs that are right for another network than the one asked for: the oracle runs what each mistake would be."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np

from gradsuite.backend import Batch
from gradsuite.cells import find
from gradsuite.comparator import compare
from gradsuite.conformance.hints.evidence import Evidence
from gradsuite.conformance.hints.order import gates_of, moved, reordered
from gradsuite.model import GATES, Model
from gradsuite.oracle import evaluate
from gradsuite.oracle.forward import affine, sigmoid

Parameters = Mapping[str, np.ndarray]


def another_network(case: Evidence) -> Iterator[str]:
    """Yield the mistakes that give exactly the outputs that came back."""
    asked = case.plain
    if asked is None or "outputs" not in case.wrong:
        return
    found, limit = case.value("outputs"), case.findings["outputs"].bound
    parameters, batch = asked.parameters(case.dtype), asked.batch(case.dtype)
    for text, y in _mistakes(case, asked.model, parameters, batch):
        if compare(y, found).within(limit):
            yield text


def _mistakes(case: Evidence, model: Model, parameters: Parameters, batch: Batch) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each mistake with its outputs."""
    yield from _orders(gates_of(case), model, parameters, batch)
    for left_out in ("bias_ih", "bias_hh", "readout.bias", "bias"):
        without = {name: 0 * p if left_out in name else p for name, p in parameters.items()}
        yield (
            f"right without {'any bias: they are' if left_out == 'bias' else f'{left_out}: it is'} left out",
            _run(model, without, batch),
        )
    for activation in find(model.cell).activations:
        other = replace(model, activation=activation)
        yield f"right for activation {activation} instead of {model.activation}", _run(other, parameters, batch)
    if model.recurrent:
        yield "right for inputs reversed in time", _run(model, parameters, batch, batch.inputs[::-1])
    if model.cell in GATES:
        gates = GATES[model.cell]
        across = {
            name: np.concatenate([w.T for w in np.split(p, gates)]) if "weight_hh" in name else p
            for name, p in parameters.items()
        }
        yield "right for weight_hh transposed: it is h W_hh^T, not h W_hh", _run(model, across, batch)
    if model.cell == "gru":
        yield (
            "right if the reset gate multiplies h before the product with W_hn (Cho et al.), not after it (PyTorch)",
            _reset_before(model, parameters, batch.inputs),
        )
    yield (
        "right for the sequences of the batch in reverse order",
        _run(model, parameters, batch, np.flip(batch.inputs, -2)),
    )


def _orders(letters: str, model: Model, parameters: Parameters, batch: Batch) -> Iterator[tuple[str, np.ndarray]]:
    for order in list(permutations(range(len(letters))))[1:]:
        # What the backend takes for gate k is block order[k].
        other = {n: reordered(p, order) if n.startswith(("weight", "bias")) else p for n, p in parameters.items()}
        read = " ".join(letters[k] for k in np.argsort(order))
        how = moved(letters, order)
        swapped = f"with {how}: the backend reads them" if "swapped" in how else "if the backend reads the gates"
        yield f"right {swapped} in the order {read}, not {' '.join(letters)}", _run(model, other, batch)


def _run(model: Model, parameters: Parameters, batch: Batch, inputs: np.ndarray | None = None) -> np.ndarray:
    given = batch if inputs is None else replace(batch, inputs=inputs)
    y: np.ndarray = evaluate(model, parameters, given)[1].real
    return y


def _reset_before(model: Model, parameters: Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return the outputs of a GRU with n = tanh(W_in x + b_in + W_hn (r h) + b_hn)."""
    sequence = list(inputs)
    for layer in range(model.num_layers):
        w_ih, w_hh, b_ih, b_hh = (
            parameters[f"{kind}_l{layer}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h, states = np.zeros((inputs.shape[1], model.hidden_size)), []
        for x in sequence:
            (xr, xz, xn), (hr, hz, _) = (np.split(a, 3, -1) for a in (affine(x, w_ih, b_ih), affine(h, w_hh, b_hh)))
            r, z = sigmoid(xr + hr), sigmoid(xz + hz)
            n = np.tanh(xn + np.split(affine(r * h, w_hh, b_hh), 3, -1)[2])
            h = (1 - z) * n + z * h
            states.append(h)
        sequence = states
    h = np.stack(sequence) if model.readout == "all" else sequence[-1]
    return h if model.readout == "none" else affine(h, parameters["readout.weight"], parameters["readout.bias"])
