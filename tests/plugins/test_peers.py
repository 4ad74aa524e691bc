"""Every peer against torch.nn's twin, for what it claims."""

from itertools import cycle, zip_longest

import numpy as np
import pytest
from gradsuite.comparator import compare
from gradsuite.errors import Unsupported
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum, RMSprop
from gradsuite.parameters import initialise
from gradsuite.plugins import load
from gradsuite.running.availability import default_backends
from gradsuite.schedule import Schedule
from gradsuite.testing import BackendConformance
from gradsuite.worker.environment import WorkerEnvironment

pytest.importorskip("torch")
pytest.importorskip("jax")
pytest.importorskip("flax")
pytest.importorskip("optax")
pytest.importorskip("autograd")

from gradsuite_numpy.backend import NumpyBackend
from gradsuite_peers import PEERS
from gradsuite_peers.autograd import Autograd
from gradsuite_peers.flax import Flax
from gradsuite_peers.jax_scan import JaxScan
from gradsuite_peers.torch_autograd import TorchAutograd
from gradsuite_peers.torch_compile import TorchCompile
from gradsuite_peers.torch_nn import TorchNn
from gradsuite_torch.backend import TorchBackend

from tests.plugins.passes import random_batch, twin

# PyTorch warns of a part of itself that its compiler imports.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
EAGER = [TorchNn, TorchAutograd, JaxScan, Flax, Autograd]
COMPILING = [JaxScan, Flax]  # seconds a model: one of each cell, which differ in readout, loss and activation
# Sums of a few dozen products through 5 steps and 2 layers, each right to 1.1e-16 or 6e-8; some sums cancel.
BOUNDS = {"float64": 1e-12, "float32": 1e-5}


def run(backend, model, *, dtype="float64"):
    """Return what one pass gives, and the twin's answer to the same."""
    parameters, batch = initialise(model, seed=6), random_batch(model, 5, 3)
    network = backend.build(model, parameters, dtype=dtype)
    tape = network.forward(network.put(batch), states="states" in backend.describe().state_gradients)
    gradients = network.backward(tape)
    found = {"loss": tape.loss, "outputs": tape.outputs, **gradients.parameters, "states": gradients.states}
    fetched = {name: network.fetch(array) for name, array in found.items() if array is not None}
    return fetched, twin(model, parameters, batch)


def assert_the_twins(backend, model, dtype):
    found, expected = run(backend, model, dtype=dtype)
    assert ("states" in found) == ("states" in backend.describe().state_gradients)
    assert expected.keys() - found.keys() <= {"states"}
    for name, array in found.items():
        assert array.dtype == dtype
        comparison = compare(array.astype("float64"), expected[name])
        assert comparison.within(BOUNDS[dtype]), (name, comparison)


def models(cell):
    """Yield models with every readout, loss and activation of a cell, each about once."""
    readouts, losses = [r for r in READOUTS if cell != "mlp" or r != "all"], cycle(LOSSES)
    for readout, activation in zip_longest(readouts, ACTIVATIONS[cell]):
        outputs = 0 if readout == "none" else 2
        yield Model(cell, 2, 3, outputs, 2, activation or "tanh", readout or "last", next(losses))


@pytest.mark.parametrize("kind", EAGER, ids=lambda kind: kind.name)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_the_twins(kind, cell):
    backend = kind()
    several = list(models(cell))
    if kind in COMPILING:
        several = several[CELLS.index(cell) % 3 :][:1]
    for model in several:
        if backend.describe().refusal(model, "cpu", "float64") is None:
            assert_the_twins(backend, model, "float64")
        else:
            with pytest.raises(Unsupported):
                backend.build(model, initialise(model), dtype="float64")


@pytest.mark.parametrize("kind", EAGER, ids=lambda kind: kind.name)
def test_float32_gradients_are_the_twins(kind):
    assert_the_twins(kind(), Model("lstm", 2, 3, 2, 2), "float32")


# PyTorch's compiler asks for a gradient that is none and hides its own warning, unless all warnings are errors.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
def test_compiled_gradients_are_the_twins():
    backend = TorchCompile()
    cells = backend.describe().cells
    if cells:  # none without a C++ compiler; one of them is enough, for each takes seconds to compile
        assert_the_twins(backend, Model("rnn", 2, 3, 2, 1), "float32")
    else:
        with pytest.raises(Unsupported):
            backend.build(Model("rnn", 2, 3, 2, 1), initialise(Model("rnn", 2, 3, 2, 1)))


