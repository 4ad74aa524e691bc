"""Runs that are broken off, over real processes: by a full disk, a folder that locks, a signal, or as they begin."""

import ctypes
import os
import re
import resource
import signal
import subprocess
import time

import pytest
from click.testing import CliRunner
from gradsuite import commands
from gradsuite.errors import UserError
from gradsuite.runs.store import Run

from tests.pacing import DEADLINE, asked, done, installed, logged, started, until, workers

# JAX, once another test has imported it, warns of copies of this process: these end, or become a program, at once.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")

NUMBERS = 4
ALL = NUMBERS * 2  # trials
ROWS = 3000  # of a trial: about 100 kB
ROOM = 400_000  # bytes of a disk for three trials or so, of eight
RUN = "results/it"


@pytest.fixture
def folder(tmp_path):
    return installed(tmp_path)


def status_of(folder):
    return Run.open(folder / RUN).trials()["status"].tolist()


def require_resumed(folder, before):
    """Resume, and hold what is there then against what was there before and against what was measured."""
    kept = Run.open(folder / RUN).trials().set_index("key")["seconds"]
    measured = logged(folder)
    again = done(folder, "run", "--resume", RUN)
    assert again.returncode == 0, again.stderr
    assert status_of(folder) == ["ok"] * ALL
    trials = Run.open(folder / RUN).trials().set_index("key")["seconds"]
    assert trials[kept.index].tolist() == kept.tolist()
    assert (logged(folder) - measured).total() == ALL - len(kept)
    assert len(kept) >= before


def broken_off(folder, ended, cause):
    assert ended.returncode == 2
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("gradsuite: ")]
    assert line.startswith(f"gradsuite: cannot write to '{RUN}': {cause}")
    assert line.endswith(f"go on with: gradsuite run --resume {RUN}")
    assert len(line) <= 300
    assert "Traceback" not in ended.stderr
    for command in ("claims", "export --format csv"):
        assert CliRunner().invoke(commands.gradsuite, [*command.split(), str(folder / RUN)]).exit_code == 0


def test_a_disk_that_is_full_for_a_file_ends_the_run_in_a_line_and_loses_nothing(folder):
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))  # noqa: E731
    ended = done(folder, *asked(NUMBERS, rows=ROWS), before=limit)
    broken_off(folder, ended, "disk I/O error")
    assert 0 < len(status_of(folder)) < ALL
    require_resumed(folder, before=1)


@pytest.fixture
def small_disk(folder):
    """A disk of its own for the results; mounting one takes rights that few have."""
    disk = folder / "results"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here; the limit of a file's size is tested everywhere")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_ends_the_run_in_a_line_and_loses_nothing(folder, small_disk):
    ended = done(folder, *asked(NUMBERS, rows=ROWS))
    broken_off(folder, ended, "database or disk is full")
    assert 0 < len(status_of(folder)) < ALL
    subprocess.run(["mount", "-o", f"remount,size={100 * ROOM}", str(small_disk)], check=True)
    require_resumed(folder, before=1)


def without_privilege():
    """Let permissions hold for this process even if it is root's."""
    # capabilities(7): PR_CAPBSET_DROP of CAP_DAC_OVERRIDE
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def test_a_folder_that_locks_in_mid_run_ends_it_in_a_line_and_loses_nothing(folder, monkeypatch):
    monkeypatch.setenv("PACING_LOCKS", str(folder / RUN))
    ended = done(folder, *asked(NUMBERS), before=without_privilege)
    broken_off(folder, ended, "")
    assert 0 < len(status_of(folder)) < ALL
    locked = done(folder, "run", "--resume", RUN, before=without_privilege)
    assert locked.returncode == 2
    assert locked.stderr.splitlines()[-1].startswith(f"gradsuite: cannot write to '{RUN}': ")
    monkeypatch.delenv("PACING_LOCKS")
    (folder / RUN).chmod(0o755)
    require_resumed(folder, before=1)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["INT", "TERM", "HUP"],
)
def test_a_signal_ends_a_run_as_ctrl_c_does(folder, number, status):
    with started(folder, *asked(NUMBERS, pause=0.3)) as process:
        until(lambda: (folder / RUN / "run.sqlite").exists() and len(status_of(folder)) >= 2)
        process.send_signal(number)
        output, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == status
    assert f"interrupted; what was measured is kept; go on with: gradsuite run --resume {RUN}" in errors
    assert "Traceback" not in errors
    assert output.splitlines()[-1] == RUN
    assert 2 <= len(status_of(folder)) < ALL
    until(lambda: not workers(folder))
    require_resumed(folder, before=2)


def test_under_nohup_a_run_goes_on_when_its_terminal_is_closed(folder):
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731  what nohup does
    with started(folder, *asked(NUMBERS, pause=0.1), before=ignore) as process:
        until(lambda: logged(folder))
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert status_of(folder) == ["ok"] * ALL


def test_a_run_that_is_killed_as_it_begins_is_there_whole_or_not_at_all(tmp_path):
    meta = {"configuration": {"experiment": ["pacing"]}, "started": "2026-01-01T00:00:00+00:00"}
    began = time.monotonic()
    Run.create(tmp_path / "whole", meta)
    takes = time.monotonic() - began
    for trial in range(40):
        folder = tmp_path / f"run-{trial}"
        if (child := os.fork()) == 0:
            try:
                Run.create(folder, meta)
            finally:
                os._exit(0)
        time.sleep(trial / 20 * takes)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        try:
            assert Run.open(folder).meta == meta
        except UserError as error:
            assert "unknown run" in str(error) or "has no run.sqlite" in str(error)  # noqa: PT017  one of both


@pytest.mark.parametrize("after", [0.0, 0.01, 0.05])
def test_a_run_that_is_killed_in_its_first_moments_is_resumed_or_refused_in_a_line(folder, after):
    with started(folder, *asked(NUMBERS)) as process:
        until((folder / RUN).exists)
        time.sleep(after)
        process.kill()
    again = done(folder, "run", "--resume", RUN)
    if again.returncode == 2:
        assert again.stderr.splitlines()[-1] == f"gradsuite: '{RUN}' is no run: it has no run.sqlite"
        again = done(folder, *asked(NUMBERS))  # its name is free
    assert again.returncode == 0, again.stderr
    assert status_of(folder) == ["ok"] * ALL


def test_of_two_hosts_on_one_run_the_second_is_refused_and_a_killed_one_leaves_no_lock(folder):
    refused = f"{str(folder / RUN)!r} is being written by another process: wait for it to end"
    with started(folder, *asked(NUMBERS, pause=0.3)) as first:
        until(lambda: logged(folder))
        run = Run.open(folder / RUN)
        with pytest.raises(UserError, match=re.escape(refused)), run.writing():
            pass
        assert len(run.trials()) <= len(run.measurements())  # it is read while it is written
        first.kill()
        first.wait()
    with run.writing():
        second = done(folder, "run", "--resume", RUN)
    assert second.returncode == 2
    assert second.stderr.splitlines()[-1] == f"gradsuite: {refused}".replace(str(folder / RUN), RUN)
    require_resumed(folder, before=1)
