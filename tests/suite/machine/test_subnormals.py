"""Subnormal numbers, kept and flushed: in processes of their own, for a thread that flushes does so for good."""

import os
import subprocess
import sys

import numpy as np
import pytest
from gradsuite.machine import subnormals
from gradsuite.machine.subnormals import VARIABLE

# Halves the smallest normal number, in the main thread and in one started after it, and in float64 by Python itself.
HALVES = """
import threading
import numpy as np
from gradsuite.machine import subnormals
subnormals.flush_if_asked()
found = []
def halve():
    tiny = np.full(64, np.finfo(np.float32).tiny)
    found.append(float((tiny * np.float32(0.5)).view(np.int32).max()))
halve()
thread = threading.Thread(target=halve)
thread.start()
thread.join()
print(*found, (2.0**-1022 * 0.5).hex())
"""
HALF_OF_TINY = 2**22  # the bits of float32's 2^-127: exponent 0, the highest bit of the fraction


def halves(variables):
    """Return what is left of the smallest normal number halved: as bits of float32 in two threads, and of float64."""
    plain = {name: value for name, value in os.environ.items() if name != VARIABLE}
    command = [sys.executable, "-P", "-c", HALVES]
    return subprocess.run(command, env=plain | variables, check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize("variables", [{}, {VARIABLE: "0"}])
def test_they_are_kept_unless_asked_otherwise(variables):
    here, there, double = halves(variables)
    assert (float(here), float(there)) == (HALF_OF_TINY, HALF_OF_TINY)
    assert float.fromhex(double) == 2.0**-1023


@pytest.mark.skipif(not subnormals.available(), reason="no glibc, or not x86-64")
def test_they_are_flushed_in_every_thread_and_precision():
    here, there, double = halves({VARIABLE: "1"})
    assert (float(here), float(there), float.fromhex(double)) == (0, 0, 0)


def test_where_it_cannot_be_had_nothing_happens(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.setattr(subnormals, "available", lambda: False)
    monkeypatch.setattr(subnormals, "flush", lambda: pytest.fail("flushed"))
    subnormals.flush_if_asked()


@pytest.mark.parametrize(
    ("machine", "glibc", "there"),
    [("x86_64", (2, 36), True), ("x86_64", (), False), ("aarch64", (2, 36), False)],
)
def test_it_takes_glibc_on_x86_64(monkeypatch, machine, glibc, there):
    monkeypatch.setattr(subnormals.platform, "machine", lambda: machine)
    monkeypatch.setattr(subnormals, "glibc", lambda: glibc)
    assert subnormals.available() is there


@pytest.mark.parametrize(("cost", "available", "tuned"), [(90.0, True, True), (1.1, True, False), (90.0, False, False)])
def test_a_tuned_worker_flushes_where_that_can_be_had_and_pays(monkeypatch, cost, available, tuned):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(subnormals, "cost", lambda: cost)
    monkeypatch.setattr(subnormals, "available", lambda: available)
    assert subnormals.environment() == ({VARIABLE: "1"} if tuned else {})


def test_the_users_own_choice_stays(monkeypatch):
    monkeypatch.setenv(VARIABLE, "0")
    monkeypatch.setattr(subnormals, "cost", lambda: pytest.fail("measured"))
    assert subnormals.environment() == {}


def test_the_cost_is_a_ratio_of_products_of_which_one_is_subnormal():
    assert 0.5 < subnormals.cost() < 1000  # no processor is faster at them; the slowest known takes 200 times as long
    tiny = np.finfo(np.float32).tiny
    assert 0 < tiny * np.float32(0.5) < tiny  # here they are kept, so that the cost is theirs
