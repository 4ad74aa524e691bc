"""A worker that is watched while it computes: one that takes more memory than it may is ended, with its whole tree."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress

from gradsuite.machine import memory
from gradsuite.worker.process import Lost, Process

PERIOD = 0.25  # seconds between two looks, each of which takes the host a tenth of a millisecond


class Watched(Process):
    """A worker process that may take `memory` bytes, with all that it starts.

    Only memory of this computer counts, not that of a device. No limit is set on the address space instead: JAX, CUDA
    and others reserve much more of it than they ever use.
    """

    beat = PERIOD

    def __init__(
        self, backend: str, environment: Mapping[str, str], python: str = sys.executable, *, memory: int
    ) -> None:
        super().__init__(backend, environment, python)
        self.memory = memory

    def _look(self) -> None:
        """Look at what the worker takes, too. Raises Lost if that is more than it may: it is ended."""
        super()._look()
        pid = self.process.pid
        if memory.resident(pid) <= self.memory or (took := memory.taken(pid)) <= self.memory:
            return
        for member in list(memory.family(pid)):
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        allowed = f"--memory-limit is {memory.spell(self.memory)}"
        raise Lost("error", f"the worker took {memory.spell(took)}; {allowed}")
