"""Ctrl-C while something is going on that can be saved: the first asks to stop, the second stops at once."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self


class Interruption:
    """Notes the first Ctrl-C in `came`, and tells `show`; a second one raises KeyboardInterrupt, as ever."""

    def __init__(self, show: Callable[[], None] = lambda: None) -> None:
        self.came = False
        self.show = show
        self.before: Any = None  # whatever `signal` has for the handler that was there

    def __enter__(self) -> Self:
        """Listen; in a thread that is not the main one, which gets no signals, nothing is heard."""
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *raised: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True
        self.show()
