"""Options of XLA's that a version may or may not have."""

import pytest

pytest.importorskip("jax")

from gradsuite_jax.compiling import OPTIONS, accepted


def test_options_that_this_version_has_are_taken_and_others_left():
    assert accepted(OPTIONS) == OPTIONS
    assert accepted({}) == {}
    assert accepted({"xla_no_such_option": True} | OPTIONS) == OPTIONS
