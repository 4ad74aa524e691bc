"""One workload of given sizes: the experiment that times it, and the settings of its trial."""

from collections.abc import Iterator, Mapping
from typing import Any

from gradsuite.compared import Benchmark
from gradsuite.errors import VALUE, UserError, shortened
from gradsuite.experiment import Experiment
from gradsuite.plugins import Plugins
from gradsuite.settings import ROUNDS, Settings

WITHOUT_END = 10_000  # rounds that an experiment is asked for: the time ends them


def timing(plugins: Plugins) -> Iterator[Experiment]:
    """Yield the experiments that can time one workload, those that run only when they are named left out."""
    for experiment in plugins.all_experiments():
        if experiment.benchmark and not experiment.named:
            yield experiment


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
