"""Which backend is fastest for one model of given sizes, measured now, within a budget of seconds."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradsuite.errors import UserError
from gradsuite.experiment import Trial
from gradsuite.plugins import Plugins
from gradsuite.running.availability import asked_backend, default_backends
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.running.plan import refusal
from gradsuite.running.race import Behind, Race
from gradsuite.running.timed import Timed, ranking
from gradsuite.running.workload import benchmark_of, workload_settings
from gradsuite.runs.noise import assumed_noise
from gradsuite.settings import LENGTH, Setting, Settings
from gradsuite.worker.environment import WorkerEnvironment

BUDGET = Setting("--budget", float, "seconds to answer in", minimum=0, above=True, maximum=86_400)  # a day
MEASURING = 0.95  # of the budget: then the workers are ended, and the answer is written


@dataclass(frozen=True, slots=True)
class Best:
    """The backends that were measured, the fastest first, and why others were not.

    `settings` are those asked for. `length` is the shorter one that there was time for, if there was none for theirs,
    and `advised` a budget that has room for what this one had not, or 0.
    """

    settings: Settings
    metric: str
    device: str
    threads: int
    seconds: float
    timed: tuple[Timed, ...]
    behind: tuple[Behind, ...]
    lost: Mapping[str, str]
    length: int | None = None
    advised: int = 0

    @property
    def close(self) -> list[str]:
        """The fastest backend, and those that are too close to call."""
        return [one.backend for one in self.timed if one.is_close]


def best(
    asked: Mapping[str, Any],
    plugins: Plugins,
    facts: Mapping[str, Any],
    *,
    backends: Sequence[str] = (),
    device: str = "cpu",
    budget: float = 30.0,
    began: float | None = None,
) -> Best:
    """Measure one workload on these backends, or all that are not peers, and answer within a budget of seconds.

    It counts from when this `began` (time.monotonic), now if nobody says. `facts` are the machine's. Raises UserError
    for a setting that no experiment can time, and where no backend was measured: why is said of each.
    """
    began = time.monotonic() if began is None else began
    names = list(dict.fromkeys(backends)) or default_backends(plugins)
    for name in names:
        asked_backend(plugins, name)
    experiment, benchmark = benchmark_of(plugins, asked)
    settings = workload_settings(experiment, benchmark, asked)
    noise = assumed_noise(str(facts.get("layout")))
    with LocalExecutor(WorkerEnvironment(plugins, facts), timeout=budget) as executor:
        lost = {
            name: why
            for name, said in executor.describe(names).items()
            if (why := said if isinstance(said, str) else refusal(said, device, settings))
        }
        race = Race(executor, benchmark.metric, noise=noise, began=began, seconds=MEASURING * budget)
        trials = [Trial(experiment.name, name, device, settings) for name in names if name not in lost]
        runners = race.run(trials) if trials else []
    lost |= race.lost
    if not runners:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in lost.items())
        raise UserError(f"nothing was measured: {reasons}; give it longer (--budget), or smaller sizes")
    length = runners[0].one.trial.settings.get(LENGTH.name)
    return Best(
        settings,
        benchmark.metric,
        device,
        facts["threads"],
        time.monotonic() - began,
        tuple(ranking({runner.backend: runner.sampled for runner in runners}, noise)),
        tuple(race.behind),
        lost,
        length if length != settings.get(LENGTH.name) else None,
        race.advised,
    )
