"""Plugins with faults, installed all at once beside one that is right: what each does must cost itself alone."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent, indent

from tests.throwaway import install

BUILT_IN = "experiments,jax,mlflow,numpy,peers,torch"  # blocked where they are not asked for: loading them takes time
ESC = "\x1b"
FIRST = re.compile(r"not available: ([^:]+): (.*)")

# A backend that computes nothing, and an experiment with one of everything; the base of those with faults.
GOOD = """
from gradsuite import Claim, Experiment, Figure, Measurement, Resolution, Setting, Source, Table, hookimpl
from gradsuite.backend import Backend, BackendInfo
from gradsuite.experiment import Answer
from gradsuite.topic import Topic

class Echo(Backend):
    name = "echo"
    def describe(self):
        return BackendInfo(self.name, {self.name: "1.0"}, ("cpu",), ("float64",), ())
    def build(self, model, parameters, *, device="cpu", dtype="float32"):
        raise NotImplementedError

class Good(Experiment):
    name = "good"
    question = "Is one one?"
    settings = (Setting("size", int, "a size", minimum=1),)
    presets = {"quick": {"size": [1]}}

    def measure(self, backend, device, settings):
        yield [Measurement("size", settings["size"])]

    def claims(self, rows):
        yield self.claim("one")

    def claim(self, last, **changes):
        asked = {
            "name": f"{self.name}/{last}", "backend": "echo", "sentence": f"it is {last}",
            "source": Source("by design"), "expected": 1.0, "measured": 1.0, "tolerance": 0.0,
            "resolution": Resolution(0.1, "it"),
        }
        return Claim(**asked | changes)

    def findings(self, rows, claims):
        yield f"FINDING of {self.name}."

    def answers(self, rows, claims):
        yield Answer(Topic.THEORY, f"ANSWER of {self.name}.")

    def figures(self, rows, claims):
        yield self.figure("drawn")

    def figure(self, name, caption="CAPTION", **axes):
        from gradsuite.report import style
        canvas, panels = style.figure()
        panels[0, 0].plot([1.0, 2.0], **axes)
        style.title(canvas, f"FIGURE of {self.name}")
        return Figure(name, caption, canvas)

    def tables(self, rows, claims):
        import pandas as pd
        yield Table(f"TABLE of {self.name}", "All of it.", pd.DataFrame({"size": [1], "backend": ["echo"]}))

@hookimpl
def register_backends(register):
    register(Echo)

@hookimpl
def register_experiments(register):
    register(Good)
"""

HEADER = """
import asyncio, ctypes, math, os, signal, sys, threading, time
import numpy as np
import pandas as pd
from gradsuite import *
from gradsuite.errors import UserError
from gradsuite.experiment import Answer
from gradsuite.topic import Topic
from good_plugin import Good

class Strange(BaseException):
    pass

class Unreadable(Exception):
    def __str__(self):
        raise ValueError("not even this")
"""

# What any code may do in place of its work, and a part of the line that says so.
DEEDS = {
    "raises": ('raise ValueError("of its own")', "ValueError: of its own"),
    "refuses": ('raise UserError("do it otherwise")', "UserError: do it otherwise"),
    "leaves": ("sys.exit(0)", "SystemExit: 0"),
    "leaves-with-words": ('sys.exit("bye")', "SystemExit: bye"),
    "quits": ("os._exit(0)", "SystemExit: 0"),
    "quits-with-status": ("os._exit(7)", "SystemExit: 7"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "strange": ('raise Strange("thing")', "Strange: thing"),
    "cancelled": ("raise asyncio.CancelledError", "CancelledError"),
    "generator-exit": ("raise GeneratorExit", "GeneratorExit"),
    "unreadable": ("raise Unreadable", "Unreadable: (a message that cannot be read)"),
    "colours": (r'raise ValueError("\x1b[31mred\x07\x9b")', r"ValueError: \u001b[31mred\u0007\u009b"),
    "markup": ('raise ValueError("[/red][bold]")', "ValueError: [/red][bold]"),
    "surrogate": (r'raise ValueError("half \ud83d of it")', r"ValueError: half \ud83d of it"),
    "lines": (r'raise ValueError("one\ntwo\r\nthree")', "ValueError: one two three"),
    "endless-words": ('raise ValueError("x" * 10**6)', "ValueError: xxx"),
    "recursion": ("(f := lambda: f())()", "RecursionError"),
    "memory": ("raise MemoryError", "MemoryError"),
}


def module(body: str) -> str:
    """Return the source of a plugin that does this when it is imported."""
    return HEADER + dedent(body)


def hook(name: str, arguments: str, body: str) -> str:
    """Return the source of a plugin with a hook that does this."""
    return f"{HEADER}\n@hookimpl\ndef {name}({arguments}):\n{indent(dedent(body), '    ')}\n"


def experiment(name: str, body: str) -> str:
    """Return the source of a class of experiment that is `Good` but for this."""
    return f"class {class_name(name)}(Good):\n    name = {name!r}\n{indent(dedent(body).strip(), '    ')}\n"


def class_name(name: str) -> str:
    """Return what the class of an experiment is called."""
    return "".join(word.capitalize() for word in re.split("[^a-z0-9]", name))


def install_all(folder: Path, sources: Mapping[str, str]) -> None:
    """Install plugins by name, and the right one."""
    install(folder, "good", GOOD)
    for name, source in sources.items():
        install(folder, name, source)


def not_available(output: str) -> dict[str, str]:
    """Return what is said not to be available, with the reasons."""
    found: dict[str, str] = {}
    for name, reason in FIRST.findall(output):
        found[name] = " ".join(filter(None, [found.get(name, ""), reason]))
    return found


def is_safe(text: str) -> bool:
    """Whether a terminal that is shown this obeys nothing, and a reader sees no traceback."""
    return not any(character in text for character in (ESC, "\x07", "\x9b", "\r", "Traceback"))


def blocked(*names: str, but: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment that blocks built-in plugins, but for some, and others."""
    unwanted = [name for name in BUILT_IN.split(",") if name not in but]
    return {"GRADSUITE_DISABLE_PLUGINS": ",".join([*unwanted, *names])}
