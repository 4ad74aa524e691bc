"""The page on what is stable lists the names that the front door has, each once."""

import re

import gradsuite

from tests.docs.blocks import ROOT


def test_the_page_lists_the_front_door():
    section = (
        (ROOT / "docs" / "api.md").read_text(encoding="utf-8").partition("## The front door")[2].partition("\n## ")[0]
    )
    rows = [line.split("|")[2] for line in section.splitlines() if line.startswith("|")]
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(names) == sorted(gradsuite.__all__)
