"""What tests of batches with lengths, states and masks share: such batches, one pass of them, the oracle's answer."""

from dataclasses import replace

import numpy as np
from gradsuite.cells import find
from gradsuite.comparator import compare
from gradsuite.model import ACTIVATIONS, LOSSES, READOUTS, Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule
from hypothesis import strategies as st

from tests.plugins.passes import RECURRENT, TOLERANCE, random_batch

KINDS = ("states", "cell_states")


def equipped(model, batch, features, seed=0):
    """Return a batch with `lengths`, `state` or `masks`, whose padding holds what spoils whatever it gets into."""
    rng = np.random.default_rng(seed)
    *_, layers, size, width = model.states_shape(batch.inputs.shape)
    steps = len(batch.inputs)
    if "state" in features:
        kinds = len(find(model.cell).states)
        batch = replace(batch, state=tuple(rng.standard_normal((layers, size, width)) for _ in range(kinds)))
    if "masks" in features:
        leading = (rng.choice([1, steps]),) if model.recurrent else ()
        batch = replace(batch, masks=rng.integers(0, 2, (*leading, layers, size, width)) * 2.0)
    return padded(model, batch, rng.integers(1, steps + 1, size)) if "lengths" in features else batch


def padded(model, batch, lengths, junk=np.nan):
    """Return a batch with these lengths, and junk past them; classes there are none at all."""
    batch = replace(batch, inputs=batch.inputs.copy(), targets=batch.targets.copy(), lengths=np.asarray(lengths))
    batch.inputs[~batch.valid] = junk
    if model.readout == "all":
        batch.targets[~batch.valid] = -100 if model.loss == "cross_entropy" else junk
    return batch


def one_pass(backend, model, parameters, batch, *, states=True, dtype="float64", schedule=Schedule()):
    """Return loss, outputs and gradients of one pass by name, those by the first states too, and the last states."""
    network = backend.build(model, parameters, dtype=dtype, schedule=schedule)
    tape = network.forward(network.put(batch), states=states)
    loss, outputs, last = tape.loss, tape.outputs, tape.last_state
    gradients = network.backward(tape)
    arrays = {"loss": loss, "outputs": outputs, **gradients.parameters}
    arrays |= {kind: getattr(gradients, kind) for kind in KINDS if getattr(gradients, kind) is not None}
    arrays |= numbered("initial", gradients.initial_state) | numbered("last", last)
    return {name: network.fetch(array) for name, array in arrays.items()}


def expected(model, parameters, batch, schedule=Schedule(), kinds=KINDS):
    """Return the oracle's answer, as `one_pass` names it."""
    answer = differentiate(model, parameters, batch, truncation=schedule.truncation)
    arrays = {"loss": answer.loss, "outputs": answer.outputs, **answer.parameters}
    arrays |= {kind: getattr(answer, kind) for kind in kinds if getattr(answer, kind) is not None}
    return arrays | numbered("initial", answer.initial_state) | numbered("last", answer.last_state)


def numbered(name, arrays):
    return {f"{name} {k}": array for k, array in enumerate(arrays or ())}


def assert_right(arrays, reference, bound=TOLERANCE):
    assert arrays.keys() == reference.keys()
    for name, array in reference.items():
        assert arrays[name].shape == array.shape, name
        comparison = compare(arrays[name].astype(array.dtype), array)
        assert comparison.within(bound), (name, comparison)


def assert_zero_where_padded(arrays, model, batch):
    for kind in KINDS:
        if kind in arrays:
            assert not arrays[kind].swapaxes(1, 2)[~batch.valid].any(), kind
    if model.readout == "all":
        assert not arrays["outputs"][~batch.valid].any()


@st.composite
def problems(draw, cells=RECURRENT, features=("lengths", "state", "masks"), bidirectional=(False, True)):
    """Draw a model, its parameters and a batch with any of these features."""
    cell, sizes = draw(st.sampled_from(cells)), st.integers(1, 3)
    readout = draw(st.sampled_from([r for r in READOUTS if cell != "mlp" or r != "all"]))
    model = Model(
        cell,
        input_size=draw(sizes),
        hidden_size=draw(sizes),
        output_size=0 if readout == "none" else draw(sizes),
        num_layers=draw(sizes),
        activation=draw(st.sampled_from(ACTIVATIONS[cell])),
        readout=readout,
        loss=draw(st.sampled_from(LOSSES)),
        bidirectional=draw(st.sampled_from(bidirectional)),
    )
    seed = draw(st.integers(0, 99))
    batch = random_batch(model, draw(st.integers(1, 6)), draw(sizes), seed)
    chosen = draw(st.sets(st.sampled_from(features)))
    return model, initialise(model, seed=seed), equipped(model, batch, chosen, seed)
