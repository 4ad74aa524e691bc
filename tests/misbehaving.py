"""Backends that compute as `numpy` does, but for what each does when it builds the one network that it is made for."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.throwaway import install

MISBEHAVING = """
import ctypes, os, sys, time
from dataclasses import replace
from gradsuite import hookimpl
from gradsuite_numpy.backend import NumpyBackend

class Behaved(NumpyBackend):
    def describe(self):
        return replace(super().describe(), name=self.name, dtypes=("float64", "float32"))

class Misbehaving(Behaved):
    def build(self, model, *arguments, **options):
        network = super().build(model, *arguments, **options)
        if (model.cell, model.activation) == ("rnn", "relu"):
            self.act(network)
        return network

def exits(network):
    sys.exit(0)

def leaves(network):
    os._exit(0)

def crashes(network):
    print("last words")
    ctypes.string_at(0)

def loops(network):
    while True:
        pass

def interrupts(network):
    raise KeyboardInterrupt

def closes(network):
    os.closerange(3, 4096)

def shuts(network):
    os.closerange(3, 4096)
    time.sleep(3600)

def scribbles(network):
    for descriptor in range(3, 4096):
        try:
            os.write(descriptor, b"\\xff[] not an answer\\n")
        except OSError:
            pass

def forks(network):
    if os.fork() == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        time.sleep(60)
    os._exit(0)

def shouts(network):
    print("by print")
    os.write(1, b"to descriptor 1\\n")
    os.system("echo by a shell")
    print("to stderr", file=sys.stderr)
    raise ValueError("two\\nlines")

def whispers(network):
    print("[]")

def doubles(network):
    backward = network.backward
    def doubled(tape):
        gradients = backward(tape)
        wrong = {name: 2 * array for name, array in gradients.parameters.items() if "weight_hh" in name}
        gradients.parameters = {**gradients.parameters, **wrong}
        return gradients
    network.backward = doubled

class Undescribed(Behaved):
    name = "undescribed"
    def describe(self):
        print("describing")
        os._exit(0)

class Endless(Behaved):
    name = "endless"
    def describe(self):
        time.sleep(3600)

class Unset(Behaved):
    name = "unset"

class Raising(Behaved):
    name = "raising"
    def describe(self):
        raise ValueError("two\\nlines")

class Empty(Behaved):
    name = "empty"
    def describe(self):
        return replace(super().describe(), devices=())

class Once(Behaved):
    # Comes up once, and never again after it has died.
    name = "once"
    def __init__(self):
        if os.path.exists(os.environ["ONCE"]):
            os._exit(3)
        open(os.environ["ONCE"], "w").close()
    def build(self, *arguments, **options):
        os._exit(0)

ACTS = (exits, leaves, crashes, loops, interrupts, closes, shuts, scribbles, forks, shouts, whispers, doubles)

@hookimpl
def register_backends(register):
    for act in ACTS:
        register(type(act.__name__, (Misbehaving,), {"name": act.__name__, "act": staticmethod(act)}))
    for backend in (Undescribed, Endless, Unset, Raising, Empty, Once):
        register(backend)

@hookimpl
def worker_environment(backend):
    if backend == "unset":
        sys.exit(0)
    return {}
"""


@pytest.fixture
def misbehaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install them for the workers that this process starts, and for itself as far as their names go."""
    install(tmp_path, "misbehaving", MISBEHAVING)
    path = filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "torch,jax,peers")  # their worlds are not needed here
    monkeypatch.setenv("ONCE", str(tmp_path / "once"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("misbehaving_plugin", None)
