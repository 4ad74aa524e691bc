"""A training in the worker of its backend, seen from the host: where it is, what was saved, how it ended."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any, Self

from psutil import virtual_memory

from gradsuite.errors import UserError, one_line
from gradsuite.hosting import contract
from gradsuite.machine.facts import machine
from gradsuite.model import Model, parameter_shapes
from gradsuite.plugins import load
from gradsuite.running.availability import asked_backend
from gradsuite.running.checking import place
from gradsuite.running.configuration import THREADS, TIMEOUT
from gradsuite.tasks.task import Task
from gradsuite.training.asked import Asked
from gradsuite.training.checkpoint import FILE
from gradsuite.training.curve import Curve, End, Look
from gradsuite.training.outcome import Begun, Outcome
from gradsuite.worker.environment import WorkerEnvironment
from gradsuite.worker.loading import require
from gradsuite.worker.process import START_TIMEOUT, Lost, Process, start_timeout

PATIENCE = 600.0  # seconds that one step and one look together may take
NUMBER = 8  # bytes of a parameter as it is drawn
PIECE = 1.0  # seconds between answers, as long as steps are shorter than that


class Died(Exception):
    """A worker that died, hung or failed in the middle of a training; the message is one line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a training is: steps taken, the last one's loss, examples per second, and the look taken now, if any."""

    step: int
    loss: float
    pace: float
    look: Look | None


