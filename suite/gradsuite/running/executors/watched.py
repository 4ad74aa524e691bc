"""A worker that is watched while it computes: one that takes more memory than it may is ended, with its whole tree."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from gradsuite.machine import memory
from gradsuite.worker.process import Lost, Process

PERIOD = 0.25  # seconds between two looks, each of which takes the host a tenth of a millisecond


class Watched(Process):
    """A worker process that may take `memory` bytes, with all that it starts.

    Only memory of this computer counts, not that of a device. No limit is set on the address space instead: JAX, CUDA
    and others reserve much more of it than they ever use.
    """

    def __init__(
        self, backend: str, environment: Mapping[str, str], python: str = sys.executable, *, memory: int
    ) -> None:
        super().__init__(backend, environment, python)
        self.memory = memory

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Return the reply, as a Process does. Raises Lost too if the worker took more than it may."""
        took, answered = list[int](), Event()
        Thread(target=self._watch, args=(took, answered), daemon=True).start()  # Ctrl-C is not to wait for it
        try:
            return super().ask(request, timeout)
        except Lost as lost:
            if not took:
                raise
            allowed = f"--memory-limit is {memory.spell(self.memory)}"
            raise Lost("error", f"the worker took {memory.spell(took[0])}; {allowed}") from lost
        finally:
            answered.set()

    def _watch(self, took: list[int], answered: Event) -> None:
        """Note what the worker took and kill it once that is too much, unless it has answered before."""
        pid = self.process.pid
        while not answered.wait(PERIOD):
            if memory.resident(pid) > self.memory and (now := memory.taken(pid)) > self.memory:
                took.append(now)
                for member in list(memory.family(pid)):
                    with suppress(ProcessLookupError):
                        os.kill(member, signal.SIGKILL)
                return
