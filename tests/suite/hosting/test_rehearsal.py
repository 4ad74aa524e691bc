"""Rehearsals: acts in a copy of a process, which ends where one of them ends it; where there is no copy, none fails."""

import os
import sys

import pytest
from gradsuite.hosting.rehearsal import rehearse, rehearsing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is rehearsed elsewhere")


def test_a_copy_that_cannot_be_made_is_no_acts_fault(monkeypatch):
    def refuse():
        raise BlockingIOError("no process to spare")

    monkeypatch.setattr(os, "fork", refuse)
    with rehearsing():
        assert rehearse({"leaves": lambda: os._exit(7)}) == {}


def test_outside_of_a_command_nothing_is_rehearsed():
    assert rehearse({"leaves": lambda: os._exit(7)}) == {}
