"""What the C library keeps, as page faults tell it of a buffer taken twice."""

import os
import subprocess
import sys

import pytest
from gradsuite.machine import allocator

MIB = 2**20
SIZE = 64 * MIB  # above what glibc keeps by itself, below what it is to keep
FAULTS = f"""
import resource
def take():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(b"x") * {SIZE}
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
take()
print(take())
"""
IN_THREADS = f"""
import sys
from contextlib import nullcontext
from threading import Thread
from gradsuite.machine import allocator
from gradsuite.measuring import memory
def take():
    return bytearray(b"x") * {16 * MIB}
def keep():
    thread = Thread(target=take)
    thread.start()
    thread.join()
    memory.release()
    return memory.resident()
before = memory.resident()
with allocator.giving_back() if sys.argv[1] == "giving back" else nullcontext():
    now = keep()
assert keep() - before > {8 * MIB}, "the limits are back"
print(now - before)
"""
LARGEST_PAGE = 2 * MIB  # that a system with transparent huge pages fills at one fault


def faults(variables) -> int:
    """Return at how many page faults a process takes its second buffer."""
    plain = {name: value for name, value in os.environ.items() if name not in allocator.LIMITS}
    command = [sys.executable, "-P", "-c", FAULTS]
    return int(subprocess.run(command, env=plain | dict(variables), check=True, capture_output=True).stdout)


@pytest.mark.skipif(not allocator.environment(), reason="another C library than glibc, or an older one")
def test_a_large_buffer_is_taken_from_the_system_once():
    assert faults({}) >= SIZE // LARGEST_PAGE
    assert faults(allocator.environment()) < SIZE // LARGEST_PAGE // 2


@pytest.mark.skipif(not allocator.environment(), reason="another C library than glibc, or an older one")
def test_what_a_thread_freed_is_given_back_on_demand():
    def left(how):
        command = [sys.executable, "-P", "-c", IN_THREADS, how]
        environment = os.environ | allocator.environment()
        return int(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)

    # Of 16 MiB; the rest is what modules and a thread take.
    assert left("giving back") < 8 * MIB < left("keeping")


def test_without_limits_nothing_is_changed(monkeypatch):
    for name in allocator.LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: pytest.fail("asked the C library"))
    with allocator.giving_back():
        pass


@pytest.mark.parametrize(
    ("told", "version", "kept"),
    [
        ("glibc 2.36", (2, 36), True),
        ("glibc 2.41", (2, 41), True),
        ("glibc 2.31", (2, 31), False),
        ("glibc 2.39-beta", (), False),
        ("musl 1.2", (), False),
        ("", (), False),
        (None, (), False),
    ],
)
def test_only_a_glibc_that_can_is_asked(monkeypatch, told, version, kept):
    monkeypatch.setattr(os, "confstr", lambda name: told, raising=False)
    assert allocator.glibc() == version
    assert allocator.environment() == (allocator.LIMITS if kept else {})


@pytest.mark.parametrize("error", [AttributeError, ValueError])
def test_a_system_that_cannot_say_is_not_asked(monkeypatch, error):
    def refuse(name):
        raise error

    monkeypatch.setattr(os, "confstr", refuse, raising=False)
    assert allocator.environment() == {}
