"""The hooks a plugin may implement; entry-point group `gradsuite`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from gradsuite.plugins import Register

GROUP = "gradsuite"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def register_backends(register: "Register") -> None:
    """Register backends: a Backend subclass, or where one is, so that its framework is not yet imported.

    ::

        @hookimpl
        def register_backends(register):
            register("mine", "my_package:MyBackend", requires=["my_framework"], install="pip install my-package")
    """


@hookspec
def register_experiments(register: "Register") -> None:
    """Register experiments: an Experiment subclass, or where one is.

    ::

        @hookimpl
        def register_experiments(register):
            register("my-question", "my_package.my_question:MyQuestion")
    """


@hookspec
def register_tasks(register: "Register") -> None:
    """Register tasks: a Task subclass, or where one is.

    ::

        @hookimpl
        def register_tasks(register):
            register("my-data", "my_package.data:MyData")
    """


@hookspec
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return environment variables that this backend's worker is started with, before anything is imported.

    `machine` has the facts of `gradsuite.machine.facts`, and under `tuned` whether what is faster here than the default
    is wanted (`--tuned`, `NAME@tuned`).

    ::

        @hookimpl
        def worker_environment(backend, machine):
            return {"MY_NUM_THREADS": str(machine["threads"])} if backend == "mine" else None
    """


@hookspec
def cell_finished(cell: Any, result: Any) -> None:
    """Be told of every finished cell, once it is stored.

    ::

        @hookimpl
        def cell_finished(cell, result):
            print(cell.experiment, cell.backend, result.status)
    """


@hookspec
def run_finished(run: Any) -> None:
    """Be told that a run has ended, once its report is written; `run.path` is its folder.

    ::

        @hookimpl
        def run_finished(run):
            print(run.path / "report.html")
    """
