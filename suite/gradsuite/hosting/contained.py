"""Code that others wrote, called so that whatever it does costs itself alone: it raises anything, and ends nothing."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, ParamSpec, Self, TypeVar

from gradsuite.errors import UserError, one_line
from gradsuite.plain import plain

P = ParamSpec("P")
T = TypeVar("T")
LONGEST = 240  # characters of what is said of a fault: it is a part of one line
STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_leave = os._exit
_inside = threading.local()  # `process`: in which one this thread runs contained code; a forked copy may leave


class Fault(Exception):
    """What code that others wrote did wrong, in one line."""


def contained(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what this call returns. Raises Fault for whatever it raises, `sys.exit` and `os._exit` too.

    A signal from outside, such as the user's Ctrl-C, is no fault: it is raised as ever, even if the code swallows it.
    """
    os._exit = _stay
    before, _inside.process = getattr(_inside, "process", None), os.getpid()
    with _Signals() as signals:
        try:
            returned = call(*args, **kwargs)
        except BaseException as error:
            if signals.raised is None:
                raise Fault(plain(one_line(error), LONGEST)) from error
        finally:
            _inside.process = before
    if signals.raised is not None:
        raise signals.raised
    return returned


def asked(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what this call returns, of code that may refuse what a user asked for. Raises Fault and its UserError."""

    def answer() -> tuple[T] | UserError:
        try:
            return (call(*args, **kwargs),)
        except UserError as error:
            return error

    answered = contained(answer)
    if isinstance(answered, UserError):
        raise answered
    return answered[0]


def _stay(status: int = 0) -> NoReturn:
    """Stand for `os._exit`: where contained code calls it, this process goes on."""
    if getattr(_inside, "process", None) == os.getpid():
        raise SystemExit(status)
    _leave(status)


class _Signals:
    """Notes which exception a signal from outside `raised`; a KeyboardInterrupt that is none of them is the code's."""

    def __init__(self) -> None:
        self.raised: BaseException | None = None
        self.handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Listen; in a thread that is not the main one, which gets no signals, there is nothing to hear."""
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in STOPPING}
            self.handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
            for number in self.handlers:
                signal.signal(number, self._hear)
        return self

    def __exit__(self, *raised: object) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        try:
            self.handlers[number](number, frame)
        except BaseException as error:
            self.raised = error
            raise
