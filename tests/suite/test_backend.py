"""What a backend inherits: the refusals of its claims, and update and step in terms of the three verbs."""

import numpy as np
import pytest
from gradsuite.backend import Backend, BackendInfo, Batch, Gradients, Network, Tape
from gradsuite.errors import Unsupported
from gradsuite.model import Model
from gradsuite.optimizers import optimizer

MODEL = Model("mlp", input_size=2, hidden_size=3, readout="none", activation="identity")
INFO = BackendInfo(
    name="halves",
    versions={},
    devices=("cpu",),
    dtypes=("float64",),
    cells=("mlp", "rnn"),
    activations={"mlp": ("identity",)},
    readouts=("none", "last"),
    losses=("mse",),
    max_layers=2,
)


class Halves(Backend):
    """Half the squared distance of the bias from the targets: the gradient is the bias less the targets' mean."""

    name = "halves"

    def describe(self):
        return INFO

    def build(self, model, parameters, *, device="cpu", dtype="float32"):
        self.require(model, device, dtype)
        return HalvesNetwork(model, dict(parameters), device=device, dtype=dtype)


class HalvesNetwork(Network):
    def put(self, batch):
        return batch.targets

    def forward(self, batch, *, states=False):
        difference = self.parameters["bias"] - batch
        return Tape(loss=0.5 * (difference**2).sum(1).mean(), outputs=difference, saved=states)

    def backward(self, tape):
        states = tape.outputs / len(tape.outputs) if tape.saved else None
        return Gradients({"bias": tape.outputs.mean(0)}, states, states)

    def fetch(self, array):
        return np.array(array)


def network() -> HalvesNetwork:
    return Halves().build(MODEL, {"bias": np.array([1.0, 2.0])}, dtype="float64")


BATCH = Batch(np.zeros((2, 2)), np.array([[0.0, 1.0], [2.0, 5.0]]))


@pytest.mark.parametrize(
    ("changes", "place", "reason"),
    [
        ({}, ("cuda", "float64"), "halves has no device 'cuda' (it has: cpu)"),
        ({}, ("cpu", "float16"), "halves has no dtype 'float16' (it has: float64)"),
        ({"cell": "lstm", "activation": "tanh"}, ("cpu", "float64"), "halves has no cell 'lstm' (it has: mlp, rnn)"),
        ({"activation": "relu"}, ("cpu", "float64"), "halves has no activation 'relu' (it has: identity)"),
        ({"cell": "rnn"}, ("cpu", "float64"), "halves has no activation 'identity' (it has: none)"),
        ({"loss": "inner_product"}, ("cpu", "float64"), "halves has no loss 'inner_product' (it has: mse)"),
        ({"num_layers": 3}, ("cpu", "float64"), "halves has at most 2 layers, not 3"),
    ],
)
def test_what_is_not_claimed_is_refused_with_what_is(changes, place, reason):
    settings = {"cell": "mlp", "activation": "identity", "num_layers": 1, "loss": "mse"} | changes
    model = Model(input_size=2, hidden_size=3, readout="none", **settings)
    device, dtype = place
    assert INFO.refusal(model, device, dtype) == reason
    with pytest.raises(Unsupported) as refused:
        Halves().build(model, {}, device=device, dtype=dtype)
    assert str(refused.value) == reason


def test_what_is_claimed_is_not_refused():
    assert INFO.refusal(MODEL, "cpu", "float64") is None


def test_claims_default_to_all_of_the_interface():
    info = BackendInfo("all", {}, ("cpu",), ("float32",), ("mlp", "rnn", "lstm", "gru"))
    for cell, activations in info.activations.items():
        for activation in activations:
            assert info.refusal(Model(cell, 1, 1, 1, 9, activation), "cpu", "float32") is None


def test_update_follows_the_optimizer_and_keeps_its_slots():
    net, rule = network(), optimizer("momentum", lr=0.1)
    gradient = np.array([1.0, -1.0])
    for velocity, total in [(1.0, 1.0), (1.9, 2.9), (2.71, 5.61)]:  # m <- 0.9 m + 1, and the sum of the m
        net.update(Gradients({"bias": gradient}), rule)
        np.testing.assert_allclose(net.slots[1]["bias"][0], velocity * gradient, rtol=1e-14)
        np.testing.assert_allclose(net.parameters["bias"], [1.0, 2.0] - 0.1 * total * gradient, rtol=1e-14)


def test_a_step_is_forward_backward_and_update_and_returns_the_loss_before():
    stepped, verbs, rule = network(), network(), optimizer("adam", lr=0.1)
    batch = stepped.put(BATCH)
    for _ in range(3):
        loss = stepped.step(batch, rule)
        tape = verbs.forward(batch)
        verbs.update(verbs.backward(tape), rule)
        assert loss == tape.loss
        np.testing.assert_array_equal(stepped.parameters["bias"], verbs.parameters["bias"])


def test_gradients_are_fetched_whole():
    net = network()
    full = net.fetch_gradients(net.backward(net.forward(net.put(BATCH), states=True)))
    np.testing.assert_array_equal(full.states, full.cell_states)
    assert full.states.shape == (2, 2)
    bare = net.fetch_gradients(net.backward(net.forward(net.put(BATCH))))
    assert bare.states is None
    assert bare.cell_states is None
    np.testing.assert_array_equal(bare.parameters["bias"], [0.0, -1.0])


def test_a_network_waits_for_nothing_unless_it_says_so():
    assert network().synchronize() is None
