"""A backend that is a command, from end to end: its gradients, what it holds, its death, and its worker."""

import gc
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.conformance import CHECKS, Subject, run
from gradsuite.errors import Unsupported, UserError
from gradsuite.foreign.backend import command_backend, info
from gradsuite.foreign.child import CommandError
from gradsuite.measuring import memory
from gradsuite.model import Model
from gradsuite.optimizers import SGD, Adam
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule
from gradsuite.tasks.synthetic.temporal_order import TemporalOrder
from gradsuite.training.recipe import Recipe
from gradsuite.training.session import Session
from gradsuite_numpy.backend import NumpyBackend

SPEAKER = Path(__file__).with_name("speaker.py")
MODEL = Model("lstm", 2, 3, 2)
# Each is a promise in which a command could differ from the backend behind it; gradients are compared bit by bit below.
PROMISES = (
    *("describe", "unclaimed-is-refused", "host-arrays-copied", "networks-apart", "tapes-apart", "results-kept"),
    *("fetched-copies", "fetched-dtype", "parameters-arrive", "batches-arrive", "stack", "truncation", "checkpoint"),
    *("nan", "train-adam-update", "train-clip-norm-step"),
)


@contextmanager
def commanded(*command):
    """Return a backend whose command ends with the block."""
    backend = command_backend("speaker", [sys.executable, *command])()
    try:
        yield backend
    finally:
        backend.child.close()


@pytest.fixture(scope="module")
def speaker():
    """Return a backend for all tests."""
    with commanded(str(SPEAKER)) as backend:
        yield backend


def batch(steps=4, size=3):
    rng = np.random.default_rng(0)
    return Batch(rng.standard_normal((steps, size, 2)), rng.standard_normal((size, 2)))


def results(backend, dtype):
    network = backend.build(MODEL, initialise(MODEL), dtype=dtype)
    tape = network.forward(network.put(batch()), states=True)
    gradients = network.fetch_gradients(network.backward(tape))
    by_state = {"states": gradients.states, "cell_states": gradients.cell_states}
    return {
        "loss": network.fetch(tape.loss),
        "outputs": network.fetch(tape.outputs),
        **gradients.parameters,
        **by_state,
    }


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_array_has_the_bits_of_the_backend_behind_it(speaker, dtype):
    found, expected = results(speaker, dtype), results(NumpyBackend(), dtype)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_training_on_the_host_gives_the_same_bits(speaker):
    trained = []
    for backend in (speaker, NumpyBackend()):
        network = backend.build(MODEL, initialise(MODEL), dtype="float64")
        on_device = network.put(batch())
        losses = [float(network.fetch(network.step(on_device, Adam(lr=0.1)))) for _ in range(5)]
        trained.append((losses, network.fetch(network.parameters["weight_hh_l0"]).tolist()))
    assert trained[0] == trained[1]


def test_parameters_that_are_replaced_on_the_network_are_sent(speaker):
    network = speaker.build(MODEL, initialise(MODEL), dtype="float64")
    on_device = network.put(batch())
    network.parameters = {name: 0 * p for name, p in network.parameters.items()}
    np.testing.assert_array_equal(network.fetch(network.forward(on_device).outputs), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="read-only"):
        network.parameters["readout.bias"][:] = 1  # a change that would not be sent


@pytest.mark.parametrize("check", [c for c in CHECKS if c.name in PROMISES], ids=lambda check: check.name)
def test_the_promises_hold(speaker, check):
    result = run(check, Subject(speaker, "cpu", "float64"))
    assert result.verdict == "passed", str(result)


def test_each_promise_is_a_check():
    assert set(PROMISES) <= {check.name for check in CHECKS}


def test_the_command_holds_no_more_than_the_host_refers_to():
    with commanded(str(SPEAKER)) as backend:
        network = backend.build(MODEL, initialise(MODEL))
        on_device = network.put(batch())
        for _ in range(20):
            network.step(on_device, SGD(lr=0.1))
        gc.collect()
        assert backend.child.ask("held")[0]["count"] == 2  # the network and its batch
        del network, on_device
        gc.collect()
        assert backend.child.ask("held")[0]["count"] == 0


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ((4, 3, 5), (3, 2), r"inputs must be \(T, B, 2\), not \(4, 3, 5\)"),
        ((0, 3, 2), (3, 2), r"inputs must be \(T, B, 2\), not \(0, 3, 2\)"),
        ((4, 3, 2), (3, 1), r"targets must be \(3, 2\), not \(3, 1\)"),
        ((4, 3, 2), (1, 3, 2), r"targets must be \(3, 2\), not \(1, 3, 2\)"),
    ],
)
def test_what_is_not_the_models_does_not_reach_the_command(speaker, inputs, targets, message):
    network = speaker.build(MODEL, initialise(MODEL))
    with pytest.raises(UserError, match=message):
        network.put(Batch(np.zeros(inputs), np.zeros(targets)))


