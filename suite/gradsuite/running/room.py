"""What a trial's memory is held against before anything is measured: a size that cannot fit is refused at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Result, Trial
from gradsuite.hosting.contained import Fault, asked
from gradsuite.hosting.witness import calling
from gradsuite.machine.memory import spell

HOST_DEVICE = "cpu"  # what lies on any other device is not in the memory of this computer


@dataclass(frozen=True, slots=True)
class Room:
    """The bytes that a worker may take, and those that are free, where trials are run."""

    limit: int
    free: int

    @classmethod
    def stored(cls, meta: Mapping[str, Any]) -> Self | None:
        """Return the least room that a run has had so far, None of a run that has not been measured."""
        return cls(*meta["room"]) if "room" in meta else None

    def least(self, other: Self | None) -> list[int]:
        """Return the smaller one of each, as a run keeps it."""
        both = [one for one in (self, other) if one is not None]
        return [min(one.limit for one in both), min(one.free for one in both)]

    def refusal(self, need: int) -> str | None:
        """Return why a trial that needs at least so many bytes cannot be measured, or None if it may fit."""
        needs = f"this trial needs at least {spell(need)}"
        if need > self.free:
            return f"{needs}; {spell(self.free)} are free"
        return f"{needs}; --memory-limit is {spell(self.limit)}" if need > self.limit else None


class Fit:
    """Says which trials of these experiments cannot fit into the room there is."""

    def __init__(self, experiments: Iterable[Experiment], room: Room) -> None:
        self.experiments = {experiment.name: experiment for experiment in experiments}
        self.room = room

    def result(self, trial: Trial) -> Result | None:
        """Return the result of a trial that is not measured for its size, None of one that may fit.

        It is `invalid`, since no backend could measure it here; `unsupported` is what one of them does not claim.
        """
        if trial.device != HOST_DEVICE:
            return None
        try:
            reason = self.room.refusal(self.need(trial))
        except UserError as error:
            reason = str(error)
        except Fault as fault:  # an experiment's own estimate costs its trials alone
            return Result("error", reason=f"memory() of {trial.experiment}: {fault}")
        return None if reason is None else Result("invalid", reason=reason)

    def reconsidered(
        self, stored: Mapping[str, str], trials: Iterable[Trial], key: Callable[[Trial], str], before: Room | None
    ) -> dict[str, str]:
        """Return the stored statuses, by key, without those of trials that did not fit `before` and do now."""
        if before is None:
            return dict(stored)
        invalid = [trial for trial in trials if stored.get(key(trial)) == "invalid"]
        fitting = {key(trial) for trial in invalid if not self.result(trial) and before.refusal(self.need(trial))}
        return {one: status for one, status in stored.items() if one not in fitting}

    def need(self, trial: Trial) -> int:
        """Return what a trial takes at least, in bytes. Raises UserError as its experiment does, and Fault."""

        def estimated() -> int:
            need = self.experiments[trial.experiment].memory(trial.settings)
            if not isinstance(need, int) or isinstance(need, bool) or need < 0:
                raise TypeError(f"a whole number of bytes is asked for, not {str(need)[:80]!r}")
            return need

        with calling(f"the experiment {trial.experiment!r}"):
            return asked(estimated)
