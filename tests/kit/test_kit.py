"""Packages by others, installed into a clean environment as their users would, and used there."""

import csv
import shutil

import pytest
import yaml

from tests.docs.blocks import ROOT
from tests.kit.walk import walk

CELLS = ["mlp", "rnn", "lstm", "gru"]
HIPS = ROOT / "docs" / "examples" / "gradsuite-hips"
MLX = ROOT / "docs" / "examples" / "gradsuite-mlx"
CPP = ROOT / "docs" / "examples" / "gradsuite-cpp"


def test_a_new_backend_is_green_in_one_line(environment, tmp_path):
    environment.run("gradsuite new-backend green --out .", tmp_path)
    environment.run("python -m pip install -e . && gradsuite check green && pytest", tmp_path / "green")
    assert cells(own(environment, tmp_path), "green") == ["rnn"]


def test_a_new_autodiff_backend_is_green_in_its_own_workflow(confined, tmp_path):
    confined.run("gradsuite new-backend forward --autodiff --out .", tmp_path)
    workflow = yaml.safe_load((tmp_path / "forward" / ".github" / "workflows" / "check.yml").read_text("utf-8"))
    for step in workflow["jobs"]["check"]["steps"]:
        if "run" in step:
            confined.run(step["run"], tmp_path / "forward")
    assert cells(own(confined, tmp_path), "forward") == CELLS


def test_a_new_cell_is_green_in_one_line(environment, tmp_path):
    environment.run("gradsuite new-cell leaky --out .", tmp_path)
    command = "python -m pip install -e . && pytest && gradsuite check torch --cell leaky"
    environment.run(command, tmp_path / "leaky")
    assert "leaky" in [cell["name"] for cell in environment.json("gradsuite cells --json", tmp_path)]


def test_the_guide_to_a_cell_leads_from_nothing_to_every_backend(environment, tmp_path):
    walk("writing-a-cell.md", tmp_path, environment)
    found = {one["name"]: one for one in environment.json("gradsuite backends --json", tmp_path)}
    assert all("turn" in found[name]["cells_by_autodiff"] for name in ("torch", "jax"))


def test_the_guide_to_a_backend_leads_from_nothing_to_all_cells(confined, tmp_path):
    walk("writing-a-backend.md", tmp_path, confined)
    assert cells(own(confined, tmp_path), "mine") == CELLS


def test_the_guide_to_an_experiment_leads_to_a_report(environment, tmp_path):
    folder = walk("writing-an-experiment.md", tmp_path, environment)
    reports = [path.read_text("utf-8") for path in folder.glob("results/*/report.html")]
    assert sum("How much of the gradient is left after each step back in time?" in text for text in reports) == 1


def test_a_backend_for_a_fourth_framework_stands_next_to_the_three(confined, tmp_path):
    confined.run(f"python -m pip install '{HIPS}' pytest && gradsuite check hips-autograd", tmp_path)
    confined.run(f"pytest -p no:cacheprovider {HIPS}", tmp_path)
    assert cells(confined.json("gradsuite backends --json", tmp_path), "hips-autograd") == CELLS

    backends = ["hips-autograd", "jax", "numpy", "torch"]
    named = " ".join(f"--backend {name}" for name in backends)
    run = confined.run(f"gradsuite run gradient-time {named} --preset quick", tmp_path).splitlines()[-1]
    rows = list(csv.DictReader(confined.run(f"gradsuite export {run} --format csv", tmp_path).splitlines()))
    assert sorted({row["backend"] for row in rows if row["status"] == "ok"}) == backends
    assert all(name in (tmp_path / run / "report.html").read_text("utf-8") for name in backends)


def test_a_lazy_framework_is_exact_in_float32_and_reported_as_it_is_in_float64(environment, tmp_path):
    got = environment.attempt("python -m pip install 'mlx[cpu]' && python -c 'import mlx.core'", tmp_path)
    if got.returncode:
        reasons = [line for line in got.stderr.splitlines() if "rror" in line] or ["no reason given"]
        pytest.skip(f"MLX cannot be had here: {reasons[-1]}")
    environment.run(f"python -m pip install '{MLX}' pytest", tmp_path)
    environment.run(f"gradsuite check mlx --xfails '{MLX / 'xfails.txt'}'", tmp_path)
    environment.run(f"pytest -p no:cacheprovider {MLX}", tmp_path)
    assert cells(own(environment, tmp_path), "mlx") == CELLS


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler: c++")
def test_a_backend_in_another_language_is_installed_built_and_green(environment, tmp_path):
    environment.run(f"python -m pip install '{CPP}' pytest && python -m gradsuite_cpp", tmp_path)
    lines = environment.run("gradsuite check cpp-loops", tmp_path).splitlines()
    assert not [line for line in lines if line.startswith("failed")]
    for cell in ("rnn-tanh", "rnn-relu", "rnn-identity", "large-rnn"):
        for dtype in ("float64",) if cell == "rnn-identity" else ("float64", "float32"):
            assert any(line.split()[:4] == ["passed", "cpu", dtype, f"gradients-{cell}"] for line in lines), cell
    environment.run(f"pytest -p no:cacheprovider {CPP}", tmp_path)
    assert cells(own(environment, tmp_path), "cpp-loops") == ["rnn"]


def own(environment, folder):
    """List the backends without torch's and jax's, which take seconds to import: one test lists all of them."""
    return environment.json("GRADSUITE_DISABLE_PLUGINS=torch,jax,peers gradsuite backends --json", folder)


def cells(found, name):
    """Return the cells that `gradsuite backends --json` lists for a backend."""
    (entry,) = [entry for entry in found if entry["name"] == name]
    assert entry["available"], entry
    return entry["cells"]
