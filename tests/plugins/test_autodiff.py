"""Cells by equations, differentiated by each framework, against the oracle and against what is written by hand."""

from types import MappingProxyType

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.cells import RNN, installed
from gradsuite.errors import Unsupported
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import Adam
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule
from gradsuite_numpy.backend import NumpyBackend

from tests.plugins.conftest import load
from tests.plugins.passes import assert_same, oracle, random_batch, run, stack

SHORT = ("lru", "ln-lstm", "residual")  # complex states, a normalised LSTM, and a cell without time


def network_of(cell, *, layers=2, loss="mse", inputs=3):
    readout = "all" if installed()[cell].recurrent else "last"
    return Model(cell, inputs, 4, 2, layers, installed()[cell].activations[0], readout, loss)


@pytest.fixture(scope="module", params=["torch", "jax"])
def differentiating(request):
    """Return each backend in turn that differentiates equations."""
    return load(request.param)


@pytest.fixture
def register(monkeypatch):
    """Return a function that installs a cell for one test."""

    def register(one):
        monkeypatch.setattr("gradsuite.cells.installed", lambda: with_one)
        with_one = MappingProxyType({**everything, one.name: one})

    everything = installed()
    return register


@pytest.mark.parametrize("cell", SHORT)
def test_gradients_are_the_oracles(differentiating, cell):
    model = network_of(cell, loss="cross_entropy")
    parameters, batch = initialise(model, seed=1), random_batch(model, 5, 3)
    assert_same(run(differentiating, model, parameters, batch), oracle(model, parameters, batch))


@pytest.mark.parametrize("cell", [name for name in installed() if name not in CELLS])
@pytest.mark.parametrize("loss", ["mse", "inner_product"])
def test_every_cell_by_autograd_is_the_oracles(cell, loss):
    backend = load("torch")
    for activation in installed()[cell].activations:
        for layers, readout in ((1, "none"), (3, "last")):
            model = Model(cell, 4, 4, 0 if readout == "none" else 2, layers, activation, readout, loss)
            parameters, batch = initialise(model, seed=2), random_batch(model, 6, 3)
            assert_same(run(backend, model, parameters, batch), oracle(model, parameters, batch))


def test_a_pass_without_state_gradients_gives_the_same_bits(differentiating):
    model = network_of("residual")
    parameters, batch = initialise(model), random_batch(model, 5, 3)
    with_states, without = (run(differentiating, model, parameters, batch, states=s) for s in (True, False))
    assert with_states.keys() - without.keys() == {"states"}
    for name, array in without.items():
        np.testing.assert_array_equal(array, with_states[name])


@pytest.mark.parametrize("cell", CELLS)
def test_equations_differentiated_are_what_is_written_by_hand(cell):
    """The cells that have both: two ways of the same framework to the same numbers."""
    torch = pytest.importorskip("torch")
    from gradsuite_torch.autodiff import Autodiff

    backend, model = load("torch"), network_of(cell)
    parameters, batch = initialise(model, seed=3), random_batch(model, 6, 3)
    by_hand = run(backend, model, parameters, batch)
    network = Autodiff(model, {name: torch.tensor(p) for name, p in parameters.items()}, device="cpu", dtype="float64")
    assert not isinstance(backend.build(model, parameters, dtype="float64"), Autodiff)
    tape = network.forward(network.put(batch), states=True)
    loss, outputs = tape.loss, tape.outputs
    gradients = network.fetch_gradients(network.backward(tape))
    found = {"loss": network.fetch(loss), "outputs": network.fetch(outputs), **gradients.parameters}
    found |= {"states": gradients.states, "cell_states": gradients.cell_states}
    arrays = {name: array for name, array in found.items() if array is not None}
    assert arrays.keys() == by_hand.keys()
    assert_same(arrays, by_hand, 1e-13)  # a hundred roundings on either side


@pytest.mark.parametrize(("cell", "apart"), [("lru", True), ("residual", False)])
def test_a_stack_is_its_networks_one_by_one(differentiating, cell, apart):
    model = network_of(cell)
    members = [initialise(model, seed=seed) for seed in range(3)]
    batches = [random_batch(model, 5, 3, seed if apart else 0) for seed in range(3)]
    shared = batches[0]
    together = Batch(*(np.stack([getattr(b, part) for b in batches]) for part in ("inputs", "targets")))
    found = run(differentiating, model, stack(members), together if apart else shared)
    for s, (member, batch) in enumerate(zip(members, batches, strict=True)):
        assert_same({name: array[s] for name, array in found.items()}, oracle(model, member, batch))


