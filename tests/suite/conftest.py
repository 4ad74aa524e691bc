"""A fixture with throwaway plugins, seen by this process and by the workers it starts."""

import sys
from pathlib import Path

import pytest

from tests.throwaway import PROBE, install


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the backends `echo`, `delta` and `gone` and the experiment `probe`, and work in their folder."""
    install(tmp_path, "probe", PROBE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("GRADSUITE_DISABLE_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "probe_plugin", raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("probe_plugin", None)
