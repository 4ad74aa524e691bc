"""Golden vectors: what the oracle finds in long double, rounded to float64. `python -m tests.golden.regenerate`.

Each `.npz` holds a model as JSON, its parameters, inputs and targets, and the loss, outputs and every gradient.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from gradsuite.backend import Batch
from gradsuite.conformance.case import Case
from gradsuite.model import Model
from gradsuite.oracle import Answer, differentiate

HERE = Path(__file__).parent
SUMS = HERE / "SHA256SUMS"
CASES = {
    "mlp-tanh": Case(Model("mlp", 3, 4, 2, 3), 1, 3),
    "mlp-relu": Case(Model("mlp", 3, 4, 3, 2, "relu", loss="cross_entropy"), 1, 3),
    "mlp-sigmoid": Case(Model("mlp", 3, 4, 0, 2, "sigmoid", "none", "inner_product"), 1, 3),
    "rnn-tanh": Case(Model("rnn", 2, 3, 2, 2, readout="all"), 5, 2),
    "rnn-relu": Case(Model("rnn", 2, 3, 0, 1, "relu", "none", "inner_product"), 5, 2),
    "lstm-1": Case(Model("lstm", 2, 3, 3, 1, loss="cross_entropy"), 5, 2),
    "lstm-3": Case(Model("lstm", 3, 2, 2, 3, readout="all"), 4, 3),
    "gru-1": Case(Model("gru", 2, 3, 0, 1, readout="none"), 5, 2),
    "gru-2": Case(Model("gru", 2, 3, 4, 2, readout="all", loss="cross_entropy"), 5, 2),
}


def vectors(case: Case) -> dict[str, np.ndarray]:
    """Return everything that is stored of a case."""
    parameters, batch = case.parameters("float64"), case.batch("float64")
    answer = differentiate(case.model, parameters, batch, dtype=np.clongdouble, inputs=True)
    arrays = {f"parameter.{name}": p for name, p in parameters.items()}
    arrays |= {"inputs": batch.inputs, "targets": batch.targets, "loss": answer.loss, "outputs": answer.outputs}
    arrays |= {f"gradient.{name}": g for name, g in gradients_of(answer).items()}
    stored = {n: np.asarray(a, float) if a.dtype.kind == "f" else a for n, a in arrays.items()}
    return stored | {"model": np.array(json.dumps(asdict(case.model)))}


def gradients_of(answer: Answer) -> dict[str, np.ndarray]:
    """Return all gradients of an answer by name."""
    by_state = {"inputs": answer.inputs, "states": answer.states, "cell_states": answer.cell_states}
    return dict(answer.parameters) | {name: g for name, g in by_state.items() if g is not None}


def load(name: str) -> tuple[Model, dict[str, np.ndarray], Batch, dict[str, np.ndarray]]:
    """Return a model, its parameters and batch, and the loss, outputs and gradients that were found."""
    with np.load(HERE / f"{name}.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    model = Model(**json.loads(str(arrays.pop("model"))))
    batch = Batch(arrays.pop("inputs"), arrays.pop("targets"))
    parts = {n: a for n, a in arrays.items() if n.startswith("parameter.")}
    parameters = {n.removeprefix("parameter."): a for n, a in parts.items()}
    return model, parameters, batch, {n: a for n, a in arrays.items() if n not in parts}


def sums() -> str:
    """Return the hash of every file, as sha256sum prints them."""
    files = sorted(HERE.glob("*.npz"))
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


if __name__ == "__main__":
    for name, case in CASES.items():
        np.savez(HERE / f"{name}.npz", **vectors(case))
    SUMS.write_text(sums())
