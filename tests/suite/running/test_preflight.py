"""Before its first trial a backend is compared with the oracle; one that is wrong is measured only if asked for."""

import pytest
from gradsuite.conformance.preflight import disagreement
from gradsuite.plugins import load
from gradsuite.running.plan import study
from gradsuite.runs.store import Run

from tests import throwaway
from tests.mutants import arithmetic  # noqa: F401  importing it fills the table
from tests.mutants.equations import MUTANTS as EQUATIONS
from tests.mutants.equations import DifferentiatedBackend
from tests.mutants.reference import ReferenceBackend
from tests.mutants.table import MUTANTS

# A backend that is NumPy's with two gates swapped while the file `wrong` exists, or that ends its process.
PLUGIN = """
import os
from pathlib import Path
import gradsuite
from gradsuite_numpy.backend import NumpyBackend

class Swapped(NumpyBackend):
    name = "swapped"
    def build(self, model, parameters, **options):
        if model.cell == "lstm" and Path(__file__).with_name("wrong").exists():
            parameters = {n: p if n.startswith("readout") else rolled(p, model.hidden_size)
                          for n, p in parameters.items()}
        return super().build(model, parameters, **options)

def rolled(p, hidden):
    p = p.copy()
    first, second = p[:hidden].copy(), p[hidden : 2 * hidden].copy()
    p[:hidden], p[hidden : 2 * hidden] = second, first
    return p

class Mortal(NumpyBackend):
    name = "mortal"
    def build(self, model, parameters, **options):
        os._exit(0)

@gradsuite.hookimpl
def register_backends(register):
    register("swapped", __name__ + ":Swapped")
    register("mortal", __name__ + ":Mortal")
"""
SMALL = ("gates", "--preset", "quick", "--set", "cell=lstm")
SIZES = ("--set", "task=noise", "--set", "length=5", "--set", "hidden_size=4")
PLAIN = ("gradient-time", "--preset", "quick", "--set", "cell=lstm", *SIZES)


@pytest.fixture
def folder(tmp_path):
    throwaway.install(tmp_path, "swapping", PLUGIN)
    (tmp_path / "wrong").touch()
    return tmp_path


def run_of(printed: str, folder) -> Run:
    return Run.open(folder / printed.strip().splitlines()[-1])


def test_a_backend_with_swapped_gates_is_invalid_everywhere_until_it_is_mended(folder):
    first = throwaway.gradsuite(folder, "run", *SMALL, "--backend", "swapped", "--backend", "numpy", "--out", "runs")
    run = run_of(first.stdout, folder)
    trials = run.trials()
    by_backend = trials.groupby("backend")["status"].unique().map(list).to_dict()
    assert by_backend == {"numpy": ["ok"], "swapped": ["invalid"]}
    assert "wrong gradients: swapped: " in first.stderr
    assert "of lstm (" in first.stderr
    assert "gates i and f" in first.stderr
    assert f"{(trials['backend'] == 'swapped').sum()} invalid on swapped: wrong gradients: " in first.stderr
    assert set(run.claims()["backend"]) == {"numpy"}
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Wrong gradients" in page
    (folder / "wrong").unlink()
    second = throwaway.gradsuite(folder, "run", "--resume", str(run.path))
    assert "wrong gradients" not in second.stderr
    assert set(run.trials()["status"]) == {"ok"}
    assert "Wrong gradients" not in (run.path / "report.html").read_text(encoding="utf-8")


def test_it_is_measured_if_that_is_asked_for(folder):
    asked = (*PLAIN, "--backend", "swapped", "--strict", "--out", "runs")
    assert throwaway.gradsuite(folder, "run", *asked).returncode == 1  # nothing is measured, and that is no success
    done = throwaway.gradsuite(folder, "run", *asked, "--no-preflight")
    assert done.returncode == 0
    assert "wrong gradients" not in done.stderr
    assert set(run_of(done.stdout, folder).trials()["status"]) == {"ok"}


def test_a_backend_that_ends_its_process_costs_its_own_trials_alone(folder):
    done = throwaway.gradsuite(folder, "run", *SMALL, "--backend", "mortal", "--backend", "numpy", "--out", "runs")
    assert "wrong gradients: mortal: the worker ended with exit status 0" in done.stderr
    trials = run_of(done.stdout, folder).trials()
    assert dict(zip(trials["backend"], trials["status"], strict=True)) == {"mortal": "invalid", "numpy": "ok"}


def test_a_right_backend_disagrees_with_nothing():
    assert disagreement(ReferenceBackend(), "cpu") == ""
    assert disagreement(ReferenceBackend(), "cuda") == ""  # it has no gradients there


def test_cells_that_are_to_run_are_compared_too():
    wrong, _ = EQUATIONS["phase-of-the-other-sign"]
    assert disagreement(DifferentiatedBackend(), "cpu", ["lru", "ln-lstm"]) == ""
    assert disagreement(wrong(), "cpu") == ""
    assert disagreement(wrong(), "cpu", ["mingru"]) == ""
    assert disagreement(wrong(), "cpu", ["mingru", "lru"]).startswith("lru: ")


def test_the_cells_are_those_that_settings_name():
    plugins = load()
    planned = study(plugins, ["gradient-time"], "quick", {"cell": ["lru", "lstm", "ln-rnn"]})
    assert planned.cells() == ["lru", "ln-rnn"]
    assert study(plugins, ["gates"], "quick", {}).cells() == []


def test_what_it_says_names_the_array_and_the_case():
    backend, _ = MUTANTS["loss summed"]
    said = disagreement(backend(), "cpu")
    assert said.startswith("mlp: loss of mlp (")
    assert "error 2.0e+00, at most " in said  # three times the loss is off by twice its size
