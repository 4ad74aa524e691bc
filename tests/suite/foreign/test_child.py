"""Commands that fail in every way that there is: each is one line, and none is waited for."""

import sys
from textwrap import dedent

import numpy as np
import psutil
import pytest
from gradsuite.errors import Unsupported, UserError
from gradsuite.foreign import child as module
from gradsuite.foreign.child import Child, CommandError
from gradsuite.machine import family

# What each command does once it has read the first bytes of a request.
READ = """
import json, os, signal, struct, sys, time
def send(header, payload=b"", header_length=None, payload_length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    lengths = header_length or len(text), payload_length or len(payload)
    os.write(1, struct.pack("<4sIQ", b"GRAD", *lengths) + text + payload)
os.read(0, 16)
"""
FAILURES = {
    "prints": ("os.write(1, b'hello\\n'); time.sleep(60)", r"wrote 'hello\\n' on its standard output, where a frame"),
    "prints late": ("os.write(1, b'GR'); time.sleep(.1); os.write(1, b'EAT NEWS')", "wrote 'GREAT NEWS' on its"),
    "exits with 0": ("sys.exit(0)", "ended with exit status 0 instead of a reply to 'describe'"),
    "exits with 3": ("sys.exit(3)", "ended with exit status 3 instead of a reply"),
    "segfault": ("os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV instead of a reply"),
    "closes": ("os.close(1); time.sleep(60)", "closed its standard output and ran on, instead of a reply"),
    "short frame": ("os.write(1, b'GRAD')", "ended with exit status 0 in the middle of its reply"),
    "short header": ("send({}, header_length=9)", "ended with exit status 0 in the middle of its reply"),
    "short payload": ("send({'status': 'ok'}, payload_length=9)", "ended with exit status 0 in the middle of"),
    "stops": ("os.write(1, b'GRAD'); time.sleep(60)", "stopped in the middle of its reply to 'describe', and sent"),
    "endless header": ("send({}, header_length=2**31)", "sent a frame with a header of 2147483648 bytes"),
    "no JSON": ("send(b'{')", "sent a header that is not JSON"),
    "no object": ("send([])", "sent a header that is not a JSON object"),
    "no status": ("send({})", "sent a header with the status None .allowed: ok, unsupported, invalid, error."),
    "no safetensors": ("send({'status': 'ok'}, b'12345678')", "sent a payload that is not safetensors"),
}  # fmt: skip


@pytest.fixture
def start(monkeypatch):
    """Start commands in Python, none of which is left in the end; they are given little time."""
    monkeypatch.setattr(module, "PATIENCE", 2.0)
    monkeypatch.setattr(module, "STALL", 2.0)
    started = []

    def start(code, before=READ):
        started.append(Child("mine", [sys.executable, "-c", dedent(before) + dedent(code)]))
        return started[-1]

    yield start
    for child in started:
        child.close()
        assert not psutil.pid_exists(child.process.pid)
        assert child.process.pid not in family.pids()


@pytest.mark.parametrize(("code", "message"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_line_that_names_the_backend(start, code, message):
    child = start(code)
    with pytest.raises(CommandError, match=f"^the command of 'mine' {message}") as raised:
        child.ask("describe")
    assert "\n" not in str(raised.value)
    assert child.process.returncode is not None  # it has been ended
    with pytest.raises(CommandError, match=message):
        child.ask("describe")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.exit(4)", "ended with exit status 4"),
        ("print('x' * 1_000_000, flush=True)", "wrote 'xxx"),
        ("send({'status': 'ok'}); time.sleep(60)", "replied to 'put' before it had read it"),
        ("os.close(0); time.sleep(60)", "closed its standard input and ran on, instead of reading 'put'"),
    ],
)
def test_a_request_that_is_not_read_is_not_waited_for(start, code, message):
    with pytest.raises(CommandError, match=message):
        start(code).ask("put", {"inputs": np.zeros(1_000_000)})


@pytest.mark.parametrize(
    ("status", "kind"), [("unsupported", Unsupported), ("invalid", UserError), ("error", CommandError)]
)
def test_a_command_says_what_it_cannot_and_goes_on(start, status, kind):
    code = f"""
    for number in range(2):
        send({{"status": "{status}", "reason": f"no such\\nthing {{number}}"}})
        os.read(0, 2**16)
    """
    child = start(code, READ.replace("os.read(0, 16)", "os.read(0, 2**16)"))
    for number in range(2):
        with pytest.raises(kind, match=f"^no such thing {number}$") as raised:
            child.ask("describe")
        assert type(raised.value) is kind


def test_half_a_reply_is_never_taken_for_the_next_one(start, monkeypatch):
    def interrupt(self, verb):
        raise KeyboardInterrupt

    child = start("send({'status': 'ok'}); time.sleep(60)")
    with monkeypatch.context() as patched:
        patched.setattr(Child, "_receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            child.ask("forward")
    with pytest.raises(CommandError, match=r"^the command of 'mine' was interrupted in 'forward'$"):
        child.ask("describe")


def test_a_reply_of_many_pieces_arrives_whole(start):
    code = """
    from safetensors.numpy import save
    import numpy as np
    payload = save({"a": np.arange(1_000_000)})
    send({"status": "ok"}, payload_length=len(payload))
    while payload:
        payload = payload[os.write(1, payload[:777_777]) :]
    os.read(0, 1)
    """
    _, found = start(code).ask("fetch")
    np.testing.assert_array_equal(found["a"], np.arange(1_000_000))


def test_a_command_that_the_system_refuses_is_one_line(tmp_path):
    script = tmp_path / "mine"
    script.write_text("no first line says what runs this")
    script.chmod(0o755)
    with pytest.raises(CommandError, match=r"^the command of 'mine' cannot be started: Exec format error$"):
        Child("mine", [str(script)])


def test_a_command_that_does_not_end_is_ended(start):
    start("time.sleep(60)")  # the fixture sees to it that it has gone


def test_what_a_command_takes_counts_as_ours(start):
    before = family.cpu_seconds()
    child = start("while time.process_time() < .2: pass\nsend({'status': 'ok'})\nos.read(0, 1)")
    child.ask("describe")
    assert family.cpu_seconds() - before > 0.1
