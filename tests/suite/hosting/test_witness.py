"""The witness: who is one, and who needs none."""

import os
import sys

import pytest
from gradsuite import plugins
from gradsuite.hosting import witness
from gradsuite.hosting.points import distribution

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is none elsewhere")


@pytest.fixture
def forked(monkeypatch):
    """Return the times that this process was to be forked; it never is."""
    times = []

    def refuse():
        times.append(1)
        raise BlockingIOError("no process to spare")

    monkeypatch.setattr(os, "fork", refuse)
    return times


def test_without_a_process_to_spare_a_command_goes_on_alone(forked):
    with witness.witnessed():
        witness.attend(["mine"])
    assert forked == [1]
    with witness.calling("the hook of a plugin"):
        witness.testify(0)


def test_a_program_that_loads_plugins_has_none(forked):
    witness.attend(["mine"])
    assert forked == []


def test_what_is_built_in_needs_none(forked, monkeypatch):
    monkeypatch.delenv("GRADSUITE_DISABLE_PLUGINS", raising=False)

    def built_in(**group):
        return [point for point in plugins.entry_points(**group) if distribution(point) == "gradsuite"]

    with witness.witnessed():
        plugins.load(discover=built_in)
    assert forked == []


def test_a_command_that_has_begun_its_work_has_none_any_more(forked):
    with witness.witnessed():
        witness.attend([])  # all that is not built in was blocked
        witness.attend(["mine"])
    assert forked == []
