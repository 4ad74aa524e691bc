"""The address of a Dask scheduler: read, and tried by a plain connection, before Dask is imported."""

import socket
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.parse import urlsplit

from gradsuite.errors import UserError, one_line, quoted, shortened
from gradsuite.plain import printable

FORM = "tcp://host:8786"
SOCKETS = ("tcp", "tls", "ws", "wss")  # schemes of what can be tried
OTHERS = ("inproc", "ucx")  # and of what only Dask can reach
PATIENCE = 3.0  # seconds, for the host's name to be found too
GREETING = 2**20  # bytes, more than any first message has
REASON = 100  # characters of what the system says


def require_scheduler(address: str) -> None:
    """Raise UserError unless this is an address, and what is there greets as a scheduler does, within three seconds."""
    place = host_and_port(address)
    if place is None:
        return
    reply: SimpleQueue[str] = SimpleQueue()
    greets = urlsplit(address).scheme == "tcp"  # of the others, the one that connects speaks first
    # A name that no server knows of can take half a minute, which no timeout of a socket's ends.
    Thread(target=lambda: reply.put(obstacle(*place, greets=greets)), daemon=True).start()
    try:
        reason = reply.get(timeout=PATIENCE)
    except Empty:
        reason = f"no answer within {PATIENCE:g} s"
    if reason:
        raise UserError(f"no Dask scheduler answers at {quoted(address)}: {reason}")


def host_and_port(address: str) -> tuple[str, int] | None:
    """Return where a connection can be tried; None for an address without a socket.

    Raises UserError, with the form of an address, for what is none.
    """
    refusal = UserError(f"the address of a Dask scheduler is like {FORM}, not {quoted(address)}")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:  # half of a pair of brackets, or a port that is no number
        raise refusal from error
    if parts.scheme in OTHERS:
        return None
    if parts.scheme not in SOCKETS or not host or not port or printable(address) != address:
        raise refusal
    return host, port


def obstacle(host: str, port: int, *, greets: bool) -> str:
    """Return why no connection can be made, or nothing; whoever `greets` has to send a message of Dask's at once.

    Dask itself would wait for it without end. A message begins with its length, of 8 bytes, the lowest first.
    """
    try:
        with socket.create_connection((host, port), PATIENCE) as connection:
            start = connection.recv(8, socket.MSG_WAITALL) if greets else b""
        if greets and not 0 < int.from_bytes(start, "little") < GREETING:
            return "what is there is another server"
    except TimeoutError:
        return f"no answer within {PATIENCE:g} s"
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that no host can have
        text = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        return shortened(text, REASON)
    return ""
