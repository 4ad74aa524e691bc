"""CITATION.cff cites the version there is."""

import re

from gradsuite import __version__

from tests.docs.blocks import ROOT


def test_the_version_is_this_one():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [__version__]
