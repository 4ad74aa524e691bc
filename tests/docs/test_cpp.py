"""The example of a backend in C++: built where there is a compiler, run, and asked; tests/kit has it checked."""

import csv
import os
import shutil
import subprocess
import sys

import pytest

from tests import throwaway
from tests.docs.blocks import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "gradsuite-cpp"
COMPILER = shutil.which(os.environ.get("CXX", "c++"))
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler: $CXX, or c++")

SMALL = ("--set", "cell=rnn", "--set", "task=noise", "--set", "length=5", "--set", "hidden_size=4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Install the package in a folder of its own, and build it as its README says."""
    folder = tmp_path_factory.mktemp("cpp")
    shutil.copytree(EXAMPLE / "src" / "gradsuite_cpp", folder / "gradsuite_cpp")
    metadata = folder / "gradsuite_cpp-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gradsuite-cpp\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[gradsuite]\ncpp = gradsuite_cpp\n")
    before = throwaway.gradsuite(folder, "check", "cpp-loops")
    assert "type: python -m gradsuite_cpp" in before.stderr  # it is not there before it is built
    build = [sys.executable, "-m", "gradsuite_cpp"]
    built = subprocess.run(build, cwd=folder, env=throwaway.environment(folder), capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")  # no warnings either
    return folder


def test_a_run_measures_it_next_to_numpy(folder):
    chosen = ("--backend", "cpp-loops", "--backend", "numpy", "--preset", "quick", *SMALL)
    done = throwaway.gradsuite(folder, "run", "gradient-time", *chosen)
    assert done.returncode == 0, done.stderr
    found = throwaway.gradsuite(folder, "export", done.stdout.splitlines()[-1], "--format", "csv")
    rows = list(csv.DictReader(found.stdout.splitlines()))
    assert {(row["backend"], row["status"]) for row in rows} == {("cpp-loops", "ok"), ("numpy", "ok")}
    by_backend = {
        backend: {
            (row["settings"], row["metric"], row["layer"], row["index"]): float(row["value"])
            for row in rows
            if row["backend"] == backend and row["metric"].startswith("norm")
        }
        for backend in ("cpp-loops", "numpy")
    }
    assert by_backend["cpp-loops"] == pytest.approx(by_backend["numpy"], rel=1e-12)
    assert len(by_backend["numpy"]) > 10


def test_what_it_says_no_to_is_one_line_and_it_goes_on(folder):
    code = """
from gradsuite import backend
child = backend("cpp-loops").child
for verb, fields in (("sing", {}), ("forward", {"network": 7, "batch": 8}), ("describe", {"name": "\\u00e9 \\" \\\\"})):
    try:
        child.ask(verb, **fields)
    except RuntimeError as error:
        print(error)
print(child.ask("describe", protocol=1)[0]["info"]["cells"])
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=throwaway.environment(folder), capture_output=True, text=True)
    assert done.stdout.splitlines() == ["there is no verb 'sing'", "there is no such batch", "['rnn']"], done.stderr
