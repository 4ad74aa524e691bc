"""The environment a worker is started with, set before anything is imported."""

import os
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Self

from gradsuite.alias import is_tuned, original
from gradsuite.machine import allocator, layout
from gradsuite.machine.facts import thread_environment
from gradsuite.plugins import DISABLE_VARIABLE, Plugins, disabled
from gradsuite.worker.origin import HERE, Origin
from gradsuite.worker.purpose import Purpose
from gradsuite.worker.start import THREADS_VARIABLE


class WorkerEnvironment:
    """Says, for each backend, what its worker's environment is: this one's, what all have alike, what plugins add."""

    def __init__(
        self,
        plugins: Plugins,
        machine: Mapping[str, Any],
        blocked: Collection[str] = (),
        origins: Mapping[str, Origin] = MappingProxyType({}),
        purpose: Purpose = Purpose.TIME,
    ) -> None:
        """Use as many threads as `machine` says, and block the same plugins as here.

        `origins` says, for second names of backends, where their code comes from if not from here.
        """
        self.plugins = plugins
        self.machine = machine
        self.blocked = blocked
        self.origins = origins
        self.purpose = purpose

    @property
    def threads(self) -> int:
        """How many threads a worker has."""
        return int(self.machine["threads"])

    def shared(self, workers: int) -> Self:
        """Return that of so many workers that measure side by side: each has its part of the threads, on any core."""
        machine = {**self.machine, "threads": max(1, self.threads // workers)}
        return type(self)(self.plugins, machine, self.blocked, self.origins, Purpose.MEASURE)

    def __call__(self, backend: str) -> dict[str, str]:
        """Return all variables for this backend's worker."""
        environment = {**os.environ, **thread_environment(self.threads)}
        environment |= {**layout.ENVIRONMENT, **allocator.environment()}
        if self.purpose is not Purpose.MEASURE:
            environment[THREADS_VARIABLE] = str(self.threads)
        environment[DISABLE_VARIABLE] = ",".join(sorted(disabled(self.blocked)))
        environment |= self.origin(backend).environment(environment)
        return environment | self.added(original(backend), tuned=is_tuned(backend))

    def origin(self, backend: str) -> Origin:
        """Return where a backend's code comes from."""
        return self.origins.get(backend, HERE)

    def added(self, backend: str, tuned: bool) -> dict[str, str]:
        """Return the variables that plugins set for this backend's worker, tuned or not."""
        machine = {**self.machine, "tuned": tuned, "purpose": self.purpose}
        added: dict[str, str] = {}
        for variables in self.plugins.manager.hook.worker_environment(backend=backend, machine=machine):
            added.update(variables)
        return added

    def tuning(self, backend: str) -> dict[str, str]:
        """Return the variables in which a tuned worker of this backend differs; none where nothing is to be gained."""
        plain, tuned = (self.added(original(backend), tuned=tuned) for tuned in (False, True))
        return {name: value for name, value in tuned.items() if plain.get(name) != value}
