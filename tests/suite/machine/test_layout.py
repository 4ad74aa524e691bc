"""The layout of processes, as the system tells it of two that do the same."""

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from gradsuite.machine import layout
from gradsuite.machine.layout import ENVIRONMENT, fixed_layout

# Where two things lie that a program makes as it runs, and one that it is loaded with; and how it hashes.
PLACES = "import sys; print(id(object()), id({name: [] for name in 'abc'}), id(sys.modules['sys']), hash('a'))"
RANDOM = Path("/proc/sys/kernel/randomize_va_space")
linux = pytest.mark.skipif(platform.system() != "Linux", reason="personality(2) is Linux's")


def places(environment=ENVIRONMENT) -> str:
    command = [sys.executable, "-P", "-c", PLACES]
    return subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True).stdout.decode()


@linux
def test_processes_that_do_the_same_lie_the_same():
    with fixed_layout() as fixed:
        found = {places() for _ in range(4)}
        hashed = {places({"PYTHONHASHSEED": "random"}) for _ in range(2)}
    assert layout.layout() == ("fixed" if fixed else "random")
    # Two random layouts have at least 28 bits each, two hashes 64: they do not meet.
    assert len(hashed) == 2
    random = len({places() for _ in range(2)}) == 2
    assert random is (RANDOM.read_text().strip() != "0")
    assert len(found) == (4 if random and not fixed else 1)


@linux
def test_afterwards_all_is_as_before():
    def own():
        return Path("/proc/self/personality").read_text()

    before = own()
    with fixed_layout() as fixed:
        assert (own() != before) is fixed
    assert own() == before


@linux
def test_a_refusal_changes_nothing(monkeypatch):
    class Refusing:
        def personality(self, asked):
            return 0 if asked.value == layout.ASK else layout.REFUSED

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Refusing())
    assert layout.layout() == "random"


def test_other_systems_lay_out_at_random(monkeypatch):
    monkeypatch.setattr(layout.platform, "system", lambda: "Darwin")
    assert layout.layout() == "random"
