"""Names that two plugins want, and an import that fails in a worker alone."""

import pytest
from gradsuite.plugins import load
from gradsuite.runs.store import Run

from tests.faults.plugins import HEADER, blocked, experiment, hook, install_all, not_available
from tests.throwaway import gradsuite

IMPOSTOR = hook("register_backends", "register", "register('numpy', 'json:JSONDecoder')")
TRANSIENT = """
import os, sys
if os.path.exists("broken") and "gradsuite.worker.start" in sys.orig_argv:
    raise OSError("the network folder is gone")
"""


@pytest.fixture
def impostor(tmp_path):
    """Install a distribution whose plugin is called `numpy`, and one called `aaa` that registers a backend `numpy`."""
    install_all(tmp_path, {"impostor": IMPOSTOR, "aaa": IMPOSTOR})
    (tmp_path / "impostor-1.0.dist-info" / "entry_points.txt").write_text("[gradsuite]\nnumpy = impostor_plugin\n")
    return tmp_path


def test_a_built_in_name_stays_whatever_the_order(impostor, monkeypatch):
    monkeypatch.syspath_prepend(impostor)
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "peers")
    plugins = load()
    assert plugins.find("backend", "numpy").target == "gradsuite_numpy.backend:NumpyBackend"
    assert {lost.name: lost.reason for lost in plugins.broken} == {
        "numpy": "the distribution 'impostor' has a plugin of the same name, which is left out: remove it, or block it "
        "with --no-plugin impostor",
        "aaa": "ValueError: it registers the backend 'numpy', which the plugin 'numpy' has already, so that it is left "
        "out: remove one, or block it with --no-plugin",
    }
    assert load(["impostor", "aaa"]).broken == []


def test_a_backend_whose_name_another_wants_runs(impostor):
    done = gradsuite(
        impostor, "run", "good", "--backend", "numpy", "--preset", "quick", "--no-preflight", **blocked(but=["numpy"])
    )
    assert done.returncode == 0, done.stderr
    assert not_available(done.stderr).keys() == {"numpy", "aaa"}
    assert "1 of 1 trials to measure, on numpy" in done.stderr


def test_an_experiment_that_cannot_be_imported_in_a_worker_is_measured_when_it_can(tmp_path):
    hooked = hook("register_experiments", "register", "register('shy', 'shy_experiment:Shy')")
    install_all(tmp_path, {"shy": hooked})
    (tmp_path / "shy_experiment.py").write_text(TRANSIENT + HEADER + experiment("shy", "question = 'Is it there?'"))
    (tmp_path / "broken").touch()
    done = gradsuite(tmp_path, "run", "shy", "--backend", "echo", "--preset", "quick", **blocked())
    assert done.returncode == 1
    path = done.stdout.splitlines()[-1]
    trials = Run.open(tmp_path / path).trials()
    assert list(trials["status"]) == ["error"]
    assert "OSError: the network folder is gone" in trials["reason"][0]
    (tmp_path / "broken").unlink()
    again = gradsuite(tmp_path, "run", "--resume", path, **blocked())
    assert again.returncode == 0, again.stderr
    assert list(Run.open(tmp_path / path).trials()["status"]) == ["ok"]
