"""Plugins that end the host below Python after they were loaded: the command says where, and is never a success."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from uuid import uuid4

import psutil
import pytest
from gradsuite.runs.store import Run

from tests.faults.deadly import ENDS, HEADER, indented
from tests.faults.plugins import blocked, install_all, is_safe
from tests.throwaway import PROBE, environment, gradsuite, install

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is a witness on Linux alone")

# Whoever runs the tests in the background has Ctrl-C ignored, and so has what they start.
HEEDING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from gradsuite.__main__ import command; command()"
)
DEADLINE = 120.0
UNFINISHED = 2
MARK = "WITNESSED"  # the variable by which all that a command has started is found
STATUSES = {
    "leaves-c": UNFINISHED,
    "exits-c": UNFINISHED,
    "leaves-in-a-thread": UNFINISHED,
    "crashes": -signal.SIGSEGV,
    "aborts": -signal.SIGABRT,
    "kills": -signal.SIGKILL,
    "wakes-itself": -signal.SIGALRM,
}
RUN = ("run", "good", "--backend", "echo", "--preset", "quick", "--set", "size=1,2,3")
HANGING = (
    *("run", "probe", "--backend", "echo", "--preset", "quick", "--set", "behaviour=one,hang", "--name", "it"),
    *("--no-preflight", "--timeout", "600"),
)
DIAGNOSE = ("diagnose", "program.py")
HOOKS = {
    "worker_environment": ("backend, machine", RUN),
    "trial_finished": ("trial, result", RUN),
    "run_finished": ("run", RUN),
    "find_patients": ("question", DIAGNOSE),
    "read_weights": ("path", ("diagnose", "weights.pt", "--task", "noise")),
}
CLASSES = {
    "grid": ("experiment", "def grid(self, preset, changes):\n    if not changes:\n        return {'size': [1]}"),
    "memory": ("experiment", "def memory(self, settings):"),
    "of": ("task", "form = 'N'\n@classmethod\ndef of(cls, argument):"),
    "check_length": ("task", "def check_length(self, length):"),
}
BASES = {
    "experiment": "from good_plugin import Good as Base",
    "task": "from gradsuite.tasks.synthetic.noise import Noise as Base",
}
COMMANDS = {
    "grid": ("run", "deadly", *RUN[2:]),
    "memory": ("run", "deadly", *RUN[2:]),
    "of": ("train", "--task", "deadly:5", "--backend", "echo"),
    "check_length": ("train", "--task", "deadly", "--backend", "echo", "--cell", "rnn"),
}


def hook(name: str, deed: str) -> str:
    """Return the source of a plugin with a hook that does this."""
    return f"{HEADER}@hookimpl\ndef {name}({HOOKS[name][0]}):\n{indented(deed)}"


def deadly_class(name: str, deed: str) -> str:
    """Return the source of a plugin that registers an experiment or a task with a method that does this."""
    kind, method = CLASSES[name]
    body = indented(f"name = 'deadly'\n{method}\n{indented(deed)}")
    register = f"@hookimpl\ndef register_{kind}s(register):\n    register(Deadly)\n"
    return f"{HEADER}{BASES[kind]}\nclass Deadly(Base):\n{body}{register}"


def left(mark: str) -> Iterator[psutil.Process]:
    """Yield the processes that a command has left running."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                yield process
        except psutil.Error:
            continue


