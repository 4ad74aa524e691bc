"""Plugins that end or hold up, below Python, the process that loads them: each is named, and costs itself alone."""

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.faults.deadly import ENDS, HANGS, HEADER, indented, sleepers
from tests.faults.plugins import GOOD, blocked, install_all, is_safe, not_available
from tests.throwaway import environment, gradsuite, install

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="plugins are rehearsed on Linux alone")

SOON = 2.0  # seconds that an act has here, where each takes a hundredth of that
DEADLINE = 120.0
HASTY = f"""
from gradsuite.hosting import rehearsal
rehearsal.PATIENCE = {SOON}
from gradsuite.__main__ import command
command()
"""
HOOK = "@hookimpl\ndef register_tasks(register):\n    register('{name}-data', 'json:JSONDecoder')\n"

# Where a class that a plugin registers does such a thing in the host: its kind, and what is in the class.
PLACES = {
    "import": ("experiment", None),
    "grid": ("experiment", "def grid(self, preset, changes):"),
    "trials": ("experiment", "def trials(self, grid):"),
    "times": ("experiment", "def times(self, settings):"),
    "backends": ("experiment", "def backends(self, names):"),
    "init": ("experiment", "def __init__(self, plugins=None):"),
    "task-import": ("task", None),
    "task-init": ("task", "def __init__(self):"),
    "cell-import": ("cell", None),
    "cell-init": ("cell", "def __init__(self):"),
}
BASES = {"experiment": "Good", "task": "Noise", "cell": "RNN"}
CLASSES = """
from good_plugin import Good
from gradsuite.cells.rnn import RNN
from gradsuite.tasks.synthetic.noise import Noise
"""


def classes():
    """Return the sources of plugins a class of which does each deed in turn, in each of these places."""
    found = {}
    deeds = [ENDS[name][0] for name in ("crashes", "leaves-c", "aborts", "leaves-in-a-thread", "kills")]
    for number, (place, (kind, method)) in enumerate(PLACES.items()):
        name, deed = f"at-{place}", deeds[number % len(deeds)]
        if method is None:  # as if its module did it
            body = f"def __getattr__(name):\n{indented(deed)}    raise AttributeError(name)\n"
        else:
            lines = "".join(f"    {line}\n" for line in [method, *indented(deed).splitlines()])
            body = f"class Deadly({BASES[kind]}):\n    name = '{name}'\n{lines}"
        module = f"{name.replace('-', '_')}_plugin"
        hook = f"@hookimpl\ndef register_{kind}s(register):\n    register('{name}', '{module}:Deadly')\n"
        found[name.replace("-", "_")] = HEADER + CLASSES + body + hook
    return found


def named(kind):
    """Return what the culprits of a kind are named by; of cells, which every worker imports, by their plugins."""
    names = {f"at-{place}" for place, (where, _) in PLACES.items() if where == kind}
    return {name.replace("-", "_") for name in names} if kind == "cell" else names


def deadly(deeds):
    """Return the sources of plugins that do these things: as they are imported, and as they register."""
    found = {}
    for name, deed in deeds.items():
        hook = HOOK.format(name=name)
        found[f"import_{name.replace('-', '_')}"] = f"{HEADER}\n{deed}\n{hook}"
        found[f"register_{name.replace('-', '_')}"] = HEADER + hook + indented(deed)
    return found