def test_training_is_the_hosts_with_the_oracles_gradients(differentiating):
    model, optimizer = network_of("lru"), Adam(lr=0.01, clip_norm=1.0)
    parameters, batch = initialise(model), random_batch(model, 5, 3)
    fused, apart = (differentiating.build(model, parameters, dtype="float64") for _ in range(2))
    on_device, expected, slots = fused.put(batch), parameters, None
    for _ in range(10):
        answer = differentiate(model, expected, batch)
        expected, slots = optimizer.apply(expected, answer.parameters, slots)
        tape = apart.forward(on_device)
        apart.update(apart.backward(tape), optimizer)
        assert_same({"loss": fused.fetch(fused.step(on_device, optimizer))}, {"loss": answer.loss})
    for network in (fused, apart):
        # Ten steps of at most lr each carry 1e-15 no further than 1e-10, Adam's division included.
        assert_same({name: network.fetch(p) for name, p in network.parameters.items()}, expected, 1e-10)


# Not ln-lstm in float16: at the first step the squared deviation is epsilon, and JAX's 1e5 for its inverse overflows.
@pytest.mark.parametrize(("cell", "dtype"), [("lru", "bfloat16"), ("lru", "float16"), ("ln-lstm", "bfloat16")])
def test_half_types_run_and_stay_finite(differentiating, cell, dtype):
    model = network_of(cell)
    network = differentiating.build(model, initialise(model), dtype=dtype)
    tape = network.forward(network.put(random_batch(model, 5, 3)), states=True)
    gradients = network.fetch_gradients(network.backward(tape))
    for array in (*gradients.parameters.values(), gradients.states, gradients.cell_states):
        assert np.isfinite(array.astype(np.float64)).all()
        assert array.any()


@pytest.mark.parametrize("schedule", [Schedule(truncation=(2, 2)), Schedule(checkpoint=2)])
def test_a_schedule_is_refused_in_one_line(differentiating, schedule):
    model = network_of("lru")
    with pytest.raises(Unsupported, match="for cells by autodiff, such as 'lru'") as caught:
        differentiating.build(model, initialise(model), dtype="float64", schedule=schedule)
    assert "\n" not in str(caught.value)


def test_a_backend_without_autodiff_refuses_in_one_line():
    model = network_of("peephole")
    has = r"mlp, rnn, lstm, gru, lru, mingru, minlstm"
    with pytest.raises(Unsupported, match=rf"numpy has no cell 'peephole' \(it has: {has}\)") as caught:
        NumpyBackend().build(model, initialise(model), dtype="float64")
    assert "\n" not in str(caught.value)


class Computed(RNN):
    """Weights of the inputs that a step computes, from one parameter and from two."""

    name = "computed"

    def step(self, xp, p, x, h):
        of_x = xp.linear(x, xp.exp(p.weight_ih)) * xp.linear(x, xp.sin(p.weight_ih), p.bias_ih)
        of_both = xp.linear(x, p.weight_ih * (1 + xp.mean(p.weight_hh * p.weight_hh, axis=(-2, -1), keepdims=True)))
        return (xp.state("h", xp.tanh(of_x + of_both + xp.linear(h, p.weight_hh, p.bias_hh))),)


class Reader(RNN):
    """A cell whose output reads the inputs with a weight that its step has read them with."""

    name = "reader"

    def output(self, xp, p, x, h):
        return h * xp.linear(x, p.weight_ih) + xp.linear(x, p.weight_ih, p.bias_ih)


class Lossy(RNN):
    """A cell that forgets to say what its state is."""

    name = "lossy"

    def step(self, xp, p, x, h):
        return (xp.tanh(xp.linear(x, p.weight_ih) + xp.linear(h, p.weight_hh)),)


@pytest.mark.parametrize("one", [Computed(), Reader()], ids=lambda one: one.name)
def test_products_with_the_inputs_are_each_steps_own(differentiating, register, one):
    """They are computed for all steps at once only where that cannot be seen."""
    register(one)
    model = Model(one.name, 4, 4, 2, 2, readout="all")
    parameters, batch = initialise(model, seed=4), random_batch(model, 5, 3)
    assert_same(run(differentiating, model, parameters, batch), oracle(model, parameters, batch))


def test_a_cell_that_loses_a_state_is_refused_without_the_oracle(differentiating, register):
    register(Lossy())
    model = Model("lossy", 3, 4, 2)
    network = differentiating.build(model, initialise(model), dtype="float64")
    with pytest.raises(ValueError, match=r"cell 'lossy' must return its state 'h' as xp\.state"):
        network.forward(network.put(random_batch(model, 5, 3)))
