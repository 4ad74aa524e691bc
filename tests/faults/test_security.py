"""What plugins can do, and what strangers' files cannot: sentences of docs/security.md that no other test shows."""

import io
import os
import pickle
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from gradsuite import state_dict
from gradsuite.commands import gradsuite as commands
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.model import Model
from gradsuite.rows import Measurement
from gradsuite.running.configuration import Configuration, read_options
from gradsuite.runs.export import write_csv
from gradsuite.runs.store import Run

from tests.faults.plugins import ESC, HEADER, blocked, experiment, hook, install_all
from tests.stored import run_of
from tests.throwaway import environment, gradsuite

NOTES = """
import os, sys
with open(os.environ["NOTES"], "a") as notes:
    notes.write("worker\\n" if "gradsuite.worker.start" in sys.orig_argv else "host\\n")
"""
READS = """
def measure(self, backend, device, settings):
    note("worker")
    yield [Measurement("size", 1.0)]

def figures(self, rows, claims):
    note("drawing")
    yield self.figure("x")
"""
HOSTILE = f"""x"><img src=x onerror=alert(1)>{ESC}[31m$(touch owned)`touch owned`\r\n=cmd|'/c calc'!A0"""


@pytest.fixture
def noting(tmp_path):
    """Install a plugin that notes where it is imported; return its folder, more of the environment, and the notes."""
    folder = tmp_path / "noting"
    folder.mkdir()
    install_all(folder, {"noting": NOTES})
    return folder, {"NOTES": str(tmp_path / "notes"), **blocked()}, tmp_path / "notes"


def test_a_plugin_runs_when_plugins_are_loaded(noting):
    folder, known, notes = noting
    gradsuite(folder, "tasks", **known)
    assert set(notes.read_text().split()) == {"host"}


@pytest.mark.skipif(sys.platform != "linux", reason="plugins are rehearsed on Linux alone")
def test_a_command_imports_a_plugin_in_a_copy_of_itself_first(noting):
    folder, known, notes = noting
    gradsuite(folder, "tasks", **known)
    assert notes.read_text() == "host\n" * 2


