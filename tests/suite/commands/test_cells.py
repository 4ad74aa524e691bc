"""Cells on the command line: listed, marked where they run by autodiff, checked one by one, and written anew."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from gradsuite.cells import installed
from gradsuite.commands import gradsuite
from gradsuite.conformance import CHECKS, asked

from tests import throwaway


def test_cells_are_listed_with_their_sources(type_in):
    status, output, errors = type_in("cells")
    assert (status, errors) == (0, "")
    header, *rows = output.splitlines()
    assert header.split() == ["cell", "states", "activations", "source"]
    assert [row.split()[0] for row in rows] == sorted(installed())
    (lru,) = [row for row in rows if row.startswith("lru ")]
    assert lru.split() == ["lru", "h", "c", "tanh", "relu", "identity", "Orvieto", "et", "al.", "2023"]


def test_cells_are_listed_as_data(type_in):
    status, output, _ = type_in("cells", "--json")
    assert status == 0
    listed = {one["name"]: one for one in json.loads(output)}
    assert listed.keys() == installed().keys()
    assert listed["residual"] == {
        "name": "residual",
        "states": ["h"],
        "recurrent": False,
        "activations": ["tanh", "relu", "sigmoid", "identity"],
        "source": "He et al. 2016; Yang & Schoenholz 2017",
    }


def test_backends_mark_what_they_differentiate(type_in, surveyed_once, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "jax,peers")  # whose start takes long
    _, output, _ = type_in("backends")
    lines = {line.split()[0]: line.split() for line in output.splitlines()}
    assert {"lstm", "lru*"} <= set(lines["torch"])
    assert {"lstm*", "lru"}.isdisjoint(lines["torch"])
    assert not [word for word in lines["numpy"] if word.endswith("*")]
    assert "* by autodiff, from the equations of the cell: gradsuite cells" in output
    _, output, _ = type_in("backends", "--json")
    by_autodiff = {one["name"]: one["cells_by_autodiff"] for one in json.loads(output) if one["available"]}
    assert by_autodiff["torch"] == sorted(installed().keys() - {"mlp", "rnn", "lstm", "gru"})
    assert by_autodiff["numpy"] == []


def test_one_cell_is_checked_thoroughly(type_in):
    pytest.importorskip("torch")
    status, output, _ = type_in("check", "torch", "--cell", "lru", "--dtype", "float64")
    assert status == 0
    *lines, summary = output.splitlines()
    names = [line.split()[3] for line in lines]
    assert names == [check.name for check in CHECKS if check.cell == "lru"]
    kinds = ("gradients", "gradients-every", "stack", "sequences", "scan", "scan-every")
    assert sorted(names) == sorted(f"{kind}-lru" for kind in kinds)
    assert summary == "6 passed, 0 failed, 0 unsupported"


def test_thorough_checks_wait_until_their_cell_is_asked_for():
    backend = pytest.importorskip("gradsuite_torch.backend").TorchBackend()
    thorough = {check.name for check in CHECKS if check.thorough}
    of_all, of_lru = ({one.check.name for one in asked(backend.describe(), cell=cell)} for cell in ("", "lru"))
    assert "gradients-lru" in of_all & of_lru
    assert "gradients-every-lru" in thorough & of_lru
    assert not thorough & of_all


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            "check numpy --cell peephole",
            "numpy has no cell 'peephole' (it has: mlp, rnn, lstm, gru, lru, mingru, minlstm)",
        ),
        ("check numpy --cell lrx", "unknown cell 'lrx'; did you mean 'lru'? (allowed: coupled, gru, "),
        ("check numpy gradients-gru --cell lstm", "no check matches 'gradients-gru'; the nearest names are "),
        ("new-cell lru", "cell 'lru' is registered already: choose another name"),
        ("new-cell My_Cell", "such as 'my-cell', at most 80 characters, not 'My_Cell'; did you mean 'my-cell'?"),
    ],
)
def test_what_is_wrong_is_one_line(type_in, line, fault):
    status, output, errors = type_in(*line.split())
    assert (status, output) == (2, "")
    assert fault in errors
    assert len(errors.splitlines()) == 1


def test_a_new_cell_is_green_at_once(tmp_path):
    """Its own tests, as its README says; a real installation is tested by tests/kit."""
    pytest.importorskip("torch")
    done = CliRunner().invoke(gradsuite, ["new-cell", "leaky", "--out", str(tmp_path)], standalone_mode=False)
    assert done.output.startswith(f"wrote a cell to {tmp_path / 'leaky'}; to install and check it:\n")
    assert done.output.endswith("python -m pip install -e . && pytest && gradsuite check torch --cell leaky\n")
    source = tmp_path / "leaky" / "src"
    metadata = source / "gradsuite_leaky-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gradsuite-leaky\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[gradsuite]\nleaky = gradsuite_leaky\n")
    without_jax = throwaway.environment(source, GRADSUITE_DISABLE_PLUGINS="jax")  # which compiles; tests/kit has it
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path / "leaky", env=without_jax, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("2 passed")
    listed = throwaway.gradsuite(source, "cells")
    assert any(line.startswith("leaky ") for line in listed.stdout.splitlines())
