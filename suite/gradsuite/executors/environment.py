"""The environment a worker is started with, set before anything is imported."""

import os
from collections.abc import Collection, Mapping
from typing import Any

from gradsuite.machine import thread_environment
from gradsuite.plugins import DISABLE_VARIABLE, Plugins, disabled, original
from gradsuite.worker import THREADS_VARIABLE


class WorkerEnvironment:
    """Says, for each backend, what its worker's environment is: this one's, the thread counts, and what plugins add."""

    def __init__(self, plugins: Plugins, machine: Mapping[str, Any], blocked: Collection[str] = ()) -> None:
        """Use as many threads as `machine` says, and block the same plugins as here."""
        self.plugins = plugins
        self.machine = machine
        self.blocked = blocked

    def __call__(self, backend: str) -> dict[str, str]:
        """Return all variables for this backend's worker."""
        environment = {**os.environ, **thread_environment(self.machine["threads"])}
        environment[THREADS_VARIABLE] = str(self.machine["threads"])
        environment[DISABLE_VARIABLE] = ",".join(sorted(disabled(self.blocked)))
        for added in self.plugins.manager.hook.worker_environment(backend=original(backend), machine=self.machine):
            environment.update(added)
        return environment
