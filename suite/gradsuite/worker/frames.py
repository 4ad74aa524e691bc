"""Frames between host and worker: a secret that the host made up for this worker, a number, a length, and JSON."""

import json
import struct
from collections.abc import Mapping
from typing import Any

HEADER = struct.Struct("!16sQI")  # secret, number of the request, bytes of JSON
SECRET = 16  # bytes
LONGEST = 2**30  # bytes of JSON
PIECE = 2**20  # bytes read at once, at most


class Garbage(ValueError):
    """What came through the pipe is not the answer that was waited for; the message is for the user."""


def pack(secret: bytes, number: int, message: Mapping[str, Any]) -> bytes:
    """Return the frame of one message. Raises TypeError, ValueError or RecursionError for what JSON does not have."""
    text = json.dumps(message).encode("ascii")
    if len(text) > LONGEST:
        raise ValueError(f"an answer has at most {LONGEST:,} bytes, not {len(text):,}")
    return HEADER.pack(secret, number, len(text)) + text


class Incoming:
    """The bytes that have come through a pipe, as frames: whatever does not begin with the secret is garbage."""

    def __init__(self, secret: bytes = b"") -> None:
        """Expect frames with this secret; of an unknown one, the first frame tells it."""
        self.secret = secret
        self.number = 0  # of the frame that was taken last
        self.bytes = bytearray()

    def add(self, piece: bytes) -> None:
        """Add what was read."""
        self.bytes += piece

    def take(self) -> dict[str, Any] | None:
        """Return the message of the next frame once it is whole. Raises Garbage as soon as none can come of it."""
        begun = bytes(self.bytes[:SECRET])
        if not self.secret and len(begun) == SECRET:
            self.secret = begun
        if self.secret and not self.secret.startswith(begun):
            raise Garbage(
                f"what came through the worker's pipe is no answer: something else was written to it ({_shown(begun)})"
            )
        if len(self.bytes) < HEADER.size:
            return None
        _, self.number, length = HEADER.unpack_from(self.bytes)
        if length > LONGEST:
            raise Garbage(f"an answer of {length:,} bytes is announced in the worker's pipe: it may have {LONGEST:,}")
        end = HEADER.size + length
        if len(self.bytes) < end:
            return None
        text = bytes(self.bytes[HEADER.size : end])
        del self.bytes[:end]
        try:
            message = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Garbage(f"what came through the worker's pipe is no JSON: {_shown(text)}") from error
        if not isinstance(message, dict):
            raise Garbage(f"what came through the worker's pipe is no answer, but {_shown(text)}")
        return message


def _shown(text: bytes) -> str:
    return repr(text[:SECRET]).removeprefix("b")
