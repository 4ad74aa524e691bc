"""A worker's whole life: with its host, with the thread that started it, and without either."""

import os
import signal
import subprocess
import sys
import time
from threading import Thread

import psutil
import pytest
from gradsuite.worker.process import START_LEAST, START_TIMEOUT, Lost, Process, start_timeout

from tests.throwaway import ended, environment, install, trial, worker

C_CALL = """
import ctypes
from gradsuite import hookimpl
from gradsuite.backend import Backend

class Busy(Backend):
    name = "busy"
    def describe(self):
        print("in C", flush=True)
        ctypes.PyDLL(None).sleep(3600)  # no other thread of Python runs meanwhile
    def build(self, model, parameters, **options):
        raise NotImplementedError

@hookimpl
def register_backends(register):
    register(Busy)
"""
HOST = """
import os, time
from threading import Thread
from gradsuite.worker.process import Process

process = Process("busy", os.environ)
Thread(target=process.ask, args=({"do": "describe"}, 600), daemon=True).start()
while "in C" not in process.stderr_tail():
    time.sleep(0.01)
print(process.process.pid, process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_worker_in_a_c_call_does_not_outlive_its_host(tmp_path, number):
    install(tmp_path, "busy", C_CALL)
    with subprocess.Popen(
        [sys.executable, "-c", HOST], env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    ) as host:
        processes = [psutil.Process(int(pid)) for pid in host.stdout.readline().split()]
        host.send_signal(number)
        gone, alive = psutil.wait_procs(processes, timeout=60)
        host.kill()
    assert (len(gone), alive) == (2, [])


def test_ctrl_c_while_a_backend_is_imported_does_not_wait_for_it(tmp_path):
    install(tmp_path, "busy", C_CALL)
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command = [sys.executable, "-c", f"{heeding}from gradsuite.__main__ import command; command()", "backends"]
    blocked = {"GRADSUITE_DISABLE_PLUGINS": "torch,jax,peers"}
    with subprocess.Popen(
        command, env=environment(tmp_path, **blocked), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as host:
        # The command, whose witness this is, and two backends with their guards.
        while len(processes := psutil.Process(host.pid).children(recursive=True)) < 5:
            time.sleep(0.01)
        host.send_signal(signal.SIGINT)
        output, errors = host.communicate(timeout=60)
        gone, alive = psutil.wait_procs(processes, timeout=60)
    assert (host.returncode, output, errors.split()) == (130, "", ["interrupted"])
    assert (len(gone), alive) == (5, [])


def test_a_worker_outlives_the_thread_that_started_it(probe):
    started = []
    thread = Thread(target=lambda: started.append(Process("echo", os.environ)))
    thread.start()
    thread.join()
    (process,) = started
    try:
        assert process.ask({"do": "describe"}, 60)["status"] == "ok"
        asked = Thread(target=process.ask, args=({"do": "describe"}, 60))
        asked.start()
        asked.join()
        assert process.ask(trial("one"), 60)["status"] == "ok"
    finally:
        process.close()
    assert process.process.returncode == 0


def test_a_worker_has_a_session_of_its_own(probe):
    with worker() as process:
        process.ask({"do": "describe"}, 60)
        sessions = {os.getsid(pid) for pid in (0, process.process.pid, process.pid)}
    assert len(sessions) == 3  # what a terminal sends reaches neither the worker nor its guard


def test_whoever_holds_the_pipe_the_time_limit_holds(probe):
    with worker() as process:
        process.ask({"do": "describe"}, 60)
        held = os.dup(process.replies.fileno()), os.dup(process.requests.fileno())
        with pytest.raises(Lost, match=r"no answer within 0\.5 s") as lost:
            process.ask(trial("hang"), 0.5)
        assert lost.value.status == "timeout"
        assert ended(process.pid)
        for descriptor in held:
            os.close(descriptor)


def test_a_worker_that_says_something_unasked_is_not_quiet(probe):
    with worker() as process:
        process.ask({"do": "describe"}, 60)
        assert process.is_quiet()
        os.kill(process.pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(process.process.pid)], timeout=60)
        assert not process.is_quiet()


def test_what_was_not_read_yet_is_cut_from_the_end_of_standard_error(probe):
    with worker() as process:
        process.ask(trial("shout"), 60)
        os.write(process.stderr.fileno(), b"x" * 10**6 + b"\nlast words\n")
        assert process.stderr_tail().endswith("x\nlast words\n")
        assert len(process.stderr_tail()) == 4000


@pytest.mark.parametrize(
    ("limit", "start"),
    [(5.0, START_LEAST), (100.0, 100.0), (600.0, START_TIMEOUT), (float("inf"), START_TIMEOUT)],
)
def test_a_start_has_the_time_limit_within_bounds(limit, start):
    assert start_timeout(limit) == start
