"""Faults of a backend that starts other processes, and of one that turns on those that it is started by."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from functools import partial

from tests.faults.table import fault, remember

alone = partial(fault, alone=True)
SLEEP = ["sleep", "77"]


def fork():
    """Return a forked copy's number, or 0 in it; it sleeps unless something is done there."""
    if child := os.fork():
        remember(child)
    return child


def daemon(environment=None):
    """Start a process that nobody is the parent of any more, in a session of its own."""
    code = f"import subprocess; print(subprocess.Popen({SLEEP}, start_new_session=True, stdout=2).pid)"
    command = [sys.executable, "-I", "-S", "-c", code]
    remember(int(subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment).stdout))


@alone("ok")
def leaves_a_sleeper():
    remember(subprocess.Popen(SLEEP).pid)
    return []


@alone("ok")
def leaves_a_copy():
    if not fork():
        time.sleep(77)
    return []


@alone("ok")
def leaves_a_copy_that_heeds_nothing():
    if not fork():
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        time.sleep(77)
    return []


@alone("ok")
def leaves_a_daemon():
    daemon()
    return []


@alone("ok")
def leaves_a_daemon_without_an_environment():
    daemon(environment={"PATH": os.environ["PATH"]})
    return []


@alone("ok")
def comes_back_twice():
    fork()
    return []


@alone("error", "the worker ended with exit status 0")
def leaves_a_copy_and_exits():
    if not fork():
        time.sleep(77)
    os._exit(0)


@alone("error", "the worker was killed by SIGSEGV")
def leaves_a_daemon_and_crashes():
    daemon()
    ctypes.string_at(0)


@alone("error", "the worker ended with exit status 0")
def leaves_a_copy_with_the_pipe_and_exits():
    child = ctypes.PyDLL(None).fork()  # of which Python does not know: the copy keeps every descriptor
    if not child:
        ctypes.PyDLL(None).sleep(77)
    remember(child)
    os._exit(0)


@alone("timeout", "no answer within")
def leaves_a_daemon_and_sleeps():
    daemon()
    time.sleep(3600)


@alone("error", "the worker was killed by SIGKILL")
def kills_its_parent():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)


@alone("error", "the worker was killed by SIGKILL")
def leaves_a_daemon_and_kills_its_parent():
    daemon()
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)


@alone("error", "the worker was killed by SIGTERM")
def terminates_its_parent():
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(3600)


@alone("ok")
def interrupts_its_parent():
    os.kill(os.getppid(), signal.SIGINT)
    return []


@alone("error", "the worker was killed by SIGKILL")
def kills_its_group():
    subprocess.Popen(SLEEP)
    os.killpg(0, signal.SIGKILL)
    time.sleep(3600)


@alone("error", "the worker was killed by SIGKILL")
def kills_the_group_of_its_parent():
    os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
    time.sleep(3600)


@alone("ok")
def stops_its_parent():
    os.kill(os.getppid(), signal.SIGSTOP)
    return []
