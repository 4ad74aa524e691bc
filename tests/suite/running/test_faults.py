"""Every fault in one run: it costs its own trial or its own backend, by name, and leaves nothing running."""

import os
import sys
import time
from contextlib import suppress
from html import unescape

import psutil
import pytest
from gradsuite.runs.store import Run

from tests import throwaway
from tests.faults.backends import FAULTY, PLACES, STEPS
from tests.faults.descriptions import RUBBISH, SOUND
from tests.faults.imports import IMPORTS
from tests.faults.table import FAULTS

pytestmark = pytest.mark.long
BUILT_IN = "numpy,torch,jax,peers,experiments,mlflow,tasks"
UNAVAILABLE = {name: words for name, (_, words) in {**RUBBISH, **IMPORTS}.items()}
FAULTLESS = sorted({"sound", *SOUND})
MARK = "FAULTS"


def marked(folder):
    """Return what still runs of all that was started there."""
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The folder of a run over all of them, and the command that ran."""
    folder = tmp_path_factory.mktemp("faults")
    throwaway.install(folder, "faults", "from tests.faults.backends import *")
    for name, (source, _) in IMPORTS.items():
        (folder / f"{name.replace('-', '_')}.py").write_text(source)
    roots = os.pathsep.join(path for path in sys.path if path)
    done = throwaway.gradsuite(
        folder,
        *("run", "faults", "--preset", "quick", "--no-preflight", "--threads", "12", "--timeout", "10"),
        **{"PYTHONPATH": os.pathsep.join([str(folder), roots]), MARK: str(folder)},
        GRADSUITE_DISABLE_PLUGINS=BUILT_IN,
    )
    deadline = time.monotonic() + 60
    while marked(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    yield folder, done
    for process in marked(folder):
        process.kill()


@pytest.fixture(scope="module")
def run(ended):
    folder, done = ended
    assert done.returncode == 0, done.stderr
    return Run.open(folder / done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def trials(run):
    """The stored trials by backend and step."""
    trials = run.trials()
    steps = trials["settings"].str.extract(r"(\d+)")[0].astype(int)
    return dict(zip(zip(trials["backend"], steps, strict=True), trials.to_dict("records"), strict=True))


def test_there_are_enough_of_them():
    assert len(FAULTS) + len(UNAVAILABLE) >= 90


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_costs_its_own_trial_alone(trials, name):
    fault, (backend, place) = FAULTS[name], PLACES[name]
    found = [trials[backend, step]["status"] for step in (place - 1, place, place + 1)]
    trial = trials[backend, place]
    assert found == ["ok", fault.status, "ok"], trial["reason"]
    assert fault.words in (trial["reason"] or trial["stderr"])
    assert len(trial["reason"]) < 1100
    assert len(trial["reason"].splitlines()) <= 1


@pytest.mark.parametrize("name", UNAVAILABLE)
def test_a_backend_that_does_not_come_up_is_not_available_by_name(run, trials, name):
    (lost,) = [lost for lost in run.meta["unavailable"] if lost["name"] == name]
    assert UNAVAILABLE[name] in lost["reason"]
    assert name not in {backend for backend, _ in trials}


@pytest.mark.parametrize("name", FAULTLESS)
def test_what_is_no_fault_is_measured(trials, name):
    assert [trials[name, step]["status"] for step in STEPS] == ["ok"] * len(STEPS)


def test_every_sound_trial_has_the_same_number(run):
    rows, faulty = run.frame("faults"), set(PLACES.values())
    sound = rows[[place not in faulty for place in zip(rows["backend"], rows["step"], strict=True)]]
    assert len(sound) == len(STEPS) * len({*FAULTY, *FAULTLESS}) - len(faulty)
    assert set(sound["value"]) == {sound["value"].iloc[0]}


def test_the_report_names_every_backend_and_says_what_became_of_its_trials(run):
    page = unescape((run.path / "report.html").read_text(encoding="utf-8"))
    assert [name for name in FAULTY if name not in page] == []
    assert [fault.words for fault in FAULTS.values() if fault.status != "ok" and fault.words not in page] == []


def test_nothing_says_more_than_a_line(ended):
    _, done = ended
    assert "Traceback" not in done.stderr


def test_nothing_is_left_running(ended):
    folder, _ = ended
    assert [process.cmdline() for process in marked(folder)] == []
    for line in (folder / "pids").read_text().splitlines():
        pid, born = line.split()
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(pid))
            assert process.create_time() != float(born) or process.status() == psutil.STATUS_ZOMBIE
