"""PyTorch's optimizer kernels in the torch backend: the host's arithmetic, and nobody's arrays overwritten."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from gradsuite.backend import Gradients
from gradsuite.model import Model
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum, RMSprop
from gradsuite.parameters import initialise
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.schedule import Schedule

torch = pytest.importorskip("torch")

from gradsuite_torch.backend import TorchBackend  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from tests.plugins.passes import assert_same, random_batch, stack  # noqa: E402

MODEL = Model("mlp", 2, 3, 2)
STEPS = 20
RULES = [
    SGD(lr=0.05, weight_decay=0.1),
    Momentum(lr=0.05, momentum=0.8, weight_decay=0.1),
    Momentum(lr=0.05, nesterov=True),
    Adam(lr=0.05, weight_decay=0.1, eps=1e-4),
    Adam(lr=0.05, beta1=0.7, beta2=0.95, clip_norm=0.5, clip_value=0.2),
    AdamW(lr=0.05, weight_decay=0.1, clip_unit=0.3),
    RMSprop(lr=0.05, weight_decay=0.1, clip_norm=0.5),
    RMSprop(lr=0.05, alpha=0.9, centered=True),
    RMSprop(lr=0.05, momentum=0.8, eps=1e-4),
    RMSprop(lr=0.05, momentum=0.8, centered=True, eps=1e-4, eps_in_sqrt=True),
]


def built(dtype="float64", model=MODEL, parameters=None):
    return TorchBackend().build(model, parameters or initialise(model, seed=3), dtype=dtype)


def fetched(network, arrays):
    return {name: network.fetch(array) for name, array in arrays.items()}


def gradients(network, rng):
    """Return random gradients for the host and for the network, the latter's not in memory's order."""
    host = {name: rng.standard_normal(p.shape) for name, p in network.parameters.items()}
    dtype = getattr(torch, network.dtype)
    return host, Gradients({name: torch.tensor(g.T, dtype=dtype).mT if g.ndim == 2 else torch.tensor(g, dtype=dtype)
                            for name, g in host.items()})  # fmt: skip


class Operations(TorchDispatchMode):
    """Counts the operations that PyTorch runs."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(function.__name__.split(".")[0])
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_the_kernels_do_the_hosts_arithmetic(rule, dtype):
    network, rng = built(dtype), np.random.default_rng(0)
    expected, slots = initialise(MODEL, seed=3), None
    for _ in range(STEPS):
        host, mine = gradients(network, rng)
        expected, slots = rule.apply(expected, host, slots)
        network.update(mine, rule)
    # Each step rounds about ten times; 1 - 0.999^k costs Adam's first steps a factor of 1000 in float64 and float32.
    bound = 1e3 * STEPS * 10 * UNIT_ROUNDOFF[dtype]
    for name, p in fetched(network, network.parameters).items():
        assert p.dtype == dtype
        np.testing.assert_allclose(p, expected[name], rtol=0, atol=bound * rule.lr)
    steps, averages = network.slots
    assert steps == slots[0]
    for name, kept in averages.items():
        assert len(kept) == len(slots[1][name])
        for mine, average in zip(kept, slots[1][name], strict=True):
            np.testing.assert_allclose(network.fetch(mine), average, rtol=0, atol=bound)


@pytest.mark.parametrize(
    ("rule", "kernel"),
    [(SGD(lr=0.1), "_fused_sgd_"), (Adam(lr=0.1), "_fused_adam_"), (AdamW(lr=0.1), "_fused_adamw_")],
)
def test_an_update_is_one_kernel(rule, kernel):
    network = built("float32")
    batch = network.put(random_batch(MODEL, 1, 4))
    network.step(batch, rule)
    found = network.backward(network.forward(batch))
    network.update(found, rule)
    with Operations() as operations:
        network.update(found, rule)
    assert set(operations.names) <= {kernel, "full"}
    assert operations.names.count(kernel) == 1


@pytest.mark.parametrize("rule", [rule for rule in RULES if isinstance(rule, RMSprop)], ids=repr)
def test_an_update_by_rmsprop_is_a_few_kernels_over_all_parameters_at_once(rule):
    network = built("float32")
    found = network.backward(network.forward(network.put(random_batch(MODEL, 1, 4))))
    before = {name: array.clone() for name, array in found.parameters.items()}
    for _ in range(2):
        network.update(found, rule)
    with Operations() as operations:
        network.update(found, replace(rule, clip_norm=None))
    assert operations.names
    assert all(name.startswith("_foreach_") for name in operations.names)
    assert all(torch.equal(found.parameters[name], array) for name, array in before.items())


def test_steps_overwrite_what_nobody_holds():
    network, rule = built(), Adam(lr=0.1)
    batch = network.put(random_batch(MODEL, 1, 4))
    network.step(batch, rule)
    before = {name: p.data_ptr() for name, p in network._parameters.items()}
    network.step(batch, rule)
    assert {name: p.data_ptr() for name, p in network._parameters.items()} == before


