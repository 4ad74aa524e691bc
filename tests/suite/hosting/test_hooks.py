"""The first answer to a hook: of a plugin that fails, another may have it."""

import sys
from pathlib import Path

import pytest
from gradsuite import hookimpl
from gradsuite.errors import NotAvailable, UserError
from gradsuite.plugins import Plugins


class Answering:
    """A plugin that answers, refuses, fails or leaves, as it is told."""

    def __init__(self, act):
        self.act = act

    @hookimpl
    def read_weights(self, path):
        return self.act()


def refuse():
    raise UserError("not so")


ANSWERS = {"found": lambda: {"weight": 1}, "none": lambda: None, "refuses": refuse, "leaves": lambda: sys.exit(0)}


def first(*asked):
    """Return what is answered if plugins are asked in this order, and the faults."""
    plugins = Plugins({name: Answering(ANSWERS[name]) for name in reversed(asked)})
    return plugins.hooks.first("read_weights", path=Path("weights.pt")), plugins.hooks.faults


def test_it_is_that_of_the_first_that_has_one():
    assert first("none", "found", "refuses") == ({"weight": 1}, [])
    assert first("none") == (None, [])


def test_one_that_fails_is_passed_over_and_named():
    fault = "the hook read_weights of the plugin 'leaves' failed: SystemExit: 0"
    assert first("leaves", "found") == ({"weight": 1}, [fault])
    with pytest.raises(NotAvailable, match=fault):
        first("leaves", "none")


def test_what_is_refused_is_said():
    with pytest.raises(UserError, match="not so"):
        first("refuses", "found")
