"""Cores that never slow: for tests that time something (the environment of tests/kit has no gradsuite of its own)."""

import pytest
from gradsuite.measuring.pace import Pace


@pytest.fixture(autouse=True)
def steady_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test hang on how fast this machine's cores run just now."""
    monkeypatch.setattr(Pace, "now", lambda self: 1.0)
