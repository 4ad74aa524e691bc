"""`bench` and `best` with real workers of a backend whose times are written in its code: nothing here is timed."""

import json
import subprocess
import sys
import zipfile
from textwrap import dedent

import pytest
from gradsuite import __version__
from gradsuite.__main__ import main
from gradsuite.errors import UserError
from gradsuite.running.origin import second_name

from tests import strangers, throwaway

SOURCE = """
import random
from gradsuite import Experiment, Measurement, Setting, hookimpl
from gradsuite.backend import Backend, BackendInfo
from gradsuite.compared import Benchmark, Samples
from gradsuite.settings import ROUNDS

CALL = 1.0

class Kernel(Backend):
    name = "kernel"
    def describe(self):
        return BackendInfo(self.name, {self.name: "1.0"}, ("cpu",), ("float64",), ())
    def build(self, model, parameters, *, device="cpu", dtype="float32"):
        raise NotImplementedError

class Steady(Kernel):
    name = "steady"

class Clock(Experiment):
    name = "clock"
    question = "How long does it say that it takes?"
    settings = (Setting("size", int, "a size"), ROUNDS)
    presets = {"quick": {"size": [1, 2, 3, 4], "rounds": [5]}}
    compared = (Samples("call"),)
    benchmark = Benchmark("call")
    def measure(self, backend, device, settings):
        noise = random.Random(f"{CALL} {settings['size']}")
        call = CALL if backend.name == "kernel" else 1.2
        for index in range(settings["rounds"]):
            yield [Measurement("call", call * noise.gauss(1.0, 0.01), "s", index=index)]

@hookimpl
def register_backends(register):
    register("kernel", "kernel_plugin:Kernel")
    register("steady", "kernel_plugin:Steady")

@hookimpl
def register_experiments(register):
    register(Clock)
"""


BLOCKED = "cells,experiments,jax,numpy,peers,tasks,torch"


def git(folder, *arguments):
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org", "-c", "core.hooksPath=/dev/null"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a checkout whose last commit made the kernel 5% slower."""
    folder = tmp_path_factory.mktemp("checkout")
    throwaway.install(folder, "kernel", SOURCE)
    git(folder, "init", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "fast")
    git(folder, "tag", "fast")
    module = folder / "kernel_plugin.py"
    module.write_text(module.read_text().replace("CALL = 1.0", "CALL = 1.05"))
    git(folder, "commit", "-am", "slow")
    return folder


@pytest.fixture
def bench(checkout, monkeypatch, capsys):
    """Return a function that types a line in the checkout and returns exit status, output and errors."""
    for name, value in throwaway.environment(checkout, GRADSUITE_DISABLE_PLUGINS=BLOCKED).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(checkout)
    monkeypatch.chdir(checkout)

    def typed(*arguments):
        monkeypatch.setattr(sys, "argv", ["gradsuite", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    yield typed
    sys.modules.pop("kernel_plugin", None)


def test_a_planted_slowdown_of_a_kernel_is_found(bench):
    status, output, errors = bench("bench", "kernel", "--against", "fast", "--format", "json")
    assert status == 0, errors
    found = json.loads(output)
    assert (found["base"], found["new"]) == ("kernel@fast", "kernel")
    assert [one["verdict"] for one in found["workloads"]] == ["slower"] * 4
    # Of 15 pairs with 1% noise each a median is off by 1.25 .014 / sqrt(15) = .5%, and no more than 4 times that.
    assert [one["ratio"] for one in found["workloads"]] == pytest.approx([1.05] * 4, rel=0.02)
    assert found["noise"]["count"] == 4
    status, _, errors = bench("run", "--resume", found["run"])  # it would measure other code by this name
    assert status == 2
    assert "has code of another state (kernel@fast): run the bench again" in errors


def test_too_slow_is_status_1_and_equal_code_is_not(bench):
    line = ("bench", "kernel", "--fail-above", "2%", "--against")
    assert bench(*line, "fast")[0] == 1
    status, output, _ = bench(*line, "HEAD")
    assert status == 0
    assert "none differs by more than its noise" in output


def test_a_wheel_and_a_folder_are_other_states_too(bench, tmp_path):
    old = dedent(SOURCE).replace("CALL = 1.0", "CALL = 2.1")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kernel_plugin.py").write_text(old)
    with zipfile.ZipFile(tmp_path / "kernel-2.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("kernel_plugin.py", old)
    for reference in ("folder", "kernel-2.0-py3-none-any.whl"):
        arguments = ["bench", "kernel", "--against", str(tmp_path / reference), "--format", "json"]
        status, output, errors = bench(*arguments, "--set", "size=1")
        assert status == 0, errors
        (one,) = json.loads(output)["workloads"]
        assert one["ratio"] == pytest.approx(0.5, rel=0.02)
        assert json.loads(output)["base"] == f"kernel@{reference}"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("gone", "'gone' is no revision of "),
        ("kernel_plugin.py", "is neither a wheel nor a folder"),
        ("none.whl", "cannot read the wheel"),
        ("refs/heads/tuned", "'kernel@tuned' has a meaning already"),
    ],
)
def test_a_reference_that_is_none_is_refused(bench, reference, said):
    status, output, errors = bench("bench", "kernel", "--against", reference)
    assert (status, output) == (2, "")
    assert said in errors
    assert "Traceback" not in errors


def test_a_revision_whose_code_does_not_load_is_no_success(bench, tmp_path):
    (tmp_path / "kernel_plugin.py").write_text("raise ImportError('no such kernel')\n")
    status, output, errors = bench("bench", "kernel", "--against", str(tmp_path))
    assert (status, output) == (2, "")
    assert "no such kernel" in errors or "unknown backend" in errors


def test_another_gradsuite_there_is_said_at_once(bench, tmp_path):
    strangers.install(tmp_path, strangers.FRAMES)
    (tmp_path / "kernel_plugin.py").write_text(dedent(SOURCE))
    status, output, errors = bench("bench", "kernel", "--against", str(tmp_path))
    assert (status, output) == (2, "")
    (line,) = errors.splitlines()
    assert "gradsuite 0.0.9 there speaks another protocol, gradsuite" in line
    assert f"pip install gradsuite=={__version__}" in line


def test_best_names_the_fastest_and_how_far_the_next_is(bench):
    status, output, errors = bench("best", "--set", "size=1", "--format", "json")
    assert status == 0, errors
    found = json.loads(output)
    assert found["best"] == ["kernel"]
    assert [one["backend"] for one in found["timed"]] == ["kernel", "steady"]
    assert found["timed"][1]["ratio"]["ratio"] == pytest.approx(1.2 / 1.05, rel=0.02)
    assert found["timed"][0]["rounds"] == found["timed"][1]["rounds"] >= 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--cell lstm", "no experiment times a workload by cell (clock has rounds, size)"),
        ("--set size=1,2", "gradsuite best times one workload"),
        ("--set size=big", "size must be a whole number, not 'big'"),
        ("--set size=1 --device tpu", "nothing was measured: kernel: kernel has no device 'tpu'"),
        ("--set size=1 --backend colonel", "unknown backend 'colonel' (allowed: kernel, steady)"),
        ("--budget 0", "--budget must be more than 0, not 0"),
    ],
)
def test_best_refuses_what_it_cannot_time(bench, line, said):
    status, output, errors = bench("best", *line.split())
    assert (status, output) == (2, "")
    assert said in errors


@pytest.mark.parametrize("reference", ["2", "tuned", "refs/heads/tuned"])
def test_names_that_have_a_meaning_are_not_given_another(reference):
    with pytest.raises(UserError, match="has a meaning already"):
        second_name("kernel", reference)
