"""An experiment that takes no time: three numbers per trial, a claim that holds, one that fails, and a figure."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.throwaway import install

TINY = """
from gradsuite import Claim, Experiment, Figure, Measurement, Resolution, Setting, Source, hookimpl

class Tiny(Experiment):
    name = "tiny"
    question = "Is a number three times in a trial?"
    settings = (Setting("number", float, "a number"), Setting("size", int, "a size", minimum=1))
    presets = {"quick": {"number": [1.0, 2.0], "size": [3]}}

    def measure(self, backend, device, settings):
        yield [Measurement("number", settings["number"], index=index) for index in range(settings["size"])]

    def claims(self, rows):
        for backend in rows["backend"].unique():
            for name, expected in (("least", rows["number"].min()), ("wrong", 0.0)):
                yield Claim(
                    name=f"{self.name}/{name}", backend=backend, sentence=f"The least number is {name}.",
                    source=Source("by how it is made"), expected=expected, measured=rows["value"].min(), tolerance=0.0,
                    resolution=Resolution(1e-15, "the number"),
                )

    def figures(self, rows, claims):
        from gradsuite.report import style
        canvas, axes = style.figure()
        style.points(axes[0, 0], rows, "index", "value")
        held = sum(claim.verdict == "holds" for claim in claims)
        style.title(canvas, f"{held} of {len(claims)} claims hold")
        yield Figure("points", "Numbers by their index.", canvas)
        if rows["size"].max() > 3:
            raise ZeroDivisionError("a fault of its author")

@hookimpl
def register_experiments(register):
    register(Tiny)
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the experiment `tiny` for this process and its workers, and work in its folder."""
    install(tmp_path, "tiny", TINY)
    path = filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.delenv("GRADSUITE_DISABLE_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("tiny_plugin", None)
