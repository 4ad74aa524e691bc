"""Which backend is fastest for one model of given sizes, measured now, round by round until the time is up."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradsuite.compared import Benchmark
from gradsuite.errors import VALUE, UserError, shortened
from gradsuite.experiment import Experiment, Result, Trial
from gradsuite.measuring.intervals import median_interval
from gradsuite.plugins import Plugins
from gradsuite.rows import Measurement
from gradsuite.running.availability import asked_backend, default_backends
from gradsuite.running.bench import timing
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.running.plan import refusal
from gradsuite.runs.noise import assumed_noise
from gradsuite.runs.ratios import Difference, Ratio, ratios, shortness
from gradsuite.runs.workloads import LEAST, Sampled, Workload, centre
from gradsuite.settings import ROUNDS, Setting, Settings
from gradsuite.worker.environment import WorkerEnvironment

ENOUGH = 15  # samples of each
PATIENCE = 3.0  # times as long as asked for, until there are as many as say anything
SECONDS = Setting("--seconds", float, "time to measure in", minimum=0, above=True, maximum=86_400)  # a day
WITHOUT_END = 10_000  # rounds that an experiment is asked for: the time ends them


@dataclass(frozen=True, slots=True)
class Timed:
    """One backend's answer: the median seconds of a call with its interval, and the ratio to the fastest's."""

    backend: str
    median: float
    low: float
    high: float
    rounds: int
    disturbed: float
    ratio: Ratio | None

    @property
    def is_close(self) -> bool:
        """Whether it may be as fast as the fastest."""
        return self.ratio is None or self.ratio.verdict == "no difference"


@dataclass(frozen=True, slots=True)
class Best:
    """The backends that were measured, the fastest first, and why others were not."""

    settings: Settings
    metric: str
    device: str
    threads: int
    seconds: float
    timed: tuple[Timed, ...]
    lost: Mapping[str, str]

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
    seconds: float = 15.0,
    now: Callable[[], float] = time.perf_counter,
) -> Best:
    """Measure one workload on these backends, or all that are not peers, for so many seconds once they have started.

    Where three samples of each take longer they are waited for, three times as long. `facts` are the machine's. Raises
    UserError for a setting that no experiment can time, and where no backend was measured: why is said of each.
    """
    began = now()
    names = list(dict.fromkeys(backends)) or default_backends(plugins)
    for name in names:
        asked_backend(plugins, name)
    experiment, benchmark = benchmark_of(plugins, asked)
    settings = workload_settings(experiment, benchmark, asked)
    environment = WorkerEnvironment(plugins, facts)
    with LocalExecutor(environment, timeout=PATIENCE * seconds) as executor:
        lost = {
            name: why
            for name, said in executor.describe(names).items()
            if (why := said if isinstance(said, str) else refusal(said, device, settings))
        }
        group = [Trial(experiment.name, name, device, settings) for name in names if name not in lost]
        started = now()

        def going(measurements: Sequence[Sequence[Measurement]]) -> bool:
            taken = min(sum(row.metric == benchmark.metric for row in rows) for rows in measurements)
            limit = seconds if taken >= LEAST else PATIENCE * seconds
            return taken < ENOUGH and now() - started < limit

        rounds = executor.run_while(group, going)
        spent = now() - started
    sampled: dict[str, Sampled] = {}
    for trial, result in rounds:
        found = samples(result, benchmark.metric)
        if result.status == "ok" and len(found.logs) >= LEAST:
            sampled[trial.backend] = found
        else:
            lost[trial.backend] = result.reason or f"{len(found.logs)} of {LEAST} rounds in {spent:.0f} s"
    if not sampled:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in lost.items())
        raise UserError(f"nothing was measured: {reasons}; give it longer (--seconds), or smaller sizes")
    ranked = ranking(sampled, str(facts.get("layout")))
    return Best(settings, benchmark.metric, device, facts["threads"], now() - began, tuple(ranked), lost)


def benchmark_of(plugins: Plugins, asked: Mapping[str, Any]) -> tuple[Experiment, Benchmark]:
    """Return the experiment that times workloads of these settings. Raises UserError if there is none."""
    able = {one.name: {setting.name for setting in one.settings} for one in timing(plugins)}
    for name, settings in able.items():
        if settings >= set(asked):
            experiment = plugins.experiment(name)
            assert experiment.benchmark is not None
            return experiment, experiment.benchmark
    said = "; ".join(f"{name} has {', '.join(sorted(settings))}" for name, settings in able.items())
    raise UserError(
        f"no experiment times a workload by {shortened(', '.join(asked), VALUE)} ({said or 'none times workloads'})"
    )


def workload_settings(experiment: Experiment, benchmark: Benchmark, asked: Mapping[str, Any]) -> Settings:
    """Return one trial's settings: those asked for, and of all others the first value of the quick preset."""
    changes = {**benchmark.settings, **{name: [value] for name, value in asked.items()}}
    if ROUNDS in experiment.settings:
        changes[ROUNDS.name] = [WITHOUT_END]
    grid = {name: values[:1] for name, values in experiment.grid("quick", changes).items()}
    return next(iter(experiment.trials(grid)))


def samples(result: Result, metric: str) -> Sampled:
    """Return the samples of one trial."""
    rows = [row for row in result.measurements if row.metric == metric and row.value > 0]
    return Sampled(
        np.array([row.index or 0 for row in rows], dtype=int),
        np.log([row.value for row in rows]),
        np.array([row.note != "" for row in rows], dtype=bool),
        rows[0].unit if rows else "s",
    )


def ranking(sampled: Mapping[str, Sampled], layout: str) -> list[Timed]:
    """Return the backends by their median times, each with its ratio to the fastest, paired round by round."""
    order = sorted(sampled, key=lambda name: float(np.median(sampled[name].used)))
    fastest = sampled[order[0]]
    differences: dict[Workload, Difference] = {}
    for name in order[1:]:
        one = centre(sampled[name].over(fastest).used)
        noise = shortness(sampled[name], fastest)
        differences[Workload("", name, "", "{}", "")] = Difference(one.value, (one.error,), (one.count,), noise)
    found = ratios(differences, spread=False, assumed=assumed_noise(layout))
    by_name = {one.what.backend: one for one in found.workloads if isinstance(one.what, Workload)}
    timed = []
    for name in order:
        interval = median_interval(np.exp(sampled[name].used))
        numbers = (interval.median, interval.low, interval.high, len(sampled[name].logs))
        timed.append(Timed(name, *numbers, sampled[name].share_disturbed, by_name.get(name)))
    return timed