@pytest.mark.parametrize("by_step", [True, False], ids=["step", "update"])
@pytest.mark.parametrize("rule", [SGD(lr=0.1), Momentum(lr=0.1), Adam(lr=0.1), RMSprop(lr=0.1, momentum=0.9)], ids=repr)
def test_what_was_read_is_left_alone(rule, by_step):
    network = built()
    batch = network.put(random_batch(MODEL, 1, 4))
    found = network.backward(network.forward(batch))

    def move():
        network.step(batch, rule) if by_step else network.update(found, rule)

    for _ in range(3):
        move()
        parameters, (steps, averages) = network.parameters, network.slots
        kept = fetched(network, parameters), {n: fetched(network, dict(enumerate(a))) for n, a in averages.items()}
        move()
        move()
        assert_same(fetched(network, parameters), kept[0], 0)
        for name, arrays in kept[1].items():
            assert_same(fetched(network, dict(enumerate(averages[name]))), arrays, 0)
        assert network.slots[0] == steps + 2


def test_parameters_that_are_set_are_left_alone():
    network = built("float32")
    given = {name: torch.full_like(p, 0.5) for name, p in network.parameters.items()}
    network.parameters = given
    network.step(network.put(random_batch(MODEL, 1, 4)), SGD(lr=0.1))
    assert all((p == 0.5).all() for p in given.values())


# In float32 the LSTM is PyTorch's, whose graph reads the parameters when it goes back.
TAPES = [("mlp", {}), ("gru", {}), ("lstm", {}), ("rnn", {"truncation": (1, 2)}), ("rnn", {"checkpoint": 2})]


@pytest.mark.parametrize(("cell", "schedule"), TAPES)
def test_a_tape_made_before_a_step_has_the_gradients_of_its_own_loss(cell, schedule):
    model = Model(cell, 2, 3, 2, num_layers=2)
    network = TorchBackend().build(model, initialise(model), schedule=Schedule(**schedule))
    first, second = (network.put(random_batch(model, 5, 4, seed)) for seed in range(2))

    def arrays(tape):
        found = network.fetch_gradients(network.backward(tape))
        return found.parameters | {"states": found.states}

    expected = arrays(network.forward(first, states=True))
    tape = network.forward(first, states=True)
    for _ in range(2):
        network.step(second, Adam(lr=0.1))
    assert_same(arrays(tape), expected, 0)


def test_each_network_of_a_stack_is_clipped_by_its_own_norm():
    rule = Adam(lr=0.05, eps=0.1, clip_norm=0.02)
    members = [initialise(MODEL, seed=seed) for seed in range(3)]
    batch = random_batch(MODEL, 1, 4)
    together, alone = built(parameters=stack(members)), [built(parameters=member) for member in members]
    for network in (together, *alone):
        mine = network.put(batch)
        for _ in range(5):
            network.step(mine, rule)
    expected = stack([fetched(network, network.parameters) for network in alone])
    assert_same(fetched(together, together.parameters), expected, 1e-13)


@dataclass(frozen=True, kw_only=True)
class SignDescent(SGD):
    """A rule of a user's own."""

    def move(self, p, g, slots, steps):
        return p - self.lr * g.sign(), slots


def test_rules_without_a_kernel_and_half_types_are_the_hosts(monkeypatch):
    network = built()
    before = fetched(network, network.parameters)
    _, found = gradients(network, np.random.default_rng(0))
    network.update(found, SignDescent(lr=0.25))
    for name, p in fetched(network, network.parameters).items():
        np.testing.assert_allclose(abs(p - before[name]), 0.25, rtol=1e-14)
    monkeypatch.setattr("gradsuite_torch.network.KERNELS", {Momentum: pytest.fail})
    for dtype in ("float16", "bfloat16"):
        network, rule = built(dtype), Momentum(lr=0.1)
        expected, slots = network.parameters, None
        for _ in range(2):
            _, found = gradients(network, np.random.default_rng(0))
            expected, slots = rule.apply(expected, found.parameters, slots)
            network.update(found, rule)
        assert all(torch.equal(p, expected[name]) for name, p in network.parameters.items())


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_the_kernels_follow_the_rate(rule):
    network, rng = built(), np.random.default_rng(0)
    expected, slots = initialise(MODEL, seed=3), None
    for rate in (0.1, 0.01, 0.0, 0.003):
        host, mine = gradients(network, rng)
        expected, slots = rule.with_lr(rate).apply(expected, host, slots)
        network.update(mine, rule.with_lr(rate))
    assert_same(fetched(network, network.parameters), expected, 1e-12)


def test_a_network_may_change_its_optimizer():
    rules = [Adam(lr=0.1), Adam(lr=0.01), AdamW(lr=0.05), SignDescent(lr=0.01), Adam(lr=0.05), Momentum(lr=0.01)]
    network, rng = built(), np.random.default_rng(0)
    expected, slots = initialise(MODEL, seed=3), None
    for rule in rules:
        for _ in range(2):
            host, mine = gradients(network, rng)
            if isinstance(rule, SignDescent):
                expected, slots = (
                    {n: p - rule.lr * np.sign(host[n]) for n, p in expected.items()},
                    (slots[0] + 1, slots[1]),
                )
            else:
                expected, slots = rule.apply(expected, host, slots)
            network.update(mine, rule)
    assert_same(fetched(network, network.parameters), expected, 1e-12)
