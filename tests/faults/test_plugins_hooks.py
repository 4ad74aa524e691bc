"""Hooks that fail while a run goes on: their plugin is named once, and what it did not do is all that is missing."""

import pytest
from gradsuite.runs.store import Run

from tests.faults.plugins import DEEDS, blocked, hook, install_all, is_safe
from tests.throwaway import gradsuite

TRIALS = 3

ENVIRONMENTS = {
    "env_text": ("return 'VARIABLE=1'", "it returns variables by name"),
    "env_number": ("return 5", "it returns variables by name"),
    "env_list": ("return [('A', '1')]", "it returns variables by name"),
    "env_numbers": ("return {'THREADS': 4}", "a variable and its value are text"),
    "env_none": ("return {'THREADS': None}", "a variable and its value are text"),
    "env_keys": ("return {4: 'x'}", "a variable and its value are text"),
    "env_null": (r"return {'A': 'a\0b'}", "there can be no variable 'A'"),
    "env_equals": ("return {'A=B': 'x'}", "there can be no variable 'A=B'"),
    "env_empty": ("return {'': 'x'}", "there can be no variable ''"),
    "env_surrogate": (r"return {'A': '\ud83d'}", "UnicodeEncodeError"),
}

HOOKS = {
    **{name: (hook("worker_environment", "backend", body), said) for name, (body, said) in ENVIRONMENTS.items()},
    **{
        f"{start}_{deed.replace('-', '_')}": (hook(name, arguments, body), said)
        for start, name, arguments in (
            ("env", "worker_environment", "backend, machine"),
            ("trial", "trial_finished", "trial, result"),
            ("run", "run_finished", "run"),
        )
        for deed, (body, said) in DEEDS.items()
        if deed != "endless-words"
    },
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run three trials with all of these hooks, and one that sets what a worker may see."""
    folder = tmp_path_factory.mktemp("hooks")
    right = hook("worker_environment", "backend", "return {'OF_THE_RIGHT_ONE': '1'}")
    install_all(folder, {name: source for name, (source, _) in HOOKS.items()} | {"right": right})
    finished = gradsuite(
        folder, "run", "good", "--set", "size=1,2,3", "--backend", "echo", "--preset", "quick", **blocked()
    )
    return finished, folder / finished.stdout.splitlines()[-1]


def test_every_trial_is_measured_and_the_page_is_there(done):
    _, path = done
    run = Run.open(path)
    assert list(run.trials()["status"]) == ["ok"] * TRIALS
    assert run.meta["unavailable"] == []
    assert "ANSWER of good." in (path / "report.html").read_text(encoding="utf-8")


def test_that_the_end_of_the_run_failed_is_in_the_exit_status(done):
    finished, _ = done
    assert finished.returncode == 1
    assert is_safe(finished.stdout + finished.stderr)


@pytest.mark.parametrize("plugin", HOOKS)
def test_the_plugin_is_named_once(done, plugin):
    (line,) = [line for line in done[0].stderr.splitlines() if f"of the plugin {plugin!r} failed: " in line]
    assert HOOKS[plugin][1] in line
