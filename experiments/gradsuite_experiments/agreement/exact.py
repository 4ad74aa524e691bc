"""Every gradient of a small network of each cell against the complex step: by no backend's code, exact to rounding."""

from collections.abc import Iterator

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.comparator import compare
from gradsuite.model import CELLS, Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise
from gradsuite.precision import rounded
from gradsuite.rows import Measurement

from gradsuite_experiments.agreement.laws import CELL_STATES_ERROR, EXACT_SIZES, PARAMETERS_ERROR, STATES_ERROR


def errors(backend: Backend, device: str, dtype: str) -> Iterator[Measurement]:
    """Yield for each cell the largest relative error of a parameter's gradient, and those of the state gradients."""
    T, B, width, N, outputs = EXACT_SIZES
    rng = np.random.default_rng(0)
    for cell in (name for name in backend.describe().cells if name in CELLS):
        model = Model(cell, width, N, outputs)
        drawn = {name: rounded(p, dtype) for name, p in initialise(model).items()}
        shape = (T, B, width) if model.recurrent else (B, width)
        batch = Batch(
            rounded(2.0 * rng.standard_normal(shape), dtype), rounded(rng.standard_normal((B, outputs)), dtype)
        )
        network = backend.build(model, drawn, device=device, dtype=dtype)
        tape = network.forward(network.put(batch), states=True)
        found, exact = network.fetch_gradients(network.backward(tape)), differentiate(model, drawn, batch)
        wrong = (compare(found.parameters[name], g).error for name, g in exact.parameters.items())
        yield Measurement(PARAMETERS_ERROR, max(wrong), note=cell)
        assert found.states is not None
        yield Measurement(STATES_ERROR, compare(found.states, exact.states).error, note=cell)
        if exact.cell_states is not None and found.cell_states is not None:
            yield Measurement(CELL_STATES_ERROR, compare(found.cell_states, exact.cell_states).error, note=cell)
