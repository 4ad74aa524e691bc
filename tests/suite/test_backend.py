"""What a backend inherits: refusals of what it does not claim, and update and step in terms of the three verbs."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from gradsuite.backend import FEATURES, Backend, BackendInfo, Batch, Gradients, Network, Tape
from gradsuite.errors import Unsupported, UserError
from gradsuite.model import Model
from gradsuite.optimizers import SGD, optimizer
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule

MODEL = Model("mlp", input_size=2, hidden_size=2, readout="none", activation="identity")
BIAS = "layers.0.bias"
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

    def build(self, model, parameters, *, device="cpu", dtype="float32", schedule=Schedule()):
        self.require(model, parameters, device, dtype, schedule)
        return HalvesNetwork(model, dict(parameters), device=device, dtype=dtype)


class HalvesNetwork(Network):
    def put(self, batch):
        return batch.targets

    def forward(self, batch, *, states=False):
        difference = self.parameters[BIAS] - batch
        return Tape(loss=0.5 * (difference**2).sum(1).mean(), outputs=difference, saved=states)

    def backward(self, tape):
        states = tape.outputs / len(tape.outputs) if tape.saved else None
        weight = np.zeros_like(self.parameters["layers.0.weight"])
        return Gradients({"layers.0.weight": weight, BIAS: tape.outputs.mean(0)}, states, states)

    def fetch(self, array):
        return np.array(array)


def network() -> HalvesNetwork:
    parameters = {"layers.0.weight": np.zeros((2, 2)), BIAS: np.array([1.0, 2.0])}
    return Halves().build(MODEL, parameters, dtype="float64")


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
        Halves().build(model, initialise(model), device=device, dtype=dtype)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("feature", "schedule"),
    [("truncation", Schedule(truncation=(1, 2))), ("checkpoint", Schedule(checkpoint=3)), ("stack", Schedule())],
)
def test_features_that_are_not_claimed_are_refused_and_others_are_not(feature, schedule):
    model, stacked = Model("rnn", 2, 3, 1), feature == "stack"
    others = tuple(name for name in FEATURES if name != feature)
    info = BackendInfo("some", {}, ("cpu",), ("float32",), ("rnn",), features=others)
    reason = f"some has no feature '{feature}' (it has: {', '.join(others)})"
    assert info.refusal(model, "cpu", "float32", schedule, stacked=stacked) == reason
    everything = BackendInfo("all", {}, ("cpu",), ("float32",), ("rnn",), features=FEATURES)
    assert everything.refusal(model, "cpu", "float32", schedule, stacked=stacked) is None


def test_require_answers_for_stacks_schedules_and_parameters():
    single = initialise(MODEL)
    stack = {name: np.stack([p, p]) for name, p in single.items()}
    with pytest.raises(Unsupported, match="halves has no feature 'stack' \\(it has: none\\)"):
        Halves().build(MODEL, stack, dtype="float64")
    with pytest.raises(UserError, match="checkpoint is for recurrent cells, not for mlp"):
        Halves().build(MODEL, single, dtype="float64", schedule=Schedule(checkpoint=2))
    with pytest.raises(UserError, match=r"parameters of this model are layers\.0\.weight, layers\.0\.bias, not none"):
        Halves().build(MODEL, {}, dtype="float64")


def test_an_unknown_feature_is_refused_with_the_nearest_name():
    with pytest.raises(UserError) as refused:
        BackendInfo("mine", {}, ("cpu",), ("float32",), ("rnn",), features=("truncation", "stacked"))
    assert str(refused.value) == (
        "unknown feature of mine 'stacked'; did you mean 'stack'? (allowed: autodiff, bidirectional, checkpoint, "
        "lengths, masks, scan, stack, state, truncation)"
    )


def test_an_unknown_field_is_refused_with_the_nearest_name():
    with pytest.raises(UserError) as refused:
        BackendInfo(name="mine", versions={}, device=("cpu",), dtypes=("float32",), cells=("rnn",))
    assert str(refused.value).startswith("unknown field of BackendInfo 'device'; did you mean 'devices'? (allowed: ")


def test_a_description_is_copied_and_changed_as_any_dataclass():
    assert copy.deepcopy(INFO) == INFO == pickle.loads(pickle.dumps(INFO))
    assert replace(INFO, name="other").name == "other"
    with pytest.raises(UserError, match=r"did you mean 'devices'\?"):
        replace(INFO, device="cpu")


def test_a_network_knows_whether_it_is_a_stack_and_clips_accordingly():
    parameters = {"layers.0.weight": np.zeros((2, 2, 2)), BIAS: np.zeros((2, 2))}
    net = HalvesNetwork(MODEL, parameters, device="cpu", dtype="float64")
    assert net.stacked
    assert not network().stacked
    gradients = {"layers.0.weight": np.zeros((2, 2, 2)), BIAS: np.array([[3.0, 4.0], [0.3, 0.4]])}
    net.update(Gradients(gradients), SGD(lr=1.0, clip_norm=1.0))
    np.testing.assert_allclose(net.parameters[BIAS], [[-0.6, -0.8], [-0.3, -0.4]], rtol=1e-6)


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
        net.update(Gradients({"layers.0.weight": np.zeros((2, 2)), BIAS: gradient}), rule)
        np.testing.assert_allclose(net.slots[1][BIAS][0], velocity * gradient, rtol=1e-14)
        np.testing.assert_allclose(net.parameters[BIAS], [1.0, 2.0] - 0.1 * total * gradient, rtol=1e-14)


def test_a_step_is_forward_backward_and_update_and_returns_the_loss_before():
    stepped, verbs, rule = network(), network(), optimizer("adam", lr=0.1)
    batch = stepped.put(BATCH)
    for _ in range(3):
        loss = stepped.step(batch, rule)
        tape = verbs.forward(batch)
        verbs.update(verbs.backward(tape), rule)
        assert loss == tape.loss
        np.testing.assert_array_equal(stepped.parameters[BIAS], verbs.parameters[BIAS])


def test_gradients_are_fetched_whole():
    net = network()
    full = net.fetch_gradients(net.backward(net.forward(net.put(BATCH), states=True)))
    np.testing.assert_array_equal(full.states, full.cell_states)
    assert full.states.shape == (2, 2)
    bare = net.fetch_gradients(net.backward(net.forward(net.put(BATCH))))
    assert bare.states is None
    assert bare.cell_states is None
    np.testing.assert_array_equal(bare.parameters[BIAS], [0.0, -1.0])


def test_a_network_waits_for_nothing_unless_it_says_so():
    assert network().synchronize() is None