def ended(folder, deed, *words, **more):
    """Run a command that ends like this; return its last line, which says so, once nothing of it is left."""
    mark = uuid4().hex
    done = gradsuite(folder, *words, **blocked(), **{MARK: mark}, **more)
    assert done.returncode == STATUSES[deed], done.stderr
    line = done.stderr.splitlines()[-1]
    assert re.match(f"gradsuite: its process (was |ended with ){ENDS[deed][1]} ", line)
    assert len(line) <= 300
    assert is_safe(done.stdout)
    until = time.monotonic() + DEADLINE
    while list(left(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    assert list(left(mark)) == []
    return line


@pytest.mark.parametrize("deed", STATUSES)
def test_whatever_ends_it_is_said_and_what_was_measured_is_kept(tmp_path, deed):
    install_all(tmp_path, {"mine": hook("trial_finished", ENDS[deed][0])})
    line = ended(tmp_path, deed, *RUN, "--name", "it")
    assert " in the hook trial_finished of the plugin 'mine'; " in line
    assert list(Run.open(tmp_path / "results" / "it").trials()["status"]) == ["ok"]
    resumed = gradsuite(tmp_path, "run", "--resume", "it", **blocked("mine"))
    assert resumed.returncode == 0, resumed.stderr
    assert list(Run.open(tmp_path / "results" / "it").trials()["status"]) == ["ok"] * 3


@pytest.mark.parametrize(("name", "deed"), list(zip([*HOOKS, *CLASSES], cycle(STATUSES))))
def test_wherever_it_ends_the_place_is_named(tmp_path, name, deed):
    (tmp_path / "program.py").write_text("module = batch = 1\nloss = 'mse'\n")
    (tmp_path / "weights.pt").write_bytes(b"weights")
    source = hook(name, ENDS[deed][0]) if name in HOOKS else deadly_class(name, ENDS[deed][0])
    install_all(tmp_path, {"mine": source})
    line = ended(tmp_path, deed, *(HOOKS[name][1] if name in HOOKS else COMMANDS[name]))
    kind = CLASSES[name][0] if name in CLASSES else ""
    assert (f" in the {kind} 'deadly" if kind else f" in the hook {name} of the plugin 'mine'; ") in line


def test_what_ends_it_between_two_calls_may_be_any_plugin(tmp_path):
    timer = "threading.Timer(0.5, ctypes.CDLL(None)._exit, [0]).start()"
    install(tmp_path, "probe", PROBE)
    install(tmp_path, "mine", hook("trial_finished", timer))
    line = ended(tmp_path, "leaves-c", *HANGING)
    assert " before its work was done, perhaps by a plugin (mine, probe); " in line


def test_a_command_that_ends_well_or_not_keeps_its_status(tmp_path):
    install(tmp_path, "probe", PROBE)
    for words, status in ((("tasks",), 0), (("run", "nothing"), 2), ((*HANGING[:-2], "--timeout", "1", "--strict"), 1)):
        done = gradsuite(tmp_path, *words, **blocked())
        assert done.returncode == status
        assert "its process" not in done.stderr


@contextmanager
def hanging(folder):
    """Start a command in a process group of its own; yield its witness and the command, once a trial is measured."""
    install(folder, "probe", PROBE)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", HEEDING, *HANGING], cwd=folder, env=environment(folder, **blocked()),
        stdout=pipe, stderr=pipe, text=True, process_group=0,
    ) as process:  # fmt: skip
        try:
            until = time.monotonic() + DEADLINE
            run = folder / "results" / "it"
            while not ((run / "run.sqlite").exists() and Run.open(run).statuses()) and time.monotonic() < until:
                time.sleep(0.05)
            witness = psutil.Process(process.pid)
            (command,) = witness.children()
            family = witness.children(recursive=True)
            yield process, command
            _, alive = psutil.wait_procs(family, timeout=DEADLINE)
            assert alive == []
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "to"),
    [
        (signal.SIGINT, "witness"),
        (signal.SIGINT, "command"),
        (signal.SIGINT, "both"),
        (signal.SIGTERM, "witness"),
        (signal.SIGTERM, "both"),
        (signal.SIGHUP, "both"),
    ],
)
def test_a_signal_is_heard_once_whoever_is_told(tmp_path, number, to):
    with hanging(tmp_path) as (process, command):
        if to == "both":
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid if to == "witness" else command.pid, number)
        output, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, output) == (128 + number, "results/it\n")
    assert errors.splitlines()[-1] == (
        "interrupted; what was measured is kept; go on with: gradsuite run --resume results/it"
    )
    assert errors.count("interrupted") == 1


@pytest.mark.parametrize("victim", ["witness", "command"])
def test_when_either_is_killed_nothing_is_left(tmp_path, victim):
    with hanging(tmp_path) as (process, command):
        os.kill(process.pid if victim == "witness" else command.pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == -signal.SIGKILL
    assert ("its process was ended by SIGKILL" in errors) == (victim == "command")


def test_a_terminal_stops_and_continues_both(tmp_path):
    with hanging(tmp_path) as (process, command):
        both = [psutil.Process(process.pid), command]
        for number, stopped in ((signal.SIGTSTP, True), (signal.SIGCONT, False)):
            os.killpg(process.pid, number)
            until = time.monotonic() + DEADLINE
            while {one.status() == psutil.STATUS_STOPPED for one in both} != {stopped} and time.monotonic() < until:
                time.sleep(0.05)
            assert {one.status() == psutil.STATUS_STOPPED for one in both} == {stopped}
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 128 + signal.SIGINT


# Standard input becomes the terminal of the process's session, which has none.
TAKING_TERMINAL = "import os; os.close(os.open(os.ttyname(0), os.O_RDWR)); "


@pytest.mark.parametrize(("typed", "status", "said"), [(b"words\n", 0, "HEARD words"), (b"\x03", 130, "interrupted")])
def test_what_is_typed_on_a_terminal_reaches_the_hook_that_waits_for_it(tmp_path, typed, status, said):
    waits = "open('waits', 'w').close()\nprint('HEARD', input(), file=sys.stderr)"
    install_all(tmp_path, {"mine": hook("run_finished", waits)})
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", TAKING_TERMINAL + HEEDING, *RUN], cwd=tmp_path, env=environment(tmp_path, **blocked()),
        text=True, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        until = time.monotonic() + DEADLINE
        while not (tmp_path / "waits").exists() and time.monotonic() < until:
            time.sleep(0.05)
        os.write(ours, typed)
        _, errors = process.communicate(timeout=DEADLINE)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == status, errors
    assert errors.count(said) == 1
    assert "Traceback" not in errors