def test_classes_out_of_range_do_not_reach_the_command(speaker):
    model = Model("rnn", 2, 3, 2, loss="cross_entropy")
    network = speaker.build(model, initialise(model))
    for wrong in (-1, 2):
        with pytest.raises(UserError, match="classes must be 0 to 1"):
            network.put(Batch(np.zeros((4, 1, 2)), np.array([wrong])))


def test_a_tape_is_good_for_one_backward_pass(speaker):
    network = speaker.build(MODEL, initialise(MODEL))
    tape = network.forward(network.put(batch()))
    network.backward(tape)
    with pytest.raises(RuntimeError, match="used up"):
        network.backward(tape)


def test_what_the_command_raises_is_the_hosts_error_and_the_command_goes_on(speaker):
    with pytest.raises(CommandError, match=r"^KeyError: 'sing'$"):
        speaker.child.ask("sing")
    assert speaker.describe().name == "speaker"


def test_a_death_costs_its_networks_alone(speaker):
    network = speaker.build(MODEL, initialise(MODEL))
    os.kill(speaker.child.process.pid, signal.SIGKILL)
    with pytest.raises(CommandError, match="the command of 'speaker' was killed by SIGKILL"):
        network.put(batch())
    again = speaker.build(MODEL, initialise(MODEL))
    assert np.isfinite(again.fetch(again.forward(again.put(batch())).loss))
    with pytest.raises(CommandError, match="was killed by SIGKILL"):
        network.put(batch())


def test_memory_that_is_another_processs_is_not_measured(speaker):
    speaker.describe()
    assert memory.needed(lambda: None) is None
    with pytest.raises(Unsupported, match="the memory of a backend that is a command is not measured"):
        memory.growth(lambda: None)


SAID = {"versions": {"mine": "1"}, "devices": ["cpu"], "dtypes": ["float32"], "cells": ["rnn"]}


def test_a_description_is_the_backends():
    found = info("mine", SAID | {"max_layers": 2, "activations": {"rnn": ["tanh"]}, "features": ["stack"]})
    assert (found.name, found.devices, found.max_layers) == ("mine", ("cpu",), 2)
    assert (found.activations, found.features) == ({"rnn": ("tanh",)}, ("stack",))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (None, "describes itself by None, not by an object `info`"),
        (SAID | {"device": ["cpu"]}, "unknown field of `info` from 'mine' 'device'; did you mean 'devices'"),
        (SAID | {"devices": "cpu"}, r"describes devices as 'cpu' \(allowed: a list of texts, as \[\"cpu\"\]\)"),
        (SAID | {"max_layers": 0}, r"describes max_layers as 0 \(allowed: a number from 1 on, or null\)"),
        (SAID | {"versions": ["1"]}, "describes versions as .* versions by package"),
        ({name: SAID[name] for name in ("versions", "cells", "devices")}, "describes no dtypes"),
        (SAID | {"dtypes": ["bfloat16"]}, "the dtype 'bfloat16', which frames do not carry"),
        (SAID | {"features": ["stacked"]}, "unknown feature of mine 'stacked'; did you mean 'stack'"),
    ],
)
def test_a_description_that_is_none_is_one_line(said, message):
    with pytest.raises(UserError, match=message):
        info("mine", said)


def test_another_protocol_is_refused():
    newer = SPEAKER.read_text().replace('"protocol": 1', '"protocol": 7')
    said = "the command of 'speaker' speaks protocol 7, not 1"
    with commanded("-c", newer) as backend, pytest.raises(UserError, match=said):
        backend.describe()


def test_the_command_has_the_schedule(speaker):
    network = speaker.build(MODEL, initialise(MODEL), dtype="float64", schedule=Schedule(truncation=(1, 1)))
    plain = speaker.build(MODEL, initialise(MODEL), dtype="float64")
    first = [n.fetch_gradients(n.backward(n.forward(n.put(batch()), states=True))).states[0] for n in (network, plain)]
    assert not first[0].any()
    assert first[1].any()


def test_a_command_is_trained_with_omega_as_the_backend_behind_it_is(speaker):
    task = TemporalOrder()
    model = task.model("rnn", 4)
    recipe = Recipe(optimizer=SGD(lr=0.1, clip_norm=1.0), omega=2.0, length=12, steps=3)
    sessions = [Session(b, task, model, initialise(model), recipe, dtype="float64") for b in (speaker, NumpyBackend())]
    (found,), (expected,) = (list(session.run()) for session in sessions)
    assert (found.loss, found.gradient_norm) == (expected.loss, expected.gradient_norm)
    for name, p in sessions[1].parameters().items():
        np.testing.assert_array_equal(sessions[0].parameters()[name], p)
