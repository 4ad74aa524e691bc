"""A backend measured against another state of its own code, in turn and in one job: the machine's noise cancels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradsuite.alias import original, twin
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment
from gradsuite.plugins import Plugins
from gradsuite.running.availability import asked_backend
from gradsuite.running.configuration import Configuration
from gradsuite.running.job import Job
from gradsuite.running.origin import origin, second_name
from gradsuite.running.workload import timing
from gradsuite.runs.noise import assumed_noise
from gradsuite.runs.ratios import Ratios, ratios, twins, within
from gradsuite.runs.store import Run
from gradsuite.runs.workloads import Workload, varied, workloads
from gradsuite.settings import ROUNDS

ENOUGH = 15  # rounds, unless others are asked for


@dataclass(frozen=True, slots=True)
class Bench:
    """What a backend's times are over those of its other state: `base` and `new` are their names in the run."""

    base: str
    new: str
    path: Path
    ratios: Ratios
    varied: Mapping[str, Sequence[str]]

    def label(self, what: Workload | str) -> str:
        """Return a workload in one line; of a backend, its name."""
        return what if isinstance(what, str) else what.label(self.varied.get(what.experiment, ()))


def bench(
    backend: str,
    reference: str,
    options: Mapping[str, Any],
    plugins: Plugins,
    say: Callable[[str], None],
    *,
    threshold: float = 0.0,
) -> Bench:
    """Measure a backend, its twin and its state at `reference` in turn, and compare them; `options` are those of a run.

    Raises UserError if they cannot be measured, or where nothing was timed on both.
    """
    name, other = original(backend), second_name(backend, reference)
    with origin(asked_backend(plugins, backend), reference) as found:
        configuration = configured(options, [name, other, twin(name)], plugins)
        job = Job(configuration, plugins, say, origins={other: found})
        run, complete = job.run()
    if not complete:
        raise job.stop or KeyboardInterrupt
    return benched(run, other, name, {one.name: one for one in job.study.experiments}, threshold=threshold)


def configured(options: Mapping[str, Any], backends: Sequence[str], plugins: Plugins) -> Configuration:
    """Return the configuration of a bench: by default all experiments that time a workload, small, with many rounds."""
    given = {"preset": "quick", **options, "backend": list(backends)}
    if not given.get("experiment"):
        given["experiment"] = [one.name for one in timing(plugins)]
    changes = dict(given.get("set", {}))
    if any(ROUNDS in plugins.experiment(name).settings for name in given["experiment"]):
        changes.setdefault(ROUNDS.name, [ENOUGH])
    return Configuration.make({**given, "set": changes})


def benched(run: Run, base: str, new: str, experiments: Mapping[str, Experiment], *, threshold: float = 0.0) -> Bench:
    """Return how two backends of one run compare, held against the noise that its twins show.

    Raises UserError, with what became of their trials, where nothing was timed on both.
    """
    sampled = workloads(run.measurements(), experiments)
    differences = within(sampled, base, new)
    trials = run.trials()
    if not differences:
        bad = trials[trials["status"] != "ok"]
        reasons = dict.fromkeys(f"{row.backend}: {row.reason}" for row in bad.itertuples())
        raise UserError(
            f"nothing was timed on both {new} and {base}: {'; '.join(reasons) or 'no trial times anything'}"
        )
    found = ratios(
        differences,
        twins(sampled),
        spread=False,
        threshold=threshold,
        assumed=assumed_noise(run.meta.get("machine", {}).get("layout")),
    )
    shown = {str(name): varied(rows["settings"]) for name, rows in trials.groupby("experiment", sort=False)}
    return Bench(base, new, run.path, found, shown)
