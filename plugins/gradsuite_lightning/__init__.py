"""A watch over a training by Lightning: `Trainer(callbacks=[WatchCallback(every=100)])`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradsuite
from gradsuite.errors import UserError

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError as error:
    raise UserError('Lightning is not installed: python -m pip install "gradsuite[lightning]"') from error


class WatchCallback(Callback):  # type: ignore[misc]
    """Watches the module while Lightning fits it, and logs what it sees to the trainer's loggers.

    `part` names the submodule to watch, by default the whole; `report` is where a page is written at the end, `options`
    are those of `gradsuite.watch`. The watch itself is `watch`, from the beginning of the fit on.
    """

    def __init__(self, *, part: str = "", report: str | Path | None = None, **options: Any) -> None:
        self.part = part
        self.report = report
        self.options = options
        self.watch: gradsuite.Watch | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to watch."""

        def log(step: int, values: Mapping[str, float]) -> None:
            for logger in trainer.loggers:
                logger.log_metrics(dict(values), step=step)

        watched = pl_module.get_submodule(self.part)
        self.watch = gradsuite.watch(watched, **{"log": log} | self.options).__enter__()

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Any) -> None:
        """Tell the watch of the loss."""
        if self.watch is not None:
            self.watch.loss(loss)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the watch, and write the page."""
        self._end()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the watch of a training that failed: the page may say why."""
        self._end()

    def _end(self) -> None:
        if self.watch is None:
            return
        self.watch.__exit__(None, None, None)
        if self.report is not None:
            self.watch.report(self.report)
