"""Hosts and workers killed at random moments, over real processes."""

import random

import pytest

from tests.killing import killed, unbroken
from tests.pacing import installed


@pytest.mark.long
def test_a_run_that_is_killed_twelve_times_is_as_one_that_was_not(tmp_path):
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    broken.mkdir()
    whole.mkdir()
    found = killed(installed(broken), 12, random.Random(16))
    assert found.count == 12
    assert found.tracebacks == []
    assert found.lost == []
    assert found.twice == []
    assert found.rows.equals(unbroken(installed(whole)))
