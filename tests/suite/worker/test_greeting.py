"""Hosts and workers of different versions: either says so at once, to real processes that speak other protocols."""

import json
import os
import subprocess
import sys

import pytest
from gradsuite import __version__
from gradsuite.worker import frames, greeting
from gradsuite.worker.process import Lost, Process

from tests import strangers

SECRET = b"s" * frames.SECRET
INSTALL = f"pip install gradsuite=={__version__}"


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    """Let secrets have no line's end, at which a worker that reads lines would stop waiting for one."""
    monkeypatch.setattr("gradsuite.worker.process.token_bytes", lambda count: b"s" * count)


def said_of(folder, worker, timeout=600.0):
    """Return what the host says of a worker of another version."""
    strangers.install(folder, worker)
    process = Process("echo", {**os.environ, "PYTHONPATH": str(folder)})
    try:
        with pytest.raises(Lost) as lost:
            process.ask({"do": "describe"}, timeout)
    finally:
        process.close()
    assert lost.value.status == "error"
    message = str(lost.value)
    assert len(message.splitlines()) == 1
    assert INSTALL in message
    assert f"gradsuite {__version__} here speaks protocol {greeting.PROTOCOL}" in message
    return message


def test_a_worker_that_says_no_protocol_is_older(tmp_path):
    assert "gradsuite 0.0.9 there speaks another protocol" in said_of(tmp_path, strangers.FRAMES)


def test_a_worker_that_says_another_protocol_is_named_by_it(tmp_path):
    assert "gradsuite 9.0.0 there speaks protocol 1000" in said_of(tmp_path, strangers.NEWER)


def test_a_worker_that_says_nothing_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(greeting, "PATIENCE", 2.0)
    assert "gradsuite 0.0.9 there speaks another protocol" in said_of(tmp_path, strangers.LINES)


def test_a_worker_that_begins_otherwise_is_no_riddle(tmp_path):
    assert "gradsuite 0.0.9 there speaks another protocol" in said_of(tmp_path, strangers.OTHERWISE)


def test_a_python_without_a_worker_is_said_to_be_so(tmp_path):
    strangers.install(tmp_path, "")
    (tmp_path / "gradsuite" / "worker" / "start.py").unlink()
    process = Process("echo", {**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        with pytest.raises(Lost, match=f"exit status 1 before it was greeted: is gradsuite {__version__} installed"):
            process.ask({"do": "describe"}, 600.0)
    finally:
        process.close()


def test_the_time_limit_holds_if_it_is_shorter(tmp_path):
    strangers.install(tmp_path, strangers.LINES)
    process = Process("echo", {**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        with pytest.raises(Lost, match=r"no answer within 0\.5 s") as lost:
            process.ask({"do": "describe"}, 0.5)
    finally:
        process.close()
    assert lost.value.status == "timeout"


@pytest.fixture
def worker():
    """Return a worker of this version that nobody has greeted."""
    command = [sys.executable, "-P", "-m", "gradsuite.worker.start"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        yield process
        process.kill()


def asked(worker, number, request):
    """Ask as a host does that has frames; return the reply."""
    worker.stdin.write(frames.pack(SECRET, number, request))
    worker.stdin.flush()
    incoming = frames.Incoming(SECRET)
    while (reply := incoming.take()) is None:
        incoming.add(os.read(worker.stdout.fileno(), frames.PIECE))
    return reply


def test_a_host_that_says_no_protocol_is_told_in_reply_to_its_request(worker):
    assert asked(worker, 0, {"do": "greet", "backend": "echo"}).keys() == {"status", "pid"}
    reply = asked(worker, 1, {"do": "describe"})
    assert (reply["status"], reply["done"], reply["changed"]) == ("error", True, [])
    assert f"speaks protocol {greeting.PROTOCOL}, the host's protocol 2" in reply["reason"]
    assert INSTALL in reply["reason"]
    assert worker.wait(60) == 0


def test_a_host_that_says_another_protocol_is_told_which_is_spoken(worker):
    reply = asked(worker, 0, {"do": "greet", "backend": "echo", "protocol": 1000, "gradsuite": "9.0.0"})
    assert (reply["protocol"], reply["gradsuite"]) == (greeting.PROTOCOL, __version__)
    assert worker.wait(60) == 0


def test_a_host_that_speaks_in_lines_is_answered_in_one(worker):
    worker.stdin.write(json.dumps("echo").encode() + b"\n" + json.dumps({"do": "describe"}).encode() + b"\n")
    worker.stdin.flush()
    reply = json.loads(worker.stdout.readline())
    assert reply["status"] == "error"
    assert f"speaks protocol {greeting.PROTOCOL}, the host's protocol 1" in reply["reason"]
    assert worker.wait(60) == 0


def test_a_host_that_goes_before_it_speaks_is_not_waited_for(worker):
    worker.stdin.close()
    assert worker.wait(60) == 0
