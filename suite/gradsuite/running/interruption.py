"""Being stopped: Ctrl-C, and the signals by which a system or a closed terminal ends a program, mean the same."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Self

ENDING = tuple(number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None)
ECHO = 0.5  # seconds: who ends all processes of a program has ended its witness, too, which passes the signal on


class Stopped(KeyboardInterrupt):
    """A signal that ends this program, raised where Ctrl-C is."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_status(stop: BaseException | None) -> int:
    """Return the exit status of a program that this stopped, or what this was raised from, as shells have it."""
    while stop is not None:
        if isinstance(stop, Stopped):
            return 128 + stop.number
        stop = stop.__cause__
    return 128 + signal.SIGINT


class Echoes:
    """Tells signals from their echoes: one that comes right after another is that one, once more."""

    def __init__(self) -> None:
        self.last = float("-inf")

    def heard(self) -> bool:
        """Note a signal; return whether it is an echo."""
        before, self.last = self.last, time.monotonic()
        return self.last - before < ECHO


@contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C and the signals that end a program raise Stopped; one that is ignored, as under nohup, stays so."""
    main = threading.current_thread() is threading.main_thread()  # no other may say what a signal does
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING) if main}
    ours = {number: it for number, it in before.items() if it in (signal.SIG_DFL, signal.default_int_handler)}
    stop = _Stop()
    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)


class _Stop:
    """The handler of signals that end a program."""

    def __init__(self) -> None:
        self.echoes = Echoes()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.echoes.heard():
            raise Stopped(number)


class Interruption:
    """Notes the first Ctrl-C in `came`, and tells `show`; a second one raises KeyboardInterrupt, as ever.

    So do the signals that end a program, where they do not end it in another way; `came` is the number of the signal.
    """

    def __init__(self, show: Callable[[], None] = lambda: None) -> None:
        self.came = 0
        self.show = show
        self.echoes = Echoes()
        self.before: dict[int, Any] = {}  # whatever `signal` has for the handlers that were there

    def __enter__(self) -> Self:
        """Listen; in a thread that is not the main one, which gets no signals, nothing is heard."""
        if threading.current_thread() is threading.main_thread():
            for number in (
                signal.SIGINT,
                *(number for number in ENDING if isinstance(signal.getsignal(number), _Stop)),
            ):
                self.before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *raised: object) -> None:
        for number, before in self.before.items():
            signal.signal(number, before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.echoes.heard():
            return
        if self.came:
            raise Stopped(number)
        self.came = number
        self.show()


def resuming(run: Path) -> str:
    """Return what to type to go on with a run, as the end of a sentence."""
    return f"what was measured is kept; go on with: gradsuite run --resume {run}"
