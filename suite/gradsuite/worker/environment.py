"""The environment a worker is started with, set before anything is imported."""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from gradsuite.alias import is_tuned, original
from gradsuite.hosting.contained import Fault, contained
from gradsuite.hosting.points import DISABLE_VARIABLE, disabled
from gradsuite.machine import allocator, layout
from gradsuite.machine.facts import thread_environment
from gradsuite.plugins import Plugins
from gradsuite.worker.origin import HERE, Origin
from gradsuite.worker.purpose import Purpose
from gradsuite.worker.start import THREADS_VARIABLE


class WorkerEnvironment:
    """Says, for each backend, what its worker's environment is: this one's, what all have alike, what plugins add."""

    def __init__(
        self,
        plugins: Plugins,
        machine: Mapping[str, Any],
        origins: Mapping[str, Origin] = MappingProxyType({}),
        purpose: Purpose = Purpose.TIME,
    ) -> None:
        """Use as many threads as `machine` says, and block the plugins that are blocked here.

        `origins` says, for second names of backends, where their code comes from if not from here.
        """
        self.plugins = plugins
        self.machine = machine
        self.origins = origins
        self.purpose = purpose

    @property
    def threads(self) -> int:
        """How many threads a worker has."""
        return int(self.machine["threads"])

    def shared(self, workers: int) -> Self:
        """Return that of so many workers that measure side by side: each has its part of the threads, on any core."""
        machine = {**self.machine, "threads": max(1, self.threads // workers)}
        return type(self)(self.plugins, machine, self.origins, Purpose.MEASURE)

    def __call__(self, backend: str) -> dict[str, str]:
        """Return all variables for this backend's worker."""
        environment = {**os.environ, **thread_environment(self.threads)}
        environment |= {**layout.ENVIRONMENT, **allocator.environment()}
        if self.purpose is not Purpose.MEASURE:
            environment[THREADS_VARIABLE] = str(self.threads)
        environment[DISABLE_VARIABLE] = ",".join(sorted(disabled(self.plugins.blocked)))
        environment |= self.origin(backend).environment(environment)
        return environment | self.added(original(backend), tuned=is_tuned(backend))

    def origin(self, backend: str) -> Origin:
        """Return where a backend's code comes from."""
        return self.origins.get(backend, HERE)

    def added(self, backend: str, tuned: bool) -> dict[str, str]:
        """Return the variables that plugins set for this backend's worker, tuned or not."""
        return added(self.plugins, backend, {**self.machine, "tuned": tuned, "purpose": self.purpose})

    def tuning(self, backend: str) -> dict[str, str]:
        """Return the variables in which a tuned worker of this backend differs; none where nothing is to be gained."""
        plain, tuned = (self.added(original(backend), tuned=tuned) for tuned in (False, True))
        return {name: value for name, value in tuned.items() if plain.get(name) != value}


def added(plugins: Plugins, backend: str, machine: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that plugins set for a backend's worker; what fails or is none is blamed on its plugin."""
    hook, variables = "worker_environment", dict[str, str]()
    for plugin, answer in plugins.hooks.call(hook, backend=backend, machine=machine).items():
        try:
            variables |= contained(environment_of, answer)
        except Fault as fault:
            plugins.hooks.blame(plugin, hook, str(fault))
    return variables


def environment_of(answer: Any) -> dict[str, str]:
    """Return what a plugin answered if it can be an environment. Raises TypeError or ValueError if it cannot."""
    if not isinstance(answer, Mapping):
        raise TypeError(f"it returns variables by name, not {answer!r:.80}")
    for name, value in answer.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise TypeError(f"a variable and its value are text: {name!r:.80}, {value!r:.80}")
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"there can be no variable {name!r:.80} of the value {value!r:.80}")
        os.fsencode(name + value)
    return dict(answer)
