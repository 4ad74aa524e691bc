"""Executors: where cells are run."""

from collections.abc import Mapping
from typing import Any

from gradsuite.configuration import Configuration
from gradsuite.executors.environment import WorkerEnvironment
from gradsuite.executors.executor import Executor
from gradsuite.executors.local import LocalExecutor
from gradsuite.plugins import Plugins


def open_executor(configuration: Configuration, plugins: Plugins, machine: Mapping[str, Any]) -> Executor:
    """Return the executor asked for. Raises UserError if it cannot be had."""
    if configuration.executor == "local":
        environment = WorkerEnvironment(plugins, machine, configuration.no_plugin)
        return LocalExecutor(environment, timeout=configuration.timeout)
    from gradsuite.executors.dask import DaskExecutor  # its package is optional

    return DaskExecutor(configuration)
