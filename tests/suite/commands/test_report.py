"""gradsuite report in its forms: each is written where it was asked for, and whatever the names are, they are text."""

import json
import shutil

import nbformat
import pytest
from gradsuite.experiment import Result, Trial
from gradsuite.report.forms import pdf
from gradsuite.rows import Measurement
from nbclient import NotebookClient

from tests.stored import run_of

HOSTILE = "mine|<script>alert(1)</script>`#\n"


@pytest.fixture
def stored(tmp_path):
    """Return a run of one trial of `latch` that measured nothing its claims or figures need."""
    trial = Trial("question", HOSTILE, "cpu", {"gain": 1.0})
    rows = tuple(Measurement("norm", 0.5**k, index=k) for k in range(3))
    meta = {"backends": {HOSTILE: {"versions": {"lib": "1|2"}, "devices": ["cpu"], "dtypes": ["float64"]}}}
    return run_of(tmp_path / "a-run", [(trial, Result("ok", rows))], **meta)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("report RUN --format docx", "unknown format 'docx'"),
        ("report RUN --out report.docx", "'report.docx' does not end like a format"),
        ("report RUN --out report", "'report' does not end like a format"),
        ("report RUN --format md --out no/such/folder/r.md", "cannot write 'no/such/folder/r.md'"),
        ("report nowhere --format md", "unknown run 'nowhere'"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(stored, type_line, line, message):
    status, _, errors = type_line(line.replace("RUN", str(stored.path)))
    assert status == 2
    assert message in errors.splitlines()[-1]
    assert "Traceback" not in errors


def test_markdown_is_text_whatever_the_names_are(stored, type_line):
    _, output, _ = type_line(f"report {stored.path} --out report.md")
    assert output.splitlines()[-1] == "report.md"
    written = (stored.path.parent / "report.md").read_text(encoding="utf-8")
    assert written.startswith("## gradsuite: a\\-run\n")
    assert "<script>" not in written
    assert len(written.splitlines()) < 60
    (line,) = [line for line in written.splitlines() if "lib 1" in line]
    assert line.replace("\\|", "").count("|") == 3  # two columns


def test_a_notebook_finds_its_run_and_runs(stored, type_line):
    type_line(f"report {stored.path} --format notebook --out {stored.path.parent / 'report.ipynb'}")
    written = stored.path.parent / "report.ipynb"
    book = nbformat.read(written, as_version=4)
    assert "gradsuite.load('a-run')" in book.cells[1].source
    NotebookClient(book, resources={"metadata": {"path": str(written.parent)}}, timeout=120).execute()
    printed = json.dumps(book.cells)
    assert "ok" in printed or "question" in printed


def test_what_was_written_is_opened_if_that_is_asked_for(stored, type_line, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    type_line(f"report {stored.path} --out report.md")
    assert opened == []
    type_line(f"report {stored.path} --out report.md --open")
    assert opened == [(stored.path.parent / "report.md").as_uri()]


def test_without_a_browser_a_pdf_is_refused_before_anything_is_drawn(stored, type_line, monkeypatch):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    status, _, errors = type_line(f"report {stored.path} --format pdf")
    assert status == 2
    assert "install chromium or Google Chrome" in errors.splitlines()[-1]
    assert not (stored.path / "report.html").exists()


def test_a_browser_that_fails_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "browser", lambda: "false")
    with pytest.raises(pdf.UserError, match="cannot print"):
        pdf.print_page(tmp_path / "report.html", tmp_path / "report.pdf")


@pytest.mark.skipif(not any(map(shutil.which, pdf.BROWSERS)), reason="no browser that prints is installed here")
def test_a_pdf_is_printed(stored, type_line):
    _, output, _ = type_line(f"report {stored.path} --out report.pdf")
    assert output.splitlines()[-1] == "report.pdf"
    assert (stored.path.parent / "report.pdf").read_bytes().startswith(b"%PDF-")
