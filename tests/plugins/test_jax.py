"""What the jax backend promises of waiting, threads and compilations."""

from contextlib import contextmanager

import numpy as np
import pytest
from gradsuite.model import Model
from gradsuite.optimizers import OPTIMIZERS, SGD, Adam, optimizer
from gradsuite.parameters import initialise

jax = pytest.importorskip("jax")

from gradsuite_jax import worker_environment  # noqa: E402
from gradsuite_jax.backend import JaxBackend  # noqa: E402
from gradsuite_jax.compiling import program  # noqa: E402

from tests.plugins.passes import random_batch  # noqa: E402

MACHINE = {"threads": 3, "cpu": "a processor", "features": ["avx2"]}


def test_only_a_worker_that_times_nothing_finds_programs_compiled(monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_hlo_as_text")
    times, measures, checks = (
        worker_environment("jax", {**MACHINE, "purpose": purpose}) for purpose in ("time", "measure", "check")
    )
    assert not {"JAX_COMPILATION_CACHE_DIR", "XLA_FLAGS"} & set(times)
    assert "XLA_FLAGS" not in checks  # what is checked is what is timed
    assert measures["XLA_FLAGS"] == "--xla_dump_hlo_as_text --xla_backend_optimization_level=1"
    folder = measures["JAX_COMPILATION_CACHE_DIR"]
    assert folder == checks["JAX_COMPILATION_CACHE_DIR"]
    other = worker_environment("jax", {**MACHINE, "features": ["sve"], "purpose": "check"})
    assert other["JAX_COMPILATION_CACHE_DIR"] != folder
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/elsewhere")
    assert "JAX_COMPILATION_CACHE_DIR" not in worker_environment("jax", {**MACHINE, "purpose": "check"})


def test_synchronize_waits_for_everything_started():
    model = Model("rnn", 8, 256, 2)
    network = JaxBackend().build(model, initialise(model))
    batch = network.put(random_batch(model, 200, 16))
    tapes = [network.forward(batch) for _ in range(3)]
    gradients = network.backward(tapes[0])
    network.synchronize()
    assert all(tape.loss.is_ready() and tape.outputs.is_ready() for tape in tapes)
    assert all(array.is_ready() for array in gradients.parameters.values())


def test_only_its_own_worker_gets_its_threads():
    assert worker_environment("jax", {"threads": 3})["NPROC"] == "3"
    assert worker_environment("numpy", {"threads": 3}) is None


def test_it_says_how_many_threads_xla_has(monkeypatch):
    monkeypatch.setenv("NPROC", worker_environment("jax", {"threads": 3})["NPROC"])
    assert JaxBackend().describe().libraries == ("jaxlib: XLA, threads: 3",)


@contextmanager
def compilations():
    """Give a list that grows by one with every program that XLA compiles."""
    compiled = []

    def listen(event, duration, **kwargs):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize(("hidden", "optimizer"), [(3, Adam(lr=0.01)), (4, SGD(lr=0.1))])
def test_networks_of_one_shape_compile_once(hidden, optimizer):
    model = Model("rnn", 2, hidden, 2)
    batch = random_batch(model, 6, 2)
    counts = []
    with compilations() as compiled:
        for seed in range(3):
            network = JaxBackend().build(model, initialise(model, seed=seed))
            on_device = network.put(batch)
            network.backward(network.forward(on_device))
            for _ in range(3):
                network.step(on_device, optimizer)
            counts.append(len(compiled))
    # forward, backward and the fused step, which is the same program at every step
    assert counts == [3, 3, 3]


RATES = np.geomspace(1.0, 1e-6, 50)


def test_fifty_rates_compile_one_step_and_one_update():
    model, rule = Model("rnn", 2, 5, 2), Adam(lr=0.1, weight_decay=0.01)
    network = JaxBackend().build(model, initialise(model))
    batch = network.put(random_batch(model, 6, 2))
    found = network.backward(network.forward(batch))
    with compilations() as compiled:
        for rate in RATES:
            network.step(batch, rule.with_lr(rate))
            network.update(found, rule.with_lr(rate))
    assert len(compiled) == 2


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_at_any_rate_is_to_the_bit_that_of_a_program_with_this_rate_in_it(name, dtype):
    model = Model("mlp", 5, 30, 2)
    network = JaxBackend().build(model, initialise(model), dtype=dtype)
    found = network.backward(network.forward(network.put(random_batch(model, 1, 4))))
    rule = optimizer(name, lr=1 / 3, weight_decay=0.013, clip_norm=0.5)
    fixed = program()(rule.apply)
    expected, slots = network.parameters, network._start(rule)
    for _ in range(2):
        network.update(found, rule)
        expected, slots = fixed(expected, found.parameters, slots)
        for key, p in network.parameters.items():
            assert p.dtype == expected[key].dtype == dtype
            # Bits, not numbers: Adam's 1e-8 is 0 in float16, and 0 / 0 is to stay NaN.
            np.testing.assert_array_equal(np.asarray(p).view(np.uint8), np.asarray(expected[key]).view(np.uint8))
