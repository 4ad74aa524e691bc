"""What ends or holds up, below Python, the process that a plugin is called in."""

import os
import sys
from textwrap import dedent

import psutil

HEADER = "import ctypes, os, signal, subprocess, sys, threading, time\nfrom gradsuite import hookimpl\n"
# Of this process of pytest: another may run beside it, and try the same deeds.
SLEEPER = [sys.executable, "-c", "import time; time.sleep(3600)", f"left by a deadly plugin of {os.getpid()}"]
# What a plugin does in place of its work, and a pattern of the line that says so.
ENDS = {
    "crashes": ("ctypes.string_at(0)", "ended by SIGSEGV"),
    "leaves-c": ("ctypes.CDLL(None)._exit(0)", "exit status 0"),
    "exits-c": ("ctypes.CDLL(None).exit(0)", "exit status 0"),
    "leaves-in-a-thread": (
        "thread = threading.Thread(target=os._exit, args=(0,))\nthread.start()\nthread.join()",
        "exit status 0",
    ),
    "aborts": ("os.abort()", "ended by SIGABRT"),
    "kills": ("os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL"),
    "terminates": ("os.kill(os.getpid(), signal.SIGTERM)", "ended by SIGTERM"),
    "kills-its-group": ("os.killpg(0, signal.SIGKILL)", "ended by SIGKILL"),
    "wakes-itself": ("signal.alarm(1)\ntime.sleep(3600)", "ended by SIGALRM"),
    # Newer versions of Python notice this one by themselves.
    "overflows": (
        "sys.setrecursionlimit(10**9)\nDeep = type('Deep', (), {'__repr__': lambda deep: repr(deep)})\nrepr(Deep())",
        "ended by SIGSEGV|RecursionError",
    ),
    "leaves-a-child": (f"subprocess.Popen({SLEEPER})\nos.abort()", "ended by SIGABRT"),
    "leaves-a-daemon": (f"subprocess.Popen({SLEEPER}, start_new_session=True)\nos.abort()", "ended by SIGABRT"),
    "swallows": ("try:\n    sys.exit(0)\nexcept BaseException:\n    os.abort()", "ended by SIGABRT"),
    "talks": ("print('BLABLA', flush=True)\nos.write(2, b'BLABLA')\nos.abort()", "ended by SIGABRT"),
}
HANGS = {
    "sleeps": "time.sleep(3600)",
    "sleeps-in-c": "ctypes.PyDLL(None).sleep(3600)",
    "stops": "os.kill(os.getpid(), signal.SIGSTOP)",
    "heeds-nothing": (
        "for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        f"subprocess.Popen({SLEEPER}, start_new_session=True)\ntime.sleep(3600)"
    ),
}


def indented(deed: str) -> str:
    """Return what is done, as a part of a hook."""
    return "".join(f"    {line}\n" for line in dedent(deed).splitlines())


def sleepers() -> list[psutil.Process]:
    """Return the processes that are left of those that plugins started."""
    return [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == SLEEPER]