@pytest.mark.parametrize("kind", [TorchNn, JaxScan, Flax, Autograd, TorchCompile], ids=lambda kind: kind.name)
def test_state_gradients_that_a_peer_has_not_are_refused(kind):
    model = Model("mlp", 2, 3, 1)
    network = kind().build(model, initialise(model))
    with pytest.raises(Unsupported, match="no state gradients"):
        network.forward(network.put(random_batch(model, 1, 2)), states=True)


@pytest.mark.parametrize("kind", EAGER, ids=lambda kind: kind.name)
def test_stacks_and_schedules_are_refused(kind):
    model = Model("rnn", 2, 3, 1)
    parameters = initialise(model)
    for schedule in (Schedule(truncation=(1, 2)), Schedule(checkpoint=2)):
        with pytest.raises(Unsupported, match=rf"has no feature '{schedule.features[0]}'"):
            kind().build(model, parameters, schedule=schedule)
    with pytest.raises(Unsupported, match="has no feature 'stack'"):
        kind().build(model, {name: p[None] for name, p in parameters.items()})


@pytest.mark.parametrize("kind", EAGER, ids=lambda kind: kind.name)
def test_ten_steps_are_those_of_the_torch_backend(kind):
    model = Model("lstm", 2, 3, 1)
    parameters, batch = initialise(model), random_batch(model, 5, 3)
    networks = [backend.build(model, parameters, dtype="float64") for backend in (kind(), TorchBackend())]
    for network in networks:
        mine = network.put(batch)
        for _ in range(10):
            network.step(mine, Adam(lr=0.01, clip_norm=0.1))
    for name in parameters:
        found, expected = (network.fetch(network.parameters[name]) for network in networks)
        # Adam divides by the root of averages down to 1e-8, which magnifies roundings of 1e-16 so much.
        assert compare(found, expected).within(1e-9)


# Every rule, with every limit; the running averages of one are those of the next, as on the host.
RULES = [
    Adam(lr=0.01, weight_decay=0.01),
    Adam(lr=0.02, beta1=0.8, beta2=0.99, eps=1e-4, clip_norm=0.05),
    AdamW(lr=0.01),
    AdamW(lr=0.01, clip_unit=0.05),
    Adam(lr=0.01, clip_value=0.05),
    Momentum(lr=0.05, momentum=0.8),
    Momentum(lr=0.05, nesterov=True, weight_decay=0.01, clip_norm=0.1),
    SGD(lr=0.1, weight_decay=0.01, clip_value=0.05),
    SGD(lr=0.1),
]
# Each for itself: its first average is a square, which those of another rule need not be.
ALONE = [
    RMSprop(lr=0.01, weight_decay=0.01),
    RMSprop(lr=0.01, alpha=0.9, momentum=0.5),
    RMSprop(lr=0.01, alpha=0.9, momentum=0.5, centered=True, eps=1e-3, clip_norm=0.1),
    RMSprop(lr=0.01, eps_in_sqrt=True),
]


@pytest.mark.parametrize("rules", [RULES, *([rule] for rule in ALONE)], ids=lambda rules: type(rules[0]).__name__)
@pytest.mark.parametrize("kind", EAGER, ids=lambda kind: kind.name)
def test_steps_and_updates_are_those_of_the_hosts_optimizers(kind, rules):
    model = Model("mlp", 2, 3, 2)
    batch = random_batch(model, 1, 4)
    peer, host = (backend.build(model, initialise(model), dtype="float64") for backend in (kind(), NumpyBackend()))
    theirs, ours = peer.put(batch), host.put(batch)
    for rule in rules:
        for by_step in (True, False, True):
            expected = host.step(ours, rule)
            if by_step:
                loss = peer.step(theirs, rule)
            else:
                tape = peer.forward(theirs)
                loss = tape.loss
                peer.update(peer.backward(tape), rule)
            assert peer.fetch(loss) == pytest.approx(expected, rel=1e-9)
        for name, p in host.parameters.items():
            assert compare(peer.fetch(peer.parameters[name]), p).within(1e-9)  # as for ten steps, above
        assert int(peer.slots[0]) == host.slots[0]


@pytest.mark.parametrize("kind", [TorchNn, TorchAutograd], ids=lambda kind: kind.name)
def test_torch_peers_step_by_fused_torch_optim(kind):
    model = Model("lstm", 2, 3, 2)
    network = kind().build(model, initialise(model))
    network.step(network.put(random_batch(model, 4, 3)), Adam(lr=0.01))
    assert type(network.optimizer).__name__ == "Adam"
    assert network.optimizer.defaults["fused"]


