"""Faults of a backend that raises, exits, is killed, or never comes back."""

import asyncio
import atexit
import ctypes
import os
import signal
import sys
import threading
import time

from gradsuite.errors import Unsupported, UserError

from tests.faults.table import fault

HOUR = 3600.0


class Mute(Exception):
    """Cannot say what it is."""

    def __str__(self):
        raise ValueError("no")


@fault("error", "ValueError: two lines")
def raises():
    raise ValueError("two\nlines")


@fault("error", "ValueError: xxxx")
def raises_a_megabyte():
    raise ValueError("x" * 2**20)


@fault("error", "ValueError: \\ud800")
def raises_half_a_character():
    raise ValueError("\ud800")


@fault("error", "Mute: (a message that cannot be read)")
def raises_mute():
    raise Mute


@fault("unsupported", "no such ?")
def is_unsupported_in_half_a_character():
    raise Unsupported("no such \ud800")


@fault("invalid", "it cannot be")
def is_invalid():
    raise UserError("it cannot be")


@fault("error", "SystemExit: 0")
def exits():
    sys.exit(0)


@fault("error", "SystemExit: last words")
def exits_with_a_text():
    sys.exit("last words")


@fault("error", "KeyboardInterrupt")
def interrupts():
    raise KeyboardInterrupt


@fault("error", "GeneratorExit")
def ends_a_generator():
    raise GeneratorExit


@fault("error", "generator raised StopIteration")
def stops_iteration():
    raise StopIteration


@fault("error", "CancelledError")
def cancels():
    raise asyncio.CancelledError


@fault("error", "BaseExceptionGroup: several (1 sub-exception)")
def raises_a_group():
    raise BaseExceptionGroup("several", [KeyboardInterrupt()])


@fault("error", "RecursionError")
def recurs():
    recurs()


@fault("error", "MemoryError")
def is_out_of_memory():
    bytearray(2**62)


@fault("error", "the worker ended with exit status 0")
def leaves():
    os._exit(0)


@fault("error", "the worker ended with exit status 3")
def leaves_with_3():
    os._exit(3)


@fault("error", "the worker was killed by SIGSEGV")
def crashes():
    ctypes.string_at(0)


@fault("error", "the worker was killed by SIGABRT")
def aborts():
    os.abort()


@fault("error", "the worker was killed by SIGKILL, as the system does when memory runs out")
def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


@fault("error", "the worker was killed by SIGTERM")
def is_terminated():
    os.kill(os.getpid(), signal.SIGTERM)


@fault("error", "the worker was killed by SIGHUP")
def is_hung_up():
    os.kill(os.getpid(), signal.SIGHUP)


@fault("error", "SystemExit: 0")
def exits_and_hangs():
    atexit.register(time.sleep, HOUR)
    sys.exit(0)


@fault("timeout", "no answer within")
def sleeps():
    time.sleep(HOUR)


@fault("timeout", "no answer within")
def loops():
    while True:
        pass


@fault("timeout", "no answer within")
def sleeps_in_c():
    ctypes.PyDLL(None).sleep(int(HOUR))  # no other thread of Python runs meanwhile


@fault("timeout", "no answer within")
def stops_itself():
    os.kill(os.getpid(), signal.SIGSTOP)


@fault("timeout", "no answer within")
def heeds_nothing():
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(HOUR)


@fault("timeout", "no answer within")
def waits_for_itself():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@fault("ok")
def leaves_a_thread():
    threading.Thread(target=time.sleep, args=(HOUR,)).start()
    return []
