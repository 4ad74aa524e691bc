"""A watch over a training by Hugging Face's Trainer: `Trainer(..., callbacks=[WatchCallback(every=100)])`."""

from pathlib import Path
from typing import Any

import gradsuite
from gradsuite.errors import UserError

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError as error:
    raise UserError('Transformers is not installed: python -m pip install "gradsuite[transformers]"') from error


class WatchCallback(TrainerCallback):  # type: ignore[misc]
    """Watches the model while the Trainer trains it.

    `part` names the submodule to watch, by default the whole; `report` is where a page is written at the end, `options`
    are those of `gradsuite.watch`. The watch itself is `watch`, from the beginning of the training on. The Trainer does
    not tell its callbacks of an exception: call `close` where you catch one.
    """

    def __init__(self, *, part: str = "", report: str | Path | None = None, **options: Any) -> None:
        self.part = part
        self.report = report
        self.options = options
        self.watch: gradsuite.Watch | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: Any
    ) -> None:
        """Begin to watch."""
        self.close()
        self.watch = gradsuite.watch(known["model"].get_submodule(self.part), **self.options).__enter__()

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: Any) -> None:
        """End the watch, and write the page."""
        self.close()
        if self.watch is not None and self.report is not None:
            self.watch.report(self.report)

    def close(self) -> None:
        """Remove the hooks."""
        if self.watch is not None:
            self.watch.__exit__(None, None, None)
