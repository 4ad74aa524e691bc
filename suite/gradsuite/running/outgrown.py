"""Trials that are not tried because a smaller one has already taken too long."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from gradsuite.experiment import Experiment, Result, Trial
from gradsuite.settings import settings_label


class Outgrown:
    """Notes the trials that timed out, and says which others are as they were, but larger."""

    def __init__(self, experiments: Iterable[Experiment]) -> None:
        self.sizes = {one.name: {setting.name for setting in one.settings if setting.size} for one in experiments}
        self.late: dict[Any, list[Trial]] = defaultdict(list)

    def note(self, trial: Trial, result: Result) -> None:
        """Take notice of a trial that was measured for longer than it may."""
        if result.status == "timeout" and result.seconds:
            self.late[self._kind(trial)].append(trial)

    def result(self, trial: Trial) -> Result | None:
        """Return the result of a trial that need not be tried, None of any other.

        It is a `timeout` too, so that it is measured once the smaller one is: `--resume` tries both, in their order.
        """
        for late in self.late.get(self._kind(trial), ()):
            sizes = self.sizes[trial.experiment]
            larger = {name: late.settings[name] for name in sizes if trial.settings[name] != late.settings[name]}
            if larger and all(trial.settings[name] > smaller for name, smaller in larger.items()):
                return Result("timeout", reason=f"not tried: it timed out already with {settings_label(larger)}")
        return None

    def _kind(self, trial: Trial) -> Any:
        """Return what a trial has alike with those that differ from it by sizes alone."""
        sizes = self.sizes[trial.experiment]
        rest = tuple(sorted((name, value) for name, value in trial.settings.items() if name not in sizes))
        return trial.experiment, trial.backend, trial.device, rest
