"""Calls of code that others wrote: whatever it does is a fault of its own, and the user's signals are not."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from gradsuite.errors import UserError
from gradsuite.hosting.contained import Fault, asked, contained


@pytest.fixture(autouse=True)
def heeded():
    """Heed Ctrl-C, which a shell has processes in its background ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def raising(error):
    def call():
        raise error

    return call


def test_what_a_call_returns_is_returned():
    assert contained(divmod, 7, 3) == (2, 1)
    assert contained(dict, a=1) == {"a": 1}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (raising(ValueError("no")), "ValueError: no"),
        (raising(UserError("no")), "UserError: no"),
        (raising(SystemExit(0)), "SystemExit: 0"),
        (raising(KeyboardInterrupt), "KeyboardInterrupt"),
        (lambda: os._exit(0), "SystemExit: 0"),
        (lambda: contained(os._exit, 3), "Fault: SystemExit: 3"),
    ],
)
def test_whatever_it_raises_is_a_fault_with_the_reason(call, said):
    with pytest.raises(Fault) as fault:
        contained(call)
    assert str(fault.value) == said


def test_what_is_said_of_a_fault_is_short():
    with pytest.raises(Fault) as fault:
        contained(raising(ValueError("x" * 10_000)))
    assert len(str(fault.value)) < 250


def test_a_refusal_of_what_was_asked_for_is_the_users():
    with pytest.raises(UserError, match="no such size"):
        asked(raising(UserError("no such size")))
    with pytest.raises(Fault):
        asked(raising(ValueError))
    assert asked(int, "7") == 7


@pytest.mark.parametrize("swallowed", [False, True])
def test_a_signal_is_raised_as_ever_even_if_it_is_swallowed(swallowed):
    def call():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if not swallowed:
                raise

    with pytest.raises(KeyboardInterrupt):
        contained(call)
    with pytest.raises(KeyboardInterrupt):
        contained(lambda: contained(call))  # as when an experiment asks for a task
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_are_those_that_were_there():
    contained(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_in_a_thread_every_keyboard_interrupt_is_a_fault():
    found = []

    def run():
        try:
            contained(raising(KeyboardInterrupt))
        except Fault as fault:
            found.append(str(fault))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == ["KeyboardInterrupt"]


def test_a_forked_copy_and_whoever_is_not_contained_may_leave():
    script = """
import os
from gradsuite.hosting.contained import contained

def fork():
    if not (child := os.fork()):
        os._exit(5)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

print(contained(fork), flush=True)
os._exit(6)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("5\n", "", 6)