def test_jax_peers_step_in_one_program_and_in_place():
    model = Model("mlp", 2, 3, 2)
    network = JaxScan().build(model, initialise(model))
    batch = network.put(random_batch(model, 1, 3))
    before = dict(network.parameters)
    for _ in range(3):
        network.step(batch, Adam(lr=0.01))
    assert network.step_program._cache_size() == 1  # the second step compiles nothing
    assert network.program._cache_size() == 0
    assert all(array.is_deleted() for array in before.values())


@pytest.mark.parametrize("kind", [JaxScan, Flax], ids=lambda kind: kind.name)
def test_fifty_rates_compile_one_step_and_one_update(kind):
    model, rule = Model("mlp", 2, 3, 2), Adam(lr=0.01)
    network = kind().build(model, initialise(model))
    batch = network.put(random_batch(model, 1, 3))
    before = network.update_program._cache_size()  # of all networks of this process
    for rate in np.geomspace(0.1, 1e-4, 50):
        network.step(batch, rule.with_lr(rate))
        network.update(network.backward(network.forward(batch)), rule.with_lr(rate))
    assert network.step_program._cache_size() == 1
    assert network.update_program._cache_size() - before <= 1  # another network may have had the same
    assert all(p.dtype == "float32" for p in network.parameters.values())


@pytest.mark.parametrize("kind", EAGER, ids=lambda kind: kind.name)
def test_a_step_follows_the_rate(kind):
    model, rule = Model("mlp", 2, 3, 2), RMSprop(lr=0.1, momentum=0.5)
    batch = random_batch(model, 1, 4)
    peer, host = (backend.build(model, initialise(model), dtype="float64") for backend in (kind(), NumpyBackend()))
    theirs, ours = peer.put(batch), host.put(batch)
    for rate in (0.1, 0.05, 0.0, 0.01):
        peer.step(theirs, rule.with_lr(rate))
        host.step(ours, rule.with_lr(rate))
    for name, p in host.parameters.items():
        assert compare(peer.fetch(peer.parameters[name]), p).within(1e-9)  # as for ten steps, above


def test_torch_peers_keep_their_optimizer_when_the_rate_changes():
    model, rule = Model("mlp", 2, 3, 2), Adam(lr=0.1)
    network = TorchNn().build(model, initialise(model))
    batch = network.put(random_batch(model, 1, 4))
    network.step(batch, rule)
    made = network.optimizer
    network.step(batch, rule.with_lr(0.01))
    assert network.optimizer is made
    network.step(batch, Adam(lr=0.01, beta1=0.5))
    assert network.optimizer is not made


def test_peers_are_registered_under_their_names_and_run_only_when_named():
    assert {kind.name for kind in (*EAGER, TorchCompile)} == set(PEERS)
    plugins = load()
    assert all(plugins.get("backend", kind.name) is kind for kind in (*EAGER, TorchCompile))
    assert not set(PEERS) & set(default_backends(plugins))


def test_peers_in_jax_have_the_environment_of_jax(monkeypatch):
    monkeypatch.delenv("NPROC", raising=False)  # where it is set already, jax changes nothing
    environment = WorkerEnvironment(load(), {"threads": 2})
    changed = [
        set(environment(name).items()) - set(environment("numpy").items()) for name in ("jax", "jax-scan", "flax")
    ]
    assert changed[0] == changed[1] == changed[2]
    assert ("NPROC", "2") in changed[0]


def test_peers_are_tuned_as_the_backend_in_their_framework(monkeypatch):
    kernels, flush = {"OPENBLAS_CORETYPE": "SKYLAKEX"}, {"GRADSUITE_FLUSH_SUBNORMALS": "1"}
    monkeypatch.setattr("gradsuite_numpy.kernels.better_kernels", lambda features: "SKYLAKEX")
    monkeypatch.setattr("gradsuite.machine.subnormals.environment", lambda: flush)
    environment = WorkerEnvironment(load(), {"threads": 2})
    assert environment.tuning("autograd") == environment.tuning("numpy") == kernels | flush
    for name in ("torch", "torch-nn", "torch-autograd", "torch-compile", "jax", "jax-scan", "flax"):
        assert environment.tuning(name) == flush


class TestTorchNnConforms(BackendConformance):
    backend = TorchNn
    dtypes = ("float64",)


class TestTorchAutogradConforms(BackendConformance):
    backend = TorchAutograd
    dtypes = ("float64",)


class TestAutogradConforms(BackendConformance):
    backend = Autograd
    dtypes = ("float64",)
