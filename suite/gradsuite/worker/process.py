"""One worker process, seen from the host: ask it, time it out, and say what it died of."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Timer
from typing import Any

import psutil

from gradsuite.machine.facts import without_paths
from gradsuite.machine.layout import fixed_layout

TAIL = 4000  # characters of standard error kept
PATIENCE = 5.0  # seconds that a worker has to end by itself
CROWDED = 0.5  # of the memory mappings that a process may have; a compiler takes several for each of its programs


class Lost(Exception):
    """A worker that no longer answers: `status` is `timeout` or `error`."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Process:
    """A fresh worker process for one backend, started with its environment set."""

    def __init__(self, backend: str, environment: Mapping[str, str], python: str = sys.executable) -> None:
        """Start it on this Python; it imports its framework when it is first asked."""
        self.backend = backend
        # The file has no name, and is opened to append: what is read can be cut off while the worker writes on.
        self.stderr = tempfile.TemporaryFile("a+b")  # noqa: SIM115  lives as long as the process
        with fixed_layout():
            self.process = subprocess.Popen(
                [python, "-P", "-m", "gradsuite.worker.start"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.stderr,
                env=dict(environment),
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.replies = self.process.stdin, self.process.stdout
        # Not an argument: the length of a process's arguments moves all that lies on its stack.
        self.requests.write(json.dumps(backend) + "\n")

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Return the reply. Raises Lost if the worker dies, or is killed for taking more than `timeout` seconds."""
        late = Event()
        alarm = Timer(timeout, self._expire, [late])
        alarm.daemon = True  # Ctrl-C can come at any place, in `finally` too; the host is not to wait for it then
        try:
            alarm.start()
            with suppress(BrokenPipeError):
                self.requests.write(json.dumps(request) + "\n")
                self.requests.flush()
            line = self.replies.readline()
        finally:
            alarm.cancel()
        if late.is_set():
            raise Lost("timeout", f"no answer within {timeout:g} s")
        if not line.endswith("\n"):
            raise Lost("error", self.death())
        return self._read(line)

    def is_crowded(self) -> bool:
        """Return whether the worker has so many memory mappings that it should be replaced before it dies of them.

        Linux allows 65,530; XLA takes up to dozens for each program, and keeps it. Elsewhere there is no such limit.
        """
        try:
            limit = int(Path("/proc/sys/vm/max_map_count").read_text())
            with Path(f"/proc/{self.process.pid}/maps").open("rb") as mappings:
                return sum(1 for _ in mappings) > CROWDED * limit
        except OSError:
            return False

    def death(self) -> str:
        """Return what the worker died of; one that is alive, but has closed its end of the pipe, is killed."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._kill()
            return "the worker closed the pipe to the host"
        if code >= 0:
            return f"the worker ended with exit status {code}"
        cause = ", as the system does when memory runs out" if code == -signal.SIGKILL else ""
        return f"the worker was killed by {signal.Signals(-code).name}{cause}"

    def forget_stderr(self) -> None:
        """Drop what was written to standard error so far."""
        self.stderr.truncate(0)

    def stderr_tail(self, *, paths: bool = False) -> str:
        """Return the end of what was written to standard error, without paths of this machine unless asked for."""
        self.stderr.seek(0)
        text = self.stderr.read().decode(errors="replace")
        return (text if paths else without_paths(text))[-TAIL:]

    def close(self) -> None:
        """End the worker, by force if it does not end by itself."""
        with suppress(BrokenPipeError):
            self.requests.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._kill()
            self.process.wait()
        self.replies.close()
        self.stderr.close()

    def _read(self, line: str) -> dict[str, Any]:
        """Return the reply in a line. Raises Lost if it is none: whatever comes after it could not be told apart."""
        with suppress(ValueError):
            if isinstance(reply := json.loads(line), dict):
                return reply
        self._kill()
        raise Lost("error", "what came through the worker's pipe is no answer: something else was written to it")

    def _expire(self, late: Event) -> None:
        late.set()
        self._kill()

    def _kill(self) -> None:
        """Kill the worker and all that it started: a child left behind would hold its end of the pipe open."""
        family = []
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        for child in family:
            with suppress(psutil.NoSuchProcess):
                child.kill()
