"""A watch over a training: hooks on somebody's module at one step in so many, and what they saw."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from gradsuite.diagnosis.patient import Trouble
from gradsuite.diagnosis.watching.alarms import Alarm, Alarms, GradientWarning, Limits
from gradsuite.diagnosis.watching.records import Reading, Records
from gradsuite.errors import UserError
from gradsuite.plugins import load

if TYPE_CHECKING:
    import pandas as pd

Write = Callable[[int, Mapping[str, float]], None]  # of a look's step: numbers by their names


class Watcher(Protocol):
    """What a plugin returns for a module of its framework: it tells the watch what it sees."""

    def start(self) -> None:
        """Register the hooks."""

    def stop(self) -> None:
        """Remove every hook, whatever happened."""

    def step(self) -> None:
        """Note that a training step has ended."""

    def tell(self, loss: Any) -> None:
        """Note the loss of the step that is under way."""


class Watch:
    """A training under watch, between `with` and the end of its block; what it saw can be read during it and after.

    `alarms` are all that were raised, `notes` what was assumed, in whole sentences.
    """

    def __init__(
        self,
        module: Any,
        *,
        every: int,
        limits: Limits,
        loss_scale: Callable[[], float],
        finite: bool,
        targets: Iterable[tuple[str, Any]],
        log: Write | None,
    ) -> None:
        """Take what `watch` takes; `targets` are the kinds of tool to write to, and where."""
        self.title = type(module).__name__
        self.every = every
        self.limits = limits
        self.loss_scale = loss_scale
        self.finite = finite
        self.records = Records()
        self.notes: list[str] = []
        self.steps = 0
        self._alarms = Alarms(limits)
        self._targets = list(targets)
        self._log = log
        self._writes: list[Write] = []
        self._open = ExitStack()
        self._watcher = _watcher(module, self)

    @property
    def alarms(self) -> list[Alarm]:
        """Every alarm that was raised, in order."""
        return self._alarms.raised

    @property
    def frame(self) -> "pd.DataFrame":
        """Tidy rows: step, module, layer, metric, value."""
        return self.records.frame()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            writers = [opened.enter_context(_writer(kind, target)) for kind, target in self._targets]
            self._writes = [self._log, *writers] if self._log else writers
            opened.callback(self._watcher.stop)
            self._watcher.start()
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self._writes = []

    def loss(self, loss: Any) -> None:
        """Tell the loss of the step under way, for the record; a loss that is not finite is then known as one."""
        self._watcher.tell(loss)

    def step(self, loss: Any = None) -> None:
        """Note that a training step has ended, and its loss: where no optimizer of PyTorch's says so itself.

        From its first call on these calls are what counts steps.
        """
        if loss is not None:
            self._watcher.tell(loss)
        self._watcher.step()

    def report(self, path: str | Path) -> Path:
        """Write one page that needs no other file, and return where. Raises UserError if it cannot be written."""
        from gradsuite.report.diagnosis.watch import write_page

        return write_page(self, Path(path))

    def to_tensorboard(self, target: Any) -> None:
        """Write what was seen to TensorBoard: to a `SummaryWriter`, or to a folder."""
        self._export("tensorboard", target)

    def to_mlflow(self, run_id: str | None = None) -> None:
        """Write what was seen to a run of MLflow's: that of this id, or the active one."""
        self._export("mlflow", run_id)

    def _export(self, kind: str, target: Any) -> None:
        with _writer(kind, target) as write:
            for step, readings in self.records.by_look():
                write(step, by_name(readings))

    # What a watcher calls:

    def seen(self, step: int, readings: Iterable[Reading]) -> None:
        """Take the readings of a look."""
        known = list(readings)
        self.records.add(step, known)
        for write in self._writes:
            write(step, by_name(known))
        self._warn(self._alarms.judge(step, known))

    def checked(self, step: int, trouble: Trouble | None) -> None:
        """Take whether every number of a step was finite, and if not, where the first one is that was not."""
        self._warn(self._alarms.not_finite(step, trouble))

    def note(self, sentence: str) -> None:
        """Keep what a reader has to know, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _warn(self, alarms: Iterable[Alarm]) -> None:
        for alarm in alarms:
            warnings.warn(alarm.message, GradientWarning, stacklevel=2)


def watch(
    module: Any,
    *,
    every: int = 100,
    tensorboard: Any = None,
    mlflow: str | bool | None = None,
    log: Write | None = None,
    loss_scale: Callable[[], float] = lambda: 1.0,
    finite: bool = True,
    vanish_lag: int = 10,
    vanish_steps: int = 500,
    explode_factor: float = 100.0,
    dead_share: float = 0.5,
) -> Watch:
    """Return a watch over a module's training: `with gradsuite.watch(module, every=100) as watch: ...`.

    It looks at the first training step and at every `every`-th: at the horizon of each recurrent layer, gradient norms
    before clipping, gate statistics and dead units. A step is one of the optimizer's, or a call of `watch.step(loss)`.
    The training's own numbers stay what they are. With `finite`, every step's gradient is asked for numbers that are
    not finite. With a gradient scaler, `loss_scale` is its `get_scale`.

    `tensorboard` (a `SummaryWriter` or a folder) and `mlflow` (the id of a run, or True for the active one) are written
    to at every look, and `log` is called with its step and its numbers by their names.

    A `GradientWarning` is given for a horizon below `vanish_lag` for `vanish_steps` on end, for a gradient norm above
    `explode_factor` times the median of the looks before, for a layer of whose units `dead_share` are dead, and for the
    first number that is not finite, with its place. Raises UserError for a module that no plugin knows.
    """
    if every < 1:
        raise UserError(f"every must be at least 1, not {every}")
    targets = [("tensorboard", tensorboard)] if tensorboard is not None else []
    targets += [("mlflow", None if mlflow is True else mlflow)] if mlflow else []
    limits = Limits(vanish_lag, vanish_steps, explode_factor, dead_share)
    return Watch(module, every=every, limits=limits, loss_scale=loss_scale, finite=finite, targets=targets, log=log)


def by_name(readings: Iterable[Reading]) -> dict[str, float]:
    """Return numbers by the names that other tools file them under."""
    return {reading.name: reading.value for reading in readings}


def _watcher(module: Any, made: Watch) -> Watcher:
    """Return what looks at a module. Raises UserError if no plugin knows it."""
    found: Watcher | None = load(kinds=()).hooks.first("watch_module", module=module, watch=made)
    if found is None:
        raise UserError(f"cannot watch {type(module).__name__!r}: give a torch.nn.Module, the model that is trained")
    return found


def _writer(kind: str, target: Any) -> Any:
    """Return the context whose value writes to another tool. Raises UserError if no plugin knows it."""
    found = load(kinds=()).hooks.first("scalar_writer", kind=kind, target=target)
    if found is None:
        raise UserError(f"no plugin writes to {kind}: is it blocked by GRADSUITE_DISABLE_PLUGINS?")
    return found
