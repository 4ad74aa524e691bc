"""The walk from a wrong LSTM to a right one: each command prints what the page shows, each correction is made."""

import re
import sys
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import pytest
from click.testing import CliRunner
from gradsuite.commands import gradsuite
from gradsuite.conformance import CHECKS, Subject, run

from tests.docs.blocks import ROOT, Block, blocks

PAGE = ROOT / "docs" / "finding-a-wrong-gradient.md"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package that `gradsuite new-backend mine` writes, importable and not installed."""
    done = CliRunner().invoke(gradsuite, ["new-backend", "mine", "--out", str(tmp_path)], standalone_mode=False)
    assert done.exception is None
    monkeypatch.syspath_prepend(tmp_path / "mine" / "src")
    # Bytecode is told from its source by size and second: lines that only change places would not be read again.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path / "mine"
    forget()


def forget() -> None:
    """Let the next import read the package again."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "gradsuite_mine"]:
        del sys.modules[name]


def printed(command: str) -> str:
    """Return what a command of the page prints of the package as it is now, check by check."""
    _, program, check, name, pattern, option, dtype = command.split()
    assert (program, check, name, option) == ("gradsuite", "check", "mine", "--dtype")
    forget()
    from gradsuite_mine.backend import MineBackend

    subject = Subject(MineBackend(), "cpu", dtype)
    results = [run(one, subject) for one in CHECKS if fnmatch(one.name, pattern)]
    count = Counter(result.verdict for result in results)
    summary = ", ".join(f"{count[verdict]} {verdict}" for verdict in ("passed", "failed", "unsupported"))
    return "".join(f"{line}\n" for line in [*results, summary])


def steady(text: str) -> str:
    """Return a text without the errors of what passed, which are rounding errors and differ between processors."""
    return re.sub(r"\S+ <=", "<=", text)


def correct(file: Path, block: Block) -> None:
    """Replace the lines that a diff takes away, which are there once, by those that it adds."""
    lines = block.text.splitlines(keepends=True)
    wrong, right = ("".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
    text = file.read_text(encoding="utf-8")
    assert text.count(wrong) == 1
    file.write_text(text.replace(wrong, right), encoding="utf-8")


def test_the_walk(package):
    shown = []
    for block in blocks(PAGE):
        if block.language == "console":
            command, _, text = block.text.partition("\n")
            shown.append((block.line, text, printed(command)))
        elif block.language == "diff":
            correct(package / block.title, block)
        else:
            (package / block.title).write_text(block.text, encoding="utf-8")
    assert len(shown) == 4
    for line, text, found in shown:
        assert steady(text) == steady(found), f"line {line}"
    verdicts = [found.split()[0] for _, _, found in shown]
    assert verdicts == ["failed", "failed", "failed", "passed"]