ENDING = deadly({name: deed for name, (deed, _) in ENDS.items()})
HANGING = deadly(HANGS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder in which all that end a process are installed, between two that are right."""
    made = tmp_path_factory.mktemp("deadly")
    install_all(made, ENDING)
    install(made, "zealous", HEADER + HOOK.format(name="zealous"))
    return made


@pytest.fixture(scope="module")
def listed(folder):
    return gradsuite(folder, "tasks", **blocked())


def test_the_others_are_there_and_nothing_is_said_twice_or_left(listed):
    assert listed.returncode == 0
    assert "adding" in listed.stdout
    assert "crashes-data" not in listed.stdout
    assert set(not_available(listed.stdout)) - {"zealous-data"} == set(ENDING)
    assert "BLABLA" not in listed.stdout + listed.stderr
    assert is_safe(listed.stdout + listed.stderr)
    assert sleepers() == []


@pytest.mark.parametrize("name", ENDING)
def test_the_culprit_is_named_with_what_ended_it(listed, name):
    _, said = ENDS[name.partition("_")[2].replace("_", "-")]
    lost = not_available(listed.stdout)[name]
    assert re.search(said, lost)
    assert "as it was loaded" in lost or "RecursionError" in lost
    assert f"pip install --upgrade {name}" in lost or "RecursionError" in lost


def test_a_run_leaves_them_out_in_its_workers_and_where_it_draws(folder):
    done = gradsuite(folder, "run", "good", "--preset", "quick", "--backend", "echo", **blocked())
    assert done.returncode == 0, done.stderr
    assert "ANSWER of good." in done.stdout
    assert set(not_available(done.stderr)) == set(ENDING)
    assert is_safe(done.stdout + done.stderr)


def test_what_such_a_plugin_would_have_brought_is_missing_and_the_status_says_so(tmp_path):
    install_all(tmp_path, {"mine": HEADER + "ctypes.CDLL(None)._exit(0)"})
    for name in ("mine", "mine-too"):
        done = gradsuite(tmp_path, "run", "good", "--preset", "quick", "--backend", name, **blocked())
        assert (done.returncode, done.stdout) == (2, "")
        assert "mine" in done.stderr
    assert gradsuite(tmp_path, "tasks", **blocked("mine")).stdout.count("not available") == 0


def test_one_that_hangs_is_named_and_not_waited_for_twice(tmp_path):
    for name, source in HANGING.items():
        install(tmp_path, name, source)
    install(tmp_path, "zealous", HEADER + HOOK.format(name="zealous"))
    known = environment(tmp_path, **blocked())
    done = subprocess.run([sys.executable, "-c", HASTY, "tasks"], env=known, capture_output=True, text=True)
    lost = not_available(done.stdout)
    assert done.returncode == 0
    assert set(lost) - {"zealous-data"} == set(HANGING)
    assert all(f"it was not loaded within {SOON:g} s" in lost[name] for name in HANGING)
    assert sleepers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_host_that_is_ended_meanwhile_leaves_nothing(tmp_path, number):
    install(tmp_path, "slow", HEADER + HANGS["heeds-nothing"])
    script = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{HASTY}".replace(
        str(SOON), str(DEADLINE)
    )
    known = environment(tmp_path, **blocked())
    with subprocess.Popen([sys.executable, "-c", script, "tasks"], cwd=tmp_path, env=known, stderr=-1) as host:
        until = time.monotonic() + DEADLINE
        while not (sleepers() or host.poll() is not None) and time.monotonic() < until:
            time.sleep(0.05)
        family = psutil.Process(host.pid).children(recursive=True)
        os.kill(host.pid, number)
        _, said = host.communicate(timeout=DEADLINE)
    _, alive = psutil.wait_procs(family, timeout=DEADLINE)
    assert host.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert said.strip() == (b"" if number == signal.SIGKILL else b"interrupted")
    assert len(family) >= 3  # the copy's guard, the copy, and what the plugin has started
    assert alive == sleepers() == []


@pytest.fixture(scope="module")
def deadly_classes(tmp_path_factory):
    made = tmp_path_factory.mktemp("classes")
    install_all(made, classes())
    return made


@pytest.mark.parametrize("kind", ["experiment", "task", "cell"])
def test_a_class_that_ends_the_host_is_left_out_of_what_is_listed(deadly_classes, kind):
    done = gradsuite(deadly_classes, f"{kind}s", **blocked())
    assert done.returncode == 0
    lost = not_available(done.stdout)
    assert set(lost) == named(kind) | named("cell")
    assert all("its process" in reason and "as it was loaded" in reason for reason in lost.values())
    assert {"experiment": "good", "task": "adding", "cell": "lstm"}[kind] in done.stdout


def test_a_run_of_everything_measures_what_does_not_end_it(deadly_classes):
    done = gradsuite(deadly_classes, "run", "--preset", "quick", "--backend", "echo", **blocked())
    assert done.returncode == 0, done.stderr
    assert "ANSWER of good." in done.stdout
    assert set(not_available(done.stderr)) == named("experiment") | named("cell")


@pytest.mark.parametrize(
    ("command", "name"),
    [*(("run", name) for name in sorted(named("experiment"))), ("show", "at-task-init"), ("show", "at_cell_import")],
)
def test_one_that_is_asked_for_is_refused(deadly_classes, command, name):
    done = gradsuite(deadly_classes, command, name, **blocked())
    assert (done.returncode, done.stdout) == (2, "")
    assert f"not available: {name}: its process" in done.stderr


def test_of_two_plugins_of_one_name_the_deadly_one_alone_is_left_out(tmp_path):
    folders = [tmp_path / name for name in ("deadly", "right")]
    for folder in folders:
        folder.mkdir()
        install(folder, folder.name, GOOD if folder.name == "right" else HEADER + ENDS["crashes"][0])
        point = f"[gradsuite]\ntwin = {folder.name}_plugin\n"
        (folder / f"{folder.name}-1.0.dist-info" / "entry_points.txt").write_text(point)
    for first, second in (folders, folders[::-1]):
        path = os.pathsep.join([str(first), environment(second)["PYTHONPATH"]])
        known = {"PYTHONPATH": path, **blocked()}
        done = gradsuite(tmp_path, "run", "good", "--preset", "quick", "--backend", "echo", **known)
        assert done.returncode == 0, done.stderr
        assert ("its process was ended by SIGSEGV" in done.stderr) == (first.name == "deadly")
