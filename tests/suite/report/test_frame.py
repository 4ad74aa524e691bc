"""The frame of a page: how a table's entries stand in it."""

import jinja2
import numpy as np
import pytest
from gradsuite.report.frame import Frame, table_entry


@pytest.mark.parametrize(
    ("value", "entry"),
    [
        ("exploding, 12", ("exploding", "exploding, 12")),
        ("stable", ("stable", "stable")),
        ("unstable", ("", "unstable")),
        (0.123456, ("number", "0.1235")),
        (3, ("number", "3")),
        (np.nan, ("number", "-")),
        (None, ("number", "-")),
        (np.inf, ("number", "inf")),
    ],
)
def test_table_entries(value, entry):
    assert table_entry(value) == entry


def test_templates_are_compiled_once_for_all_pages(monkeypatch):
    first = Frame(["numpy"]).page("page.js", title="A page", version="1.0")
    monkeypatch.setattr(jinja2.Environment, "compile", None)
    assert Frame(["numpy"]).page("page.js", title="A page", version="1.0") == first
