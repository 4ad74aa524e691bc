"""The greeting: host and worker tell each other which protocol they speak, before the worker imports anything slow.

`NAME@REF` may run in an environment with another gradsuite. Whatever else changes, `protocol` and `gradsuite` stay in
the first frame of either side. Those that came before had none: lines of JSON (1), then frames that said no number (2).
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any

from gradsuite import __version__
from gradsuite.worker.channel import Channel
from gradsuite.worker.malformed import shown

PROTOCOL = 3  # one more with each change of frames, requests or replies that the other side would not understand
SPOKEN = {"protocol": PROTOCOL, "gradsuite": __version__}
PATIENCE = 30.0  # seconds that a worker has to answer the greeting, for which it imports no more than the channel
LINES = re.compile(rb'"[^"\n]*"\n')  # what a host of protocol 1 begins with: a backend's name
ASKED = "import gradsuite; print(gradsuite.__version__)"


class Stranger(Exception):
    """Host and worker speak different protocols; the message is for the user."""


def greet(backend: str) -> dict[str, Any]:
    """Return the host's greeting for the worker of a backend."""
    return {"do": "greet", "backend": backend, **SPOKEN}


def require_same(reply: Mapping[str, Any], python: str, environment: Mapping[str, str]) -> None:
    """Raise Stranger unless the worker's answer says that it speaks this protocol.

    One that says nothing of it is older: its Python is asked which gradsuite it has.
    """
    if reply.get("protocol") == PROTOCOL:
        return
    if "protocol" in reply:
        theirs, version = f"protocol {shown(reply['protocol'])}", shown(reply.get("gradsuite")).strip("'")
        raise Stranger(different(f"gradsuite {version} there speaks {theirs}", here(), "there"))
    raise stranger(python, environment)


def stranger(python: str, environment: Mapping[str, str]) -> Stranger:
    """Return the error for a worker that gave no greeting that can be read."""
    version = _installed(python, environment) or "of an unknown version"
    return Stranger(different(f"gradsuite {version} there speaks another protocol", here(), "there"))


def answer(channel: Channel) -> str | None:
    """Answer the host's greeting; return the name of the backend, or None if there is nobody to serve.

    A host that speaks another protocol is told so in the form that it understands.
    """
    if LINES.match(channel.peek()):
        channel.write(json.dumps(refusal(1)).encode() + b"\n")
        return None
    greeting = channel.receive()
    if greeting is None:
        return None
    channel.send({"status": "ok", "pid": os.getpid(), **(SPOKEN if "protocol" in greeting else {})})
    if greeting.get("protocol") == PROTOCOL:
        backend: str = greeting["backend"]
        return backend
    if "protocol" not in greeting and channel.receive():  # only of requests does it read a reason
        channel.send(refusal(2))
    return None


def refusal(protocol: int) -> dict[str, Any]:
    """Return the reply to any request of a host that speaks this older protocol."""
    reason = different(f"the worker's {here('')}", f"the host's protocol {protocol}", "in both")
    return {"status": "error", "reason": reason, "done": True, "measurements": [], "changed": []}


def here(place: str = " here") -> str:
    """Return what is spoken here."""
    return f"gradsuite {__version__}{place} speaks protocol {PROTOCOL}"


def different(one: str, other: str, where: str) -> str:
    """Return in one line that two sides do not understand each other, and what to type."""
    return f"{one}, {other}: install the same gradsuite {where} (pip install gradsuite=={__version__})"


def _installed(python: str, environment: Mapping[str, str]) -> str:
    """Return the version of gradsuite that a Python has, or nothing."""
    command = [python, "-P", "-c", ASKED]
    try:
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()[:40] if done.returncode == 0 else ""
