"""Sections of a report that are made side by side."""

import gzip
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from gradsuite.experiment import Experiment, Figure, Result, Trial
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite.report.made import Maker
from gradsuite.report.piece import Piece
from gradsuite.report.processes import Processes
from gradsuite.report.section import Data
from gradsuite.report.sections import made
from gradsuite.rows import Measurement

from tests.stored import run_of


def comparable(section):
    """A section with its tables as texts: frames do not compare to one truth."""
    return replace(section, tables=[table.rows.to_csv() for table in section.tables])


def test_sections_made_in_other_processes_are_those_made_here(tmp_path):
    gains = np.linspace(0.5, 2.0, 3)
    rows = tuple(Measurement("ln_ratio", float(g), index=k) for k, g in enumerate(gains))
    results = [
        (Trial("exact-depth", "numpy", "cpu", {"law": "linear", "gain": 1.0, "hidden_size": 8}), Result("ok", rows)),
        (Trial("not-installed", "numpy", "cpu", {}), Result("error", reason="gone")),
    ]
    run = run_of(tmp_path, results)
    pieces = [Piece(run.path, name, folder=tmp_path) for name in ("exact-depth", "not-installed")]
    here = [piece.section(load()) for piece in pieces]
    with closing(Processes((), 2)) as processes:
        there = made(pieces, load(), processes)
    assert list(map(comparable, there)) == list(map(comparable, here))
    assert [section.name for section in there] == [piece.experiment for piece in pieces]
    assert there[0].troubles  # rows that its figures cannot be drawn from cost that part alone
    assert "cannot be loaded here" in there[1].troubles[0]


def test_a_script_that_makes_sections_is_not_run_again_by_their_processes(tmp_path):
    run_of(tmp_path / "run", [])
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from gradsuite.plugins import load\n"
        "from gradsuite.report.piece import Piece\n"
        "from gradsuite.report.sections import made\n"
        "pieces = [Piece(Path('run'), name) for name in ('one', 'two')]\n"
        "print(*[section.name for section in made(pieces, load())])\n"
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("one two\n", "", 0)


class Told(Experiment):
    name, question, presets = "told", "What is in it?", {"quick": {}}

    def measure(self, backend, device, settings):
        yield [Measurement("number", 1.0)]


class Drawn(Told):
    def figures(self, rows, claims):
        yield Figure("it", "It.", style.figure()[0])


class Inherited(Drawn):
    pass


def test_only_an_experiment_that_draws_waits_for_what_figures_are_drawn_by(tmp_path, monkeypatch):
    context, begun = style.context, []
    monkeypatch.setattr(style, "context", lambda: begun.append("figures") or context())
    run = run_of(tmp_path, [(Trial("told", "numpy", "cpu", {}), Result("ok", (Measurement("number", 1.0),)))])
    for experiment, pictures in ((Told(), 0), (Drawn(), 1), (Inherited(), 1)):
        begun.clear()
        maker = Maker(experiment, run, run.trials())
        maker.draw(tmp_path)
        assert maker.section.troubles == []
        assert len(maker.section.pictures) == len(begun) == pictures


@pytest.mark.parametrize("experiment", ["exact-depth", "not-installed"])
def test_a_section_brings_its_data_unless_they_are_too_many(tmp_path, monkeypatch, experiment):
    rows = tuple(Measurement("number", float(number), index=number) for number in range(3))
    trial = Trial(experiment, "numpy", "cpu", {"law": "linear", "gain": 1.0, "hidden_size": 8})
    piece = Piece(run_of(tmp_path, [(trial, Result("ok", rows))]).path, experiment, folder=tmp_path)
    data = piece.section(load()).data
    assert data.rows == 3
    assert gzip.decompress(data.packed).decode().count("\n") == 4
    monkeypatch.setattr("gradsuite.report.attached.ROWS", 2)
    assert piece.section(load()).data == Data(3)
    assert replace(piece, folder=None).section(load()).data == Data()  # of use in a page alone
