"""One worker process, seen from the host: ask it, time it out, and say what it died of."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Any

from gradsuite import __version__
from gradsuite.machine import descent
from gradsuite.machine.facts import without_paths
from gradsuite.machine.layout import fixed_layout
from gradsuite.worker import frames, greeting, replies
from gradsuite.worker.malformed import Malformed

TAIL = 4000  # characters of standard error kept
PATIENCE = 5.0  # seconds that a worker has to end by itself
BEAT = 1.0  # seconds after which the host looks whether a silent worker is still there
START_TIMEOUT = 300.0  # seconds to import a framework, from a cold disk too, or to compile a small network per cell
START_LEAST = 60.0  # seconds that it has whatever the time limit: on a busy machine JAX takes a third of them
CROWDED = 0.5  # of the memory mappings that a process may have; a compiler takes several for each of its programs
MARK = "GRADSUITE_WORKER"  # the variable by which all that a worker started is found


class Lost(Exception):
    """A worker that no longer answers: `status` is `timeout` or `error`."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Process:
    """A fresh worker process for one backend, started with its environment set, and ended with all that it started."""

    beat = BEAT

    def __init__(self, backend: str, environment: Mapping[str, str], python: str = sys.executable) -> None:
        """Start it on this Python; it imports its framework when it is first asked."""
        self.backend, self.python, self.environment = backend, python, environment
        self.pid: int | None = None  # of the worker, once it has said so; `process` is its guard
        self.mark = token_hex(frames.SECRET)
        # The file has no name, and is opened to append: what is read can be cut off while the worker writes on.
        self.stderr = tempfile.TemporaryFile("a+b")  # noqa: SIM115  lives as long as the process
        with fixed_layout():
            self.process = subprocess.Popen(
                [python, "-P", "-m", "gradsuite.worker.start"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.stderr,
                env={**environment, MARK: self.mark},
                bufsize=0,
                start_new_session=True,  # Ctrl-C does not reach it: the host decides what that means
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.replies = self.process.stdin, self.process.stdout
        for pipe in (self.requests, self.replies):
            os.set_blocking(pipe.fileno(), False)
        self.incoming = frames.Incoming(token_bytes(frames.SECRET))
        self.number = -1  # of the last request

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Return the reply, as `replies.checked` does.

        Raises Lost if the worker dies, if what it sends is no reply, or if it is ended for taking more than `timeout`
        seconds, whoever holds its pipes open.
        """
        deadline = time.monotonic() + timeout
        try:
            if self.pid is None:
                self.pid = self._greet(deadline)
            return replies.checked(request, self._exchange(request, deadline), self.backend)
        except TimeoutError as error:
            self._end()
            raise Lost("timeout", f"no answer within {timeout:g} s") from error
        except (frames.Garbage, Malformed, greeting.Stranger) as error:
            self._end()
            raise Lost("error", str(error)) from error

    def is_quiet(self) -> bool:
        """Return whether the worker is there and says nothing, as one does that waits for a request."""
        events = select.poll()
        events.register(self.replies, select.POLLIN)
        return not self.incoming.bytes and not events.poll(0) and self.process.poll() is None

    def is_crowded(self) -> bool:
        """Return whether the worker has so many memory mappings that it should be replaced before it dies of them.

        Linux allows 65,530; XLA takes up to dozens for each program, and keeps it. Elsewhere there is no such limit.
        """
        try:
            limit = int(Path("/proc/sys/vm/max_map_count").read_text())
            return Path(f"/proc/{self.pid}/maps").read_bytes().count(b"\n") > CROWDED * limit
        except OSError:
            return False

    def death(self) -> str:
        """Return what the worker died of; one that is alive, but has closed its end of the pipe, is ended."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._end()
            return "the worker closed the pipe to the host"
        self._end()
        if code >= 0:
            return f"the worker ended with exit status {code}"
        cause = ", as the system does when memory runs out" if code == -signal.SIGKILL else ""
        return f"the worker was killed by {signal.Signals(-code).name}{cause}"

    def forget_stderr(self) -> None:
        """Drop what was written to standard error so far."""
        self.stderr.truncate(0)

    def stderr_tail(self, *, paths: bool = False) -> str:
        """Return the end of what was written to standard error, without paths of this machine unless asked for."""
        # A character has at most 4 bytes; a path that is cut off by half is the first to go.
        self.stderr.seek(max(0, self.stderr.seek(0, os.SEEK_END) - 8 * TAIL))
        text = self.stderr.read(8 * TAIL).decode(errors="replace")
        return (text if paths else without_paths(text))[-TAIL:]

    def close(self) -> None:
        """End the worker."""
        self._end()
        self.replies.close()
        self.stderr.close()

    def _greet(self, deadline: float) -> int:
        """Return the worker's number. Raises Stranger if it speaks another protocol, and as `_exchange` does.

        What it is greeted with is no argument: the length of a process's arguments moves all that lies on its stack.
        """
        soon = min(deadline, time.monotonic() + greeting.PATIENCE)
        asked = greeting.greet(self.backend)
        try:
            reply = self._exchange(asked, soon)
        except (TimeoutError, frames.Garbage) as error:
            if isinstance(error, TimeoutError) and soon == deadline:
                raise
            raise greeting.stranger(self.python, self.environment) from error
        except Lost as lost:
            missing = f"{lost} before it was greeted: is gradsuite {__version__} installed where it runs?"
            raise Lost(lost.status, missing) from lost
        greeting.require_same(reply, self.python, self.environment)
        pid: int = replies.checked(asked, reply, self.backend)["pid"]
        return pid

    def _exchange(self, request: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        """Return the answer to a request. Raises TimeoutError, Garbage, or Lost if the worker has died."""
        self.number += 1
        self._send(frames.pack(self.incoming.secret, self.number, request), deadline)
        while (reply := self.incoming.take()) is None:
            self._wait(self.replies.fileno(), select.POLLIN, deadline)
            with suppress(BlockingIOError):
                piece = os.read(self.replies.fileno(), frames.PIECE)
                if not piece:
                    raise Lost("error", self.death())
                self.incoming.add(piece)
        if self.incoming.number != self.number:
            raise frames.Garbage("an answer came through the worker's pipe that nobody had asked for")
        return reply

    def _send(self, frame: bytes, deadline: float) -> None:
        left = memoryview(frame)
        with suppress(BrokenPipeError):  # the worker's last words may wait in the other pipe
            while left:
                self._wait(self.requests.fileno(), select.POLLOUT, deadline)
                with suppress(BlockingIOError):
                    left = left[os.write(self.requests.fileno(), left) :]

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        """Wait for a pipe. Raises TimeoutError, or Lost once the worker has gone and only others hold it open."""
        events = select.poll()
        events.register(descriptor, event)
        while (left := deadline - time.monotonic()) > 0:
            if events.poll(1000 * min(left, self.beat)):
                return
            self._look()
        raise TimeoutError

    def _look(self) -> None:
        """Look at a worker that has said nothing for a beat. Raises Lost if it is gone."""
        if self.process.poll() is not None:
            raise Lost("error", self.death())

    def _end(self) -> None:
        """End the worker and all that it started: its guard does so when the pipe for requests is closed."""
        self.requests.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.returncode < 0:  # perhaps the guard itself was killed
            descent.end_marked(MARK, self.mark)


def start_timeout(timeout: float) -> float:
    """Return how many seconds a worker has to come up, where `timeout` is the limit for what it is then asked."""
    return min(START_TIMEOUT, max(START_LEAST, timeout))
