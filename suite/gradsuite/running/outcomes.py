"""What becomes of every trial of a run: those that need no measuring first, then those that an executor measures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from logging import INFO

from gradsuite.backend import BackendInfo
from gradsuite.experiment import Result, Trial
from gradsuite.running import plan
from gradsuite.running.executors.executor import Executor, Group, Known
from gradsuite.running.executors.lanes import Meanwhile
from gradsuite.running.log import event, of_trial
from gradsuite.running.room import Fit


def outcomes(
    groups: Sequence[Group],
    backends: Mapping[str, BackendInfo],
    wrong: Mapping[str, str],
    fit: Fit,
    executor: Executor,
    known: Known,
    meanwhile: Meanwhile,
) -> Iterator[tuple[Trial, Result]]:
    """Yield every trial with its result: first those that need no measuring.

    They are those that a backend does not claim, those of a backend whose gradients are `wrong`, and those that do not
    `fit` into the memory there is.
    """
    claimed: list[list[Trial]] = []
    for group in groups:
        claimed.append([])
        for trial in group:
            if reason := plan.refusal(backends[trial.backend], trial.device, trial.settings):
                yield trial, told(trial, Result("unsupported", reason=reason))
            elif trial.backend in wrong:
                yield trial, told(trial, Result("invalid", reason=f"wrong gradients: {wrong[trial.backend]}"))
            elif misfit := fit.result(trial):
                yield trial, told(trial, misfit)
            else:
                claimed[-1].append(trial)
    yield from executor.run(claimed, lambda trial: (found := known(trial)) and told(trial, found), meanwhile)


def untimed(groups: Iterable[Group]) -> list[str]:
    """Return the experiments that time nothing in any of these trials."""
    timed = {trial.experiment: False for trial in chain.from_iterable(groups)}
    timed |= {trial.experiment: True for trial in chain.from_iterable(groups) if trial.timed}
    return [name for name, some in timed.items() if not some]


def told(trial: Trial, result: Result) -> Result:
    """Tell the log of the run that a trial is not measured, and return its result."""
    event(INFO, "trial refused", **of_trial(trial), status=result.status, reason=result.reason)
    return result
