"""What tests of backends share: random batches, one pass by names, and the oracle's and torch.nn's answer to it."""

from dataclasses import replace

import numpy as np
from gradsuite.backend import Batch
from gradsuite.cells import find
from gradsuite.comparator import compare
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule
from hypothesis import strategies as st

# Sums of at most a few hundred float64 products, each right to 1.1e-16, through at most 13 steps and 3 layers.
TOLERANCE = 1e-11
RECURRENT = ("rnn", "lstm", "gru")


def random_batch(model, steps, size, seed=0, lead=()):
    rng = np.random.default_rng(seed)
    inputs = (steps, size, model.input_size) if model.recurrent else (size, model.input_size)
    targets = (*lead, *model.targets_shape(inputs))
    classes = model.loss == "cross_entropy"
    return Batch(
        rng.standard_normal((*lead, *inputs)),
        rng.integers(0, model.output_width, targets) if classes else rng.standard_normal(targets),
    )


def whole_batch(model, steps, size, features, seed=0):
    """Return a random batch with these features: lengths, state, masks; its padding holds NaN and no class."""
    rng = np.random.default_rng(seed + 1)
    batch = random_batch(model, steps, size, seed)
    states = model.states_shape(batch.inputs.shape)
    if "lengths" in features:
        batch = replace(batch, lengths=rng.integers(1, steps + 1, size))
        batch.inputs[~batch.valid] = np.nan
        if model.readout == "all":
            batch.targets[~batch.valid] = -100 if model.loss == "cross_entropy" else np.nan
    if "state" in features:
        kinds = len(find(model.cell).states)
        batch = replace(batch, state=tuple(rng.standard_normal(states[-3:]) for _ in range(kinds)))
    if "masks" in features:
        shape = (1, *states[1:]) if seed % 2 and model.recurrent else states
        batch = replace(batch, masks=rng.integers(0, 2, shape) * 2.0)
    return batch


def run(backend, model, parameters, batch, *, states=True, dtype="float64", schedule=Schedule()):
    """Return loss, outputs and gradients of one pass by name."""
    network = backend.build(model, parameters, dtype=dtype, schedule=schedule)
    tape = network.forward(network.put(batch), states=states)
    loss, outputs, gradients = tape.loss, tape.outputs, network.backward(tape)
    arrays = {"loss": loss, "outputs": outputs, **gradients.parameters}
    arrays |= {"states": gradients.states, "cell_states": gradients.cell_states}
    for name, parts in (("last", tape.last_state), ("initial", gradients.initial_state)):
        arrays |= {f"{name}_state{k}": part for k, part in enumerate(parts or ())}
    return {name: network.fetch(array) for name, array in arrays.items() if array is not None}


def assert_same(arrays, expected, bound=TOLERANCE):
    """Compare the arrays expected, in their own dtype; state gradients of `c` may be left out of them."""
    assert arrays.keys() - {"cell_states"} == expected.keys() - {"cell_states"}
    for name, reference in expected.items():
        comparison = compare(arrays[name].astype(reference.dtype), reference)
        assert comparison.within(bound), (name, comparison)


def oracle(model, parameters, batch, truncation=None):
    answer = differentiate(model, parameters, batch, truncation=truncation)
    arrays = {"loss": answer.loss, "outputs": answer.outputs, **answer.parameters, "states": answer.states}
    for name, parts in (("last", answer.last_state), ("initial", answer.initial_state)):
        arrays |= {f"{name}_state{k}": part for k, part in enumerate(parts)}
    return arrays | ({} if answer.cell_states is None else {"cell_states": answer.cell_states})


def twin(model, parameters, batch):
    """Return what torch.nn and autograd answer; no gradients by c."""
    from tests.torch_twin import loss_and_gradients

    loss, outputs, gradients = loss_and_gradients(model, parameters, batch)
    return {"loss": loss, "outputs": outputs, **gradients.parameters, "states": gradients.states}


def stack(members):
    return {name: np.stack([member[name] for member in members]) for name in members[0]}


@st.composite
def problems(draw, cells=CELLS):
    """Draw a model, its parameters and a batch."""
    cell = draw(st.sampled_from(cells))
    readout = draw(st.sampled_from([r for r in READOUTS if cell != "mlp" or r != "all"]))
    sizes = st.integers(1, 4)
    model = Model(
        cell,
        input_size=draw(sizes),
        hidden_size=draw(sizes),
        output_size=0 if readout == "none" else draw(sizes),
        num_layers=draw(st.integers(1, 3)),
        activation=draw(st.sampled_from(ACTIVATIONS[cell])),
        readout=readout,
        loss=draw(st.sampled_from(LOSSES)),
    )
    seed = draw(st.integers(0, 99))
    return model, initialise(model, seed=seed), random_batch(model, draw(st.integers(1, 6)), draw(sizes), seed)
