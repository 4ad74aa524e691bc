"""The page on security says nothing that no test shows."""

import ast
import re

import pytest

from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
HEADER = ("| what is so | test |", "|---|---|")


def paragraphs():
    """Yield each row of a table, and each paragraph, of the page."""
    for block in re.split(r"\n{2,}", PAGE.strip()):
        lines = [line for line in block.splitlines() if line not in HEADER and not line.startswith("#")]
        if all(line.startswith("|") for line in lines):
            yield from lines
        else:
            yield " ".join(lines)


@pytest.mark.parametrize("said", list(paragraphs()))
def test_every_sentence_stands_beside_a_test_that_is_there(said):
    (named,) = TEST.findall(said)
    tree = ast.parse((ROOT / named[0]).read_text(encoding="utf-8"))
    assert named[1] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
