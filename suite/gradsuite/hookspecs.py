"""The hooks a plugin may implement; entry-point group `gradsuite`."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import pluggy

GROUP = "gradsuite"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Register(Protocol):
    """What a `register_*` hook is given."""

    def __call__(
        self,
        name: str | type,
        target: str | type | None = None,
        *,
        command: Sequence[str | PathLike[str]] | None = None,
        requires: Iterable[str] = (),
        install: str = "",
        peer: bool = False,
    ) -> None:
        """Register a class, or a name and where its class is ('package.module:Class').

        A backend may be a `command` instead, in whatever language: a name on the PATH or an absolute path, and its
        arguments. Its worker starts it and asks it over its standard input and output.

        `requires` are the modules that must be importable, `install` is the command that brings them. A `peer` is a
        backend to compare with: it runs only when it is named.
        """


@hookspec
def register_backends(register: Register) -> None:
    """Register backends: a Backend subclass, or where one is, so that its framework is not yet imported.

    ::

        @hookimpl
        def register_backends(register):
            register("mine", "my_package:MyBackend", requires=["my_framework"], install="pip install my-package")
            register("ours", command=[Path(__file__).with_name("ours")], install="make -C my_package")
    """


@hookspec
def register_cells(register: Register) -> None:
    """Register cells: a Cell subclass, or where one is.

    ::

        @hookimpl
        def register_cells(register):
            register("my-cell", "my_package.my_cell:MyCell")
    """


@hookspec
def register_experiments(register: Register) -> None:
    """Register experiments: an Experiment subclass, or where one is.

    ::

        @hookimpl
        def register_experiments(register):
            register("my-question", "my_package.my_question:MyQuestion")
    """


@hookspec
def register_tasks(register: Register) -> None:
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
    is wanted (`--tuned`, `NAME@tuned`). Under `purpose` stands what the worker is for (`gradsuite.worker.purpose`):
    only of one that may be timed does it matter how long anything takes, compiling too.

    ::

        @hookimpl
        def worker_environment(backend, machine):
            return {"MY_NUM_THREADS": str(machine["threads"])} if backend == "mine" else None
    """


@hookspec
def trial_finished(trial: Any, result: Any) -> None:
    """Take note of a finished trial, once it is stored.

    ::

        @hookimpl
        def trial_finished(trial, result):
            print(trial.experiment, trial.backend, result.status)
    """


@hookspec
def run_finished(run: Any) -> None:
    """Take note that a run has ended, once its report is written; `run.path` is its folder.

    ::

        @hookimpl
        def run_finished(run):
            print(run.path / "report.html")
    """


@hookspec(firstresult=True)
def read_weights(path: Path) -> Mapping[str, Any] | None:
    """Return the state dict, name -> NumPy array, in a file that torch.save wrote; None without the framework to do so.

    Nothing in the file may be executed. Raises UserError for a file that cannot be read so.
    """


@hookspec(firstresult=True)
def find_patients(question: Any) -> Sequence[Any] | None:
    """Return what there is to diagnose in somebody's network, of this framework's kind; None for any other.

    `question` is a `gradsuite.diagnosis.patient.Question`; what is returned are its recurrent layers as `Patient`, or
    what could be seen of it as `Traced`. Raises UserError for a network of its kind that it can see nothing of.

    ::

        @hookimpl
        def find_patients(question):
            return mine.patients(question) if isinstance(question.network, mine.Module) else None
    """


@hookspec(firstresult=True)
def watch_module(module: Any, watch: Any) -> Any:
    """Return what looks at a module of your framework while it is trained, or None for anything else.

    It is a `gradsuite.diagnosis.watching.Watcher`, and calls `watch.seen(step, readings)` on every `watch.every`-th
    step. Import nothing for a module that is not yours.

    ::

        @hookimpl
        def watch_module(module, watch):
            return MyWatcher(module, watch) if type(module).__module__.startswith("my_framework.") else None
    """


@hookspec(firstresult=True)
def scalar_writer(kind: str, target: Any) -> Any:
    """Return a context manager whose value writes `(step, {name: number})` to this `kind` of tool, or None.

    `target` is what the user gave: a writer or a folder for `tensorboard`, the id of a run or None for `mlflow`.

    ::

        @hookimpl
        def scalar_writer(kind, target):
            return my_tool.opened(target) if kind == "my-tool" else None
    """
