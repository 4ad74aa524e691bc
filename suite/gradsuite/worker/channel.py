"""The worker's end of the channel: two descriptors that nobody meets by habit, and that no child of it inherits."""

import fcntl
import os
import resource
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from gradsuite.worker import frames

HIGHEST = 1024  # descriptors are taken from below this, or below the system's limit: what is opened gets the lowest
ROOM = 8


class Channel:
    """Takes requests and sends replies. Descriptor 0 is empty from now on, and 1 is standard error's file.

    A forked child is without it: it could keep the host waiting for an answer, or give one. Where it comes back here,
    as if it were the worker, it ends.
    """

    def __init__(self) -> None:
        """Take descriptors 0 and 1, over which the host has started this process."""
        self.requests, self.replies = _hidden(0), _hidden(1)
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        os.dup2(2, 1)
        self.incoming = frames.Incoming()
        self.is_here = True
        os.register_at_fork(after_in_child=self._leave)

    def receive(self) -> dict[str, Any] | None:
        """Wait for the next request; None once the host has gone."""
        while (message := self.incoming.take()) is None:
            if not self._read():
                return None
        return message

    def peek(self) -> bytes:
        """Wait for the first bytes of a request; they stay there, to be received. None come once the host has gone."""
        self._read()
        return bytes(self.incoming.bytes)

    def send(self, reply: Mapping[str, Any]) -> None:
        """Answer the last request. Raises TypeError, ValueError or RecursionError for what JSON does not have."""
        self.write(frames.pack(self.incoming.secret, self.incoming.number, reply))

    def write(self, content: bytes) -> None:
        """Send bytes as they are."""
        left = memoryview(content)
        while left and self.is_here:
            left = left[os.write(self.replies, left) :]

    def _read(self) -> bool:
        """Wait for bytes; return whether any came."""
        piece = os.read(self.requests, frames.PIECE) if self.is_here else b""
        self.incoming.add(piece)
        return bool(piece)

    def _leave(self) -> None:
        self.is_here = False
        for descriptor in (self.requests, self.replies):
            with suppress(OSError):  # a backend may have closed it
                os.close(descriptor)


def _hidden(descriptor: int) -> int:
    """Return a high descriptor for the same pipe; programs that this process starts do not have it."""
    limit = min(HIGHEST, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, limit - ROOM)
