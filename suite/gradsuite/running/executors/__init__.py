"""Executors: where trials are run."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from gradsuite.plugins import Plugins
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors.address import require_scheduler
from gradsuite.running.executors.executor import Executor, Say, quiet
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.worker.environment import WorkerEnvironment
from gradsuite.worker.origin import Origin


def open_executor(
    configuration: Configuration,
    plugins: Plugins,
    machine: Mapping[str, Any],
    origins: Mapping[str, Origin] = MappingProxyType({}),
    say: Say = quiet,
) -> Executor:
    """Return the executor asked for; `origins` are a local one's, and what befalls a cluster is said.

    Raises UserError if it cannot be had.
    """
    if configuration.executor == "local":
        environment = WorkerEnvironment(plugins, machine, origins)
        return LocalExecutor.configured(environment, configuration)
    require_scheduler(configuration.scheduler or "")
    from gradsuite.running.executors.dask import DaskExecutor  # its package is optional, and slow to import

    return DaskExecutor(replace(configuration, no_plugin=plugins.blocked), say)  # those that would end it, too
