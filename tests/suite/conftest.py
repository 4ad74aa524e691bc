"""Fixtures: throwaway plugins, seen by this process and by the workers it starts, and a command line to use them."""

import os
import sys
from pathlib import Path

import pytest
from gradsuite.__main__ import main

from tests.steady import steady_cores  # noqa: F401  for every test
from tests.stored import draw_nothing
from tests.throwaway import PROBE, install
from tests.tiny import tiny  # noqa: F401  an experiment on the real backends


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the backends `echo`, `delta` and `gone` and the experiment `probe`, and work in their folder."""
    install(tmp_path, "probe", PROBE)
    path = filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.delenv("GRADSUITE_DISABLE_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "probe_plugin", raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("probe_plugin", None)


@pytest.fixture
def type_in(probe, monkeypatch, capsys):
    """Type a command line; returns exit status, standard output and standard error."""
    draw_nothing(monkeypatch, lambda run, sections: run.path / "report.html")

    def type_in(*arguments):
        monkeypatch.setattr(sys, "argv", ["gradsuite", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return type_in


@pytest.fixture
def run(type_in):
    """The path of a finished run of `probe`."""
    status, output, _ = type_in("run", "probe", "--backend", "echo", "--preset", "quick")
    assert status == 0
    return output.splitlines()[-1]
