"""What a page shows a `gradsuite theory` command to print is what it prints, digit by digit."""

import pytest
from click.testing import CliRunner
from gradsuite.commands import gradsuite

from tests.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs" / "theory.md"
SHOWN = [block for block in blocks(PAGE) if block.language == "console"]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: f"line {block.line}")
def test_a_command_prints_what_the_page_shows(block):
    prompt, _, shown = block.text.partition("\n")
    _, program, *arguments = prompt.split()
    assert program == "gradsuite"
    assert CliRunner().invoke(gradsuite, arguments, standalone_mode=False).output == shown


def test_every_law_is_shown():
    shown = {block.text.split()[3] for block in SHOWN}
    assert shown == set(gradsuite.get_command(None, "theory").commands)