class Training:
    """One training in one worker. With a folder to `save` into, a checkpoint is written at every look."""

    def __init__(
        self,
        asked: Asked,
        *,
        save: Path | None = None,
        resume: Path | None = None,
        timeout: float = PATIENCE,
        show: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Check what is asked, as far as that needs no framework. Raises UserError."""
        TIMEOUT.parse(timeout)
        if asked.threads is not None:
            THREADS.parse(asked.threads)
        self.plugins = load()
        registration = asked_backend(self.plugins, asked.backend)
        if lost := registration.missing():
            raise UserError(f"backend {asked.backend!r} is not available: {lost}; type: {registration.install}")
        self.task = asked.found(self.plugins)
        _require_sound(asked, self.task)
        if save is not None:
            require_folder(save)
            if (save / FILE).exists():
                raise UserError(f"{str(save)!r} holds a training: type --resume {save}, or --save and another folder")
        self.asked, self.folder, self.resume = asked, resume or save, resume
        self.timeout, self.show = timeout, show
        self.machine = machine(asked.threads)
        self.process: Process | None = None
        self.step = 0
        self.end: End = "running"
        self.saved: int | None = None  # the step of the last checkpoint

    def __enter__(self) -> Self:
        """Start the worker and build the network. Raises UserError for what the backend cannot, Died if it dies."""
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._end()

    def walk(self) -> Iterator[Place]:
        """Train, and yield where the training is: at every look, and about every second."""
        while self.end == "running":
            reply = self._ask("walk", self.timeout, seconds=PIECE)
            self.step, self.end = reply["step"], reply["end"]
            look = Look(**reply["look"]) if reply["look"] else None
            if look:
                self.save()
            yield Place(self.step, reply["loss"], reply["pace"] * self.asked.batch_size, look)

    def save(self) -> None:
        """Write a checkpoint, if there is a folder for it. Raises UserError if that fails."""
        if self.folder is not None and self.saved != self.step:
            self._ask("save", self.timeout, folder=str(self.folder.absolute()))
            self.saved = self.step

    def outcome(self, weights: Path | None) -> Outcome:
        """Return what came out: the curve, and the score on test; `weights` is a file to write the network into."""
        reply = self._ask("end", self.timeout, weights=str(weights.absolute()) if weights else "")
        curve = Curve(reply["losses"], [Look(**look) for look in reply["looks"]], self.end)
        return Outcome(self.asked, self.begun, curve, reply["seconds"], reply["test"], self.info, self.machine)

    def going_on(self) -> str:
        """Return how to go on with what was saved, or that nothing was."""
        if self.folder is None or self.saved is None:
            return "nothing was saved (--save DIR keeps a training)"
        return f"step {self.saved} is saved; go on with: gradsuite train --resume {self.folder}"

    def notes(self) -> list[str]:
        """Return what is to be said before a training goes on: of its data, and that other versions give other bits."""
        before, now = self.begun.versions_before, self.begun.versions
        others = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        said = "; ".join(f"{name} {now.get(name)}, not {before.get(name)}" for name in others)
        return [*self.task.notes(), *([f"{said}: other versions may give other bits"] if others else [])]

    def _start(self) -> None:
        self.show(f"loading {self.asked.backend}")
        try:
            environment = WorkerEnvironment(self.plugins, self.machine)
            self.process = Process(self.asked.backend, environment(self.asked.backend))
        except (Exception, SystemExit) as error:  # a hook that sets the environment may fail in any way
            raise Died(f"backend {self.asked.backend!r} cannot be started: {one_line(error)}") from error
        self.info = self._reply({"do": "describe"}, start_timeout(self.timeout))["info"]
        require(self.info, [self.asked.device], [self.asked.dtype])
        self.show(f"building the network on {self.asked.backend}")
        resume = str(self.resume.absolute()) if self.resume else ""
        # A checkpoint keeps what the worker is asked for: it goes on with the same file, from any folder.
        asked = asdict(self.asked) | ({"task": self.task.pin.name} if self.task.pin else {})
        begun = self._ask("begin", max(START_TIMEOUT, self.timeout), asked=asked, resume=resume)
        self.step, self.end = begun.pop("step"), begun.pop("end")
        self.begun = Begun(**begun)
        if self.resume is not None:
            self.saved = self.step
            if self.end != "running":
                done = "it is done: give more --steps" if self.end == "done" else f"it has {self.end}"
                raise UserError(f"nothing is left to train in {str(self.resume)!r}: at step {self.step} {done}")
        self.save()

    def _ask(self, verb: str, timeout: float, **request: Any) -> dict[str, Any]:
        reply = self._reply({"do": "train", "verb": verb, **request}, timeout)
        del reply["status"]
        return reply

    def _reply(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Return an answer. Raises UserError for what cannot be done, Died if there is none, or the backend failed."""
        assert self.process is not None
        try:
            reply = self.process.ask(request, timeout)
        except Lost as lost:
            where = place(self.process.stderr_tail(paths=True))
            raise Died(f"{self.asked.backend} at step {self.step}: {lost}{where}; {self.going_on()}") from lost
        if reply["status"] in ("invalid", "unsupported"):
            raise UserError(reply["reason"])
        if reply["status"] != "ok":
            raise Died(f"{self.asked.backend} after step {self.step}: {reply['reason']}; {self.going_on()}")
        return reply

    def _end(self) -> None:
        if self.process:
            self.process.close()
        self.process = None


def require_folder(folder: Path) -> None:
    """Raise UserError for a path where no folder can be: below a file, or a file itself."""
    nearest = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    if not nearest.is_dir():
        raise UserError(f"cannot write into {str(folder)!r}: {str(nearest)!r} is no folder")


def _require_sound(asked: Asked, task: Task) -> None:
    """Raise UserError for what no backend could train: names and numbers are looked at before a worker starts."""
    model = asked.model(task)
    contract.check_length(task, asked.task, asked.recipe(task).length)
    asked.schedule().check(model)
    _require_room(model)
    asked.parameters(model)


def _require_room(model: Model) -> None:
    """Raise UserError for a network of which this machine's memory does not hold even the parameters."""
    size, there = NUMBER * sum(map(prod, parameter_shapes(model).values())), virtual_memory().total
    if size > there:
        raise UserError(
            f"a network of these sizes has {size / NUMBER:.2g} parameters: {size / 2**30:,.0f} GiB, and this machine "
            f"has {there / 2**30:,.0f} GiB"
        )
