"""Two runs compared: how their timings are related, what else changed, and what cannot be compared and why."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from gradsuite.errors import UserError
from gradsuite.experiment import Experiment
from gradsuite.plugins import Plugins
from gradsuite.runs.barriers import backend_barrier, barriers, data_barrier, remarks
from gradsuite.runs.changes import TRIAL, Changes, changes
from gradsuite.runs.noise import TAILS, assumed_noise
from gradsuite.runs.ratios import Ratios, between, ratios, twins
from gradsuite.runs.store import Run
from gradsuite.runs.workloads import Sampled, Workload, varied, workloads

DISTURBED = 0.5  # by how much the disturbed share of a workload's samples may differ between two runs


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing two runs says; `obstacles` are why something could not be compared, with how much it was.

    `varied` are the settings that tell one trial of an experiment from another.
    """

    base: str
    new: str
    ratios: Ratios
    changes: Changes
    obstacles: Mapping[str, int]
    remarks: tuple[str, ...]
    varied: Mapping[str, Sequence[str]]

    def label(self, what: Workload | str) -> str:
        """Return a workload in one line; of a backend, its name."""
        return what if isinstance(what, str) else what.label(self.varied.get(what.experiment, ()))


class Side:
    """One run of a comparison, read once."""

    def __init__(self, run: Run, plugins: Plugins) -> None:
        """Read its measurements, as its experiments say they are compared. Raises UserError for a merged run."""
        if run.merged:
            raise UserError(
                f"{str(run.path)!r} was merged of several machines' runs: compare those, one machine's at a time"
            )
        self.run = run
        self.meta = run.meta
        self.trials = run.trials()
        self.rows = run.measurements()
        self.claims = run.claims()
        self.lost: dict[str, str] = {}
        self.experiments: dict[str, Experiment] = {}
        for name in self.trials["experiment"].unique():
            try:
                self.experiments[name] = plugins.experiment(name)
            except UserError as error:
                self.lost[name] = str(error)
        self.sampled = workloads(self.rows, self.experiments)

    @property
    def layout(self) -> object:
        """How its workers lay in memory."""
        return self.meta.get("machine", {}).get("layout")

    def count(self, experiment: str) -> int:
        """Return how many trials of an experiment it has."""
        return int((self.trials["experiment"] == experiment).sum())


def compare(base: Run, new: Run, plugins: Plugins, *, threshold: float = 0.0) -> Comparison:
    """Compare two runs. Raises UserError where there is nothing in them that could be compared.

    Timings are compared where both were taken in one way on one machine; claims, digits and quantities always.
    `threshold` is how much slower is too slow, relative.
    """
    before, after = Side(base, plugins), Side(new, plugins)
    obstacles: Counter[str] = Counter()
    comparable = timings(before, after, obstacles)
    found = ratios(
        between(before.sampled, comparable),
        [*twins(before.sampled), *twins(after.sampled)],
        threshold=threshold,
        assumed=assumed_noise(before.layout, after.layout),
        tails=TAILS,
    )
    changed = changes(
        (before.rows, after.rows),
        (before.trials, after.trials),
        (before.claims, after.claims),
        before.experiments | after.experiments,
    )
    for reason, count in unmatched(before, after):
        obstacles[reason] += count
    if not (found.workloads or changed.compared):
        reasons = "; ".join(obstacles) or "neither has measured anything"
        raise UserError(f"nothing of {str(base.path)!r} and {str(new.path)!r} can be compared: {reasons}")
    return Comparison(
        base=str(base.path),
        new=str(new.path),
        ratios=found,
        changes=changed,
        obstacles=obstacles,
        remarks=tuple(remarks(before.meta, after.meta)),
        varied=settings_varied([before.trials, after.trials]),
    )


def timings(before: Side, after: Side, obstacles: Counter[str]) -> dict[Workload, Sampled]:
    """Return what was timed anew and can be compared, and count why the rest cannot."""
    both = {what: samples for what, samples in after.sampled.items() if what in before.sampled}
    if both and (reasons := barriers(before.meta, after.meta)):
        obstacles.update(dict.fromkeys(reasons, len(both)))
        return {}
    reasons_of = {what: obstacle(what, before, after) for what in both}
    obstacles.update(filter(None, reasons_of.values()))
    return {what: samples for what, samples in both.items() if not reasons_of[what]}


def obstacle(what: Workload, before: Side, after: Side) -> str:
    """Return why a workload that both runs have cannot be compared, or nothing."""
    shares = [side.sampled[what].share_disturbed for side in (before, after)]
    if abs(shares[1] - shares[0]) > DISTURBED:
        return f"most samples were disturbed in {'new' if shares[1] > shares[0] else 'base'} and few in the other"
    if reason := backend_barrier(what.backend, before.meta, after.meta):
        return reason
    return data_barrier(json.loads(what.settings).get("task"), before.meta, after.meta)


def unmatched(before: Side, after: Side) -> Iterator[tuple[str, int]]:
    """Yield why trials of these runs have no counterpart, and how many they are."""
    for name, reason in (before.lost | after.lost).items():
        yield f"{name} cannot be loaded here: {reason}", max(before.count(name), after.count(name))
    keys = [side.trials.set_index(TRIAL).index for side in (before, after)]
    for has, lacks, name in ((0, 1, "new"), (1, 0, "base")):
        other = (before, after)[lacks]
        for experiment, backend, *_ in keys[has].difference(keys[lacks]):
            yield f"{name} has no trial of {lacking(experiment, backend, other)}", 1


def lacking(experiment: str, backend: str, side: Side) -> str:
    """Return what a run has no trial of: an experiment, a backend, or settings."""
    there = side.trials[side.trials["experiment"] == experiment]
    if there.empty:
        return experiment
    if backend not in set(there["backend"]):
        return f"{experiment} on {backend}"
    return f"{experiment} on {backend} with the same settings"


def settings_varied(trials: Sequence[pd.DataFrame]) -> dict[str, list[str]]:
    """Return, by experiment, the settings that differ among its trials."""
    together = pd.concat(trials)
    return {str(name): varied(rows["settings"]) for name, rows in together.groupby("experiment", sort=False)}
