"""The command, running: ask it, and say in one line how it failed."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from select import select
from typing import Any, NoReturn
from weakref import finalize

import numpy as np

from gradsuite.errors import Unsupported, UserError
from gradsuite.foreign import frames
from gradsuite.foreign.frames import Arrays, BadFrame, Header
from gradsuite.machine import family

PATIENCE = 5.0  # seconds that a command has to end by itself
STALL = 10.0  # seconds without a byte within a frame that has begun
PIECE = 2**20  # bytes read at once, at most
SHOWN = 60  # bytes shown of what is no frame


class CommandError(RuntimeError):
    """What a command failed with: it said so itself, it ended, or what it sent is no reply."""


class Child:
    """One process that runs a backend's command; it ends with this object, and its errors go to standard error."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        """Start the command of the backend `name`. Raises CommandError if the system cannot."""
        self.name = name
        self.failure: str | None = None
        self.released: deque[int] = deque()  # what the host no longer refers to; the next request says so
        self.last = 0
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        except OSError as error:
            raise CommandError(f"the command of {name!r} cannot be started: {error.strerror}") from error
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.replies = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.requests, False)  # a command that writes out of turn must not stop us from reading it
        family.add(self.process.pid)
        self.close = finalize(self, _close, self.process)

    def number(self) -> int:
        """Return a number that nothing in this process has had."""
        self.last += 1
        return self.last

    def ask(self, verb: str, arrays: Mapping[str, np.ndarray] | None = None, /, **fields: Any) -> tuple[Header, Arrays]:
        """Return the header and the arrays of the reply.

        Raises Unsupported and UserError as the command says, and CommandError for what else it says, for its end, and
        for what is no reply; after the last two, and an interrupt, it is ended and cannot be asked again.
        """
        if self.failure:
            raise CommandError(self.failure)
        if self.released:
            fields["release"] = [self.released.popleft() for _ in range(len(self.released))]
        frame = frames.encode({"do": verb, **fields}, arrays or {})
        try:
            self._send(frame, verb)
            header, found = self._receive(verb)
            status, reason = _status(header)
        except BadFrame as error:
            self._fail(f"{error} in reply to {verb!r}")
        except KeyboardInterrupt:  # the rest of the reply would be taken for the next one
            self._end(f"was interrupted in {verb!r}")
            raise
        if status == "ok":
            return header, found
        errors = {"unsupported": Unsupported, "invalid": UserError}
        raise errors.get(status, CommandError)(reason)

    def _send(self, frame: bytes, verb: str) -> None:
        left = memoryview(frame)
        try:
            while left:
                early, _, _ = select([self.replies], [self.requests], [])
                if early:
                    self._read(frames.PREFIX.size, verb)  # fails at the end of the command, and at what is no frame
                    self._fail(f"replied to {verb!r} before it had read it")
                left = left[os.write(self.requests, left) :]
        except BrokenPipeError:
            self._fail(f"{self._end_of_life('input')} instead of reading {verb!r}")

    def _receive(self, verb: str) -> tuple[Header, Arrays]:
        header, payload = frames.lengths(self._read(frames.PREFIX.size, verb))
        text = self._read(header, verb, begun=True)
        return frames.decode_header(text), frames.decode_payload(self._read(payload, verb, begun=True))

    def _read(self, size: int, verb: str, *, begun: bool = False) -> bytes:
        """Read this many bytes, of a frame that has begun or of its beginning, for which there is no hurry."""
        got = bytearray()
        while len(got) < size:
            if (begun or got) and not select([self.replies], [], [], STALL)[0]:
                self._fail(f"stopped in the middle of its reply to {verb!r}, and sent nothing for {STALL:g} s")
            piece = os.read(self.replies, min(size - len(got), PIECE))
            if not piece:
                where = "in the middle of its" if begun or got else "instead of a"
                self._fail(f"{self._end_of_life('output')} {where} reply to {verb!r}")
            got += piece
            if not begun and not frames.begins(bytes(got)):
                self._refuse(bytes(got))
        return bytes(got)

    def _refuse(self, got: bytes) -> NoReturn:
        """Fail because of bytes that begin no frame, and show them."""
        os.set_blocking(self.replies, False)
        with suppress(BlockingIOError):
            got += os.read(self.replies, SHOWN)
        text = got[:SHOWN].decode(errors="backslashreplace")
        self._fail(f"wrote {text!r} on its standard output, where a frame was expected: print to standard error")

    def _end_of_life(self, closed: str) -> str:
        """Return how the command ended, whose standard input or output is closed."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return f"closed its standard {closed} and ran on,"
        return f"ended with exit status {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"

    def _fail(self, how: str) -> NoReturn:
        raise CommandError(self._end(how))

    def _end(self, how: str) -> str:
        """End the command by force, and return why, as every later request will hear it."""
        self.failure = f"the command of {self.name!r} {how}"
        self.process.kill()
        self.close()
        return self.failure


def _status(header: Header) -> tuple[str, str]:
    """Return a reply's status and reason, in one line. Raises BadFrame for a status that does not exist."""
    status = header.get("status")
    if status not in ("ok", "unsupported", "invalid", "error"):
        raise BadFrame(f"sent a header with the status {status!r} (allowed: ok, unsupported, invalid, error)")
    return status, " ".join(str(header.get("reason", "no reason given")).split())


def _close(process: "subprocess.Popen[bytes]") -> None:
    """End a command: it ends by itself when its standard input does, and by force if not."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    family.remove(process.pid)