def test_a_plugin_can_do_what_its_user_can(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (secret := tmp_path / "secret").write_text("42\n")
    folder = tmp_path / "plugin"
    folder.mkdir()
    note = f"def note(where):\n    open({str(elsewhere)!r}, 'a').write(where + ' ' + open({str(secret)!r}).read())\n"
    register = "@hookimpl\ndef register_experiments(register):\n    note('host')\n    register(Reads)\n"
    install_all(folder, {"reads": HEADER + note + experiment("reads", READS) + register})
    gradsuite(folder, "run", "reads", "--backend", "echo", "--preset", "quick", **blocked())
    assert set(elsewhere.read_text().splitlines()) == {"host 42", "worker 42", "drawing 42"}


def test_help_loads_no_plugin(noting):
    folder, known, notes = noting
    for arguments in (["--help"], ["--version"], ["run", "--help"]):
        assert gradsuite(folder, *arguments, **known).returncode == 0
    assert not notes.exists()


def test_a_blocked_plugin_is_imported_nowhere(noting):
    folder, known, notes = noting
    run = ("run", "good", "--backend", "echo", "--preset", "quick")
    assert gradsuite(folder, *run, "--no-plugin", "noting", **known).returncode == 0
    assert gradsuite(folder, *run, **known | blocked("noting")).returncode == 0
    known |= {"GRADSUITE_DISABLE_PLUGINS": "torch,jax,peers,mlflow"}
    # Which cells there are, beside the classic ones, is asked of plugins.
    cell = ("run", "gradient-time", "--set", "cell=mingru", "--backend", "numpy", "--dry-run")
    done = gradsuite(folder, *cell, "--no-plugin", "noting", **known)
    assert done.returncode == 0, done.stderr
    assert not notes.exists()


def test_a_crash_in_c_names_the_file(tmp_path):
    install_all(tmp_path, {"crashing": hook("trial_finished", "trial, result", "ctypes.string_at(0)")})
    run = ("run", "good", "--backend", "echo", "--preset", "quick")
    done = gradsuite(tmp_path, *run, **blocked())
    assert done.returncode == -signal.SIGSEGV
    assert "crashing_plugin.py" in done.stderr
    assert gradsuite(tmp_path, *run, **blocked("crashing")).returncode == 0


@pytest.fixture
def strange(tmp_path):
    """Return the folder of a run that a stranger made, with hostile text wherever it has text."""
    trials = [
        (Trial(name, HOSTILE, "cpu", {"size": 1, HOSTILE: HOSTILE}), Result(status, rows, HOSTILE, HOSTILE))
        for name, status, rows in (
            ("../../escaped", "ok", (Measurement(HOSTILE, 1.0, HOSTILE, note=HOSTILE),)),
            (HOSTILE, "error", ()),
        )
    ]
    meta = {
        "gradsuite": HOSTILE,
        "preset": HOSTILE,
        "machine": {"cpu": HOSTILE, "platform": HOSTILE},
        "experiments": ["../../escaped", "os:system"],
        "backends": {HOSTILE: {"versions": {HOSTILE: HOSTILE}, "devices": ["cpu"], "dtypes": ["float64"]}},
        "configuration": {"no-plugin": [HOSTILE], "experiment": ["os:system"]},
        "unavailable": [{"name": HOSTILE, "reason": HOSTILE, "install": HOSTILE}],
        "preflight": {HOSTILE: HOSTILE},
    }
    run = run_of(tmp_path / "strange", trials, **meta)
    return run.path


SHOWN = (["report"], ["report", "--format", "md"], ["claims"], ["export", "--format", "csv"], ["compare"], ["history"])


def test_a_strangers_run_is_shown_and_executes_nothing(noting, strange):
    folder, known, notes = noting
    for command, *more in (*SHOWN, ["runs"]):
        names = [str(strange.parent)] if command == "runs" else [str(strange)] * (2 if command == "compare" else 1)
        done = gradsuite(folder, command, *names, *more, **known | blocked("noting"))
        assert "Traceback" not in done.stderr, command
        assert ESC not in done.stdout + done.stderr, command
    page = (strange / "report.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert not list(strange.parent.rglob("owned"))
    assert not list(folder.rglob("owned"))
    assert not list(strange.parents[1].rglob("escaped*"))
    assert not notes.exists()


def test_no_link_of_a_strangers_folder_is_followed(strange, tmp_path):
    (precious := tmp_path / "precious").write_text("mine")
    for name in ("report.html", "measurements.csv", ".report.html.part", "report.html.part"):
        (strange / name).symlink_to(precious)
    done = gradsuite(tmp_path, "report", str(strange), **blocked())
    assert done.stdout.splitlines()[-1] == str(strange / "report.html")
    assert precious.read_text() == "mine"
    assert not (strange / "report.html").is_symlink()
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (strange / "figures").rmdir()
    (strange / "figures").symlink_to(elsewhere)
    done = gradsuite(tmp_path, "report", str(strange), **blocked())
    assert done.returncode == 2
    assert "is a link" in done.stderr
    assert list(elsewhere.iterdir()) == []


def test_no_name_of_a_column_is_a_formula(strange):
    frame = Run.open(strange).frame("../../escaped").rename(columns={HOSTILE: "=1+1"})
    output = io.BytesIO()
    write_csv(frame, output)
    assert output.getvalue().decode().splitlines()[0].endswith(",'=1+1")


def test_a_strangers_run_loads_no_plugin(strange):
    assert Run.open(strange).blocked() == []  # of what it names, only what is installed is blocked, and nothing loaded


def test_a_study_file_names_no_code(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text('experiment = "os:system"\nbackend = ["json:JSONDecoder"]\n')
    done = gradsuite(tmp_path, "run", str(study), **blocked(but=["numpy"]))
    assert done.returncode == 2
    assert "unknown experiment 'os:system'" in done.stderr


def read(path):
    return Configuration.make(read_options({"experiment": [str(path)], "set": ()}, {}))


def test_a_study_file_chooses_where_its_run_lies(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text('experiment = "latch"\nout = "/somewhere/else"\n')
    assert str(read(study).out) == "/somewhere/else"


def test_a_study_file_can_name_a_scheduler(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text('experiment = "latch"\nexecutor = "dask"\nscheduler = "tcp://stranger:8786"\n')
    assert read(study).scheduler == "tcp://stranger:8786"


def test_the_folder_that_a_command_is_typed_in_is_not_imported_from(noting, tmp_path):
    folder, known, notes = noting
    script = tmp_path / "script.py"  # as pip writes the command `gradsuite`
    script.write_text("from gradsuite.__main__ import command\ncommand()\n")
    here = {**os.environ, **known}
    for command, expected in (([str(script)], False), (["-m", "gradsuite"], True)):
        subprocess.run([sys.executable, *command, "tasks"], cwd=folder, env=here, capture_output=True, check=True)
        assert notes.exists() == expected


class Opened:
    """An object whose pickle runs a command when it is opened."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_pickle_in_an_array_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    targets = np.array([Opened("touch owned")] * 10, dtype=object)
    np.savez("data.npz", inputs=np.zeros((10, 6)), targets=targets)
    with pytest.raises(UserError):
        commands.main(["train", "--task", "npz:data.npz", "--cell", "mlp"], standalone_mode=False)
    assert not (tmp_path / "owned").exists()


def test_a_pickle_is_no_state_dict(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.pt").write_bytes(pickle.dumps(Opened("touch owned")))
    with pytest.raises(UserError):
        state_dict.load("weights.pt", Model("rnn", 1, 1))
    assert not (tmp_path / "owned").exists()


def test_who_reaches_a_scheduler_runs_code(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster.scheduler.address) as client,
    ):
        client.submit(os.system, f"touch {tmp_path / 'owned'}").result()
    assert (tmp_path / "owned").exists()


def test_tls_is_handed_to_dask(monkeypatch):
    pytest.importorskip("distributed")
    from gradsuite.running.executors import dask

    asked = []

    def connect(address, **options):
        asked.append((address, "security" in options))
        raise OSError("nobody there")

    monkeypatch.setattr(dask.distributed, "Client", connect)
    with pytest.raises(UserError):
        dask.DaskExecutor(Configuration(executor="dask", scheduler="tls://127.0.0.1:1"))
    assert asked == [("tls://127.0.0.1:1", False)]


def test_a_run_opens_no_connection(tmp_path):
    known = environment(tmp_path, CONNECTIONS=str(tmp_path / "connections"), **blocked(but=["numpy", "experiments"]))
    (tmp_path / "sitecustomize.py").write_text(WATCHING)
    command = [sys.executable, "-m", "gradsuite", "run", "exact-depth", "--backend", "numpy", "--preset", "quick"]
    done = subprocess.run(command, cwd=tmp_path, env=known, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "started").read_text().split()) >= 3  # the host, its worker and one that draws were watched
    assert not (tmp_path / "connections").exists()


WATCHING = f"""
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.sendto") and arguments[0].family != {int(socket.AF_UNIX)}:
        with open(os.environ["CONNECTIONS"], "a") as connections:
            connections.write(repr(arguments))

if "CONNECTIONS" in os.environ:
    sys.addaudithook(watch)
    with open(os.path.join(os.path.dirname(os.environ["CONNECTIONS"]), "started"), "a") as started:
        started.write("1 ")
"""
