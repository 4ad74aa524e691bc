"""Faults of `describe`: a backend that says rubbish of itself, or nothing, is not available, and says why."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from gradsuite.backend import BackendInfo

from tests.faults.channel import NO_ANSWER, write
from tests.faults.rows import HALF, MEGABYTE, Unspeakable
from tests.faults.tree import daemon

Describe = Callable[[BackendInfo], Any]


def but(**fields: Any) -> Describe:
    """Say what a sound backend says, but for these fields."""
    return lambda info: replace(info, **fields)


def raising(error: BaseException) -> Describe:
    """Raise this."""

    def describe(info: BackendInfo) -> Any:
        raise error

    return describe


def done(act: Callable[..., Any], *arguments: Any) -> Describe:
    """Do this before a sound description."""

    def describe(info: BackendInfo) -> Any:
        act(*arguments)
        return info

    return describe


TEXTS = "not by a tuple of texts"
RUBBISH: dict[str, tuple[Describe, str]] = {
    "says-none": (lambda info: None, "describes itself by None, not by a BackendInfo"),
    "says-a-table": (asdict, "not by a BackendInfo"),
    "says-its-class": (lambda info: type(info), "not by a BackendInfo"),
    "says-something-unspeakable": (lambda info: Unspeakable(), "by something of the class Unspeakable"),
    "name-is-none": (but(name=None), "describes its name by None, not by a text"),
    "versions-are-none": (but(versions=None), "describes its versions by None, not by a table of texts"),
    "versions-are-a-list": (but(versions=["1.0"]), "describes its versions by ['1.0'], not by a table of texts"),
    "a-version-is-a-number": (but(versions={"x": 1.0}), "describes its versions by {'x': 1.0}, not by a table of"),
    "devices-are-none": (but(devices=None), f"describes its devices by None, {TEXTS}"),
    "devices-are-a-set": (but(devices={"cpu"}), f"describes its devices by {{'cpu'}}, {TEXTS}"),
    "devices-are-a-text": (but(devices="cpu"), f"describes its devices by 'cpu', {TEXTS}"),
    "dtypes-are-numbers": (but(dtypes=(64, 32)), f"describes its dtypes by (64, 32), {TEXTS}"),
    "dtypes-are-classes": (but(dtypes=(float,)), f"describes its dtypes by (<class 'float'>,), {TEXTS}"),
    "cells-are-a-generator": (but(cells=(cell for cell in ("rnn",))), f"{TEXTS}"),
    "cells-hold-none": (but(cells=("rnn", None)), f"describes its cells by ('rnn', None), {TEXTS}"),
    "activations-are-a-list": (but(activations=["tanh"]), "describes its activations by ['tanh'], not by a table"),
    "activations-hold-a-text": (but(activations={"rnn": "tanh"}), "not by a table of tuples of texts"),
    "readouts-are-none": (but(readouts=None), f"describes its readouts by None, {TEXTS}"),
    "losses-are-a-function": (but(losses=len), f"describes its losses by <built-in function len>, {TEXTS}"),
    "layers-are-a-text": (but(max_layers="2"), "describes its max_layers by '2', not by a whole number above 0"),
    "layers-are-nan": (but(max_layers=float("nan")), "describes its max_layers by nan, not by a whole number above 0"),
    "layers-are-negative": (but(max_layers=-1), "describes its max_layers by -1, not by a whole number above 0"),
    "features-are-none": (lambda info: replace(info, features=None), "TypeError"),
    "features-are-unknown": (lambda info: replace(info, features=("flight",)), "unknown feature of"),
    "libraries-are-none": (but(libraries=None), f"describes its libraries by None, {TEXTS}"),
    "describe-raises": (raising(ValueError("two\nlines")), "ValueError: two lines"),
    "describe-raises-half-a-character": (raising(ValueError(HALF)), "ValueError: \\ud800"),
    "describe-exits": (raising(SystemExit(0)), "SystemExit: 0"),
    "describe-interrupts": (raising(KeyboardInterrupt()), "KeyboardInterrupt"),
    "describe-leaves": (done(os._exit, 0), "the worker ended with exit status 0"),
    "describe-crashes": (done(ctypes.string_at, 0), "the worker was killed by SIGSEGV"),
    "describe-is-killed": (lambda info: os.kill(os.getpid(), signal.SIGKILL), "the worker was killed by SIGKILL"),
    "describe-writes": (done(write, b"{}\n"), NO_ANSWER),
    "describe-leaves-a-daemon": (lambda info: (daemon(), sys.exit(1)), "SystemExit: 1"),
}
SOUND: dict[str, Describe] = {  # these are no faults: a text is cut or mended
    "a-version-is-a-megabyte": but(versions={"x": MEGABYTE}),
    "a-version-is-half-a-character": but(versions={"x": HALF}),
    "devices-are-a-list": but(devices=["cpu"]),
}
