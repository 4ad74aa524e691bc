"""Workloads of a run: what was timed, by what it is and not by version, with the samples of each."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from gradsuite.compared import Samples
from gradsuite.experiment import Experiment
from gradsuite.measuring.intervals import median_interval
from gradsuite.settings import settings_label

ENOUGH = 6  # samples: of fewer, the disturbed ones are used too
LEAST = 3  # samples, without which nothing can be said of how they are spread
NAMES = ["experiment", "backend", "device", "settings", "metric", "layer", "member"]
ONE_ERROR = 0.6827  # the confidence of an interval that reaches one standard error to either side


@dataclass(frozen=True, slots=True)
class Workload:
    """What was timed: a metric of one trial, whatever the versions were. `settings` are JSON, as a run has them."""

    experiment: str
    backend: str
    device: str
    settings: str
    metric: str
    layer: int | None = None
    member: int | None = None

    @property
    def trial(self) -> tuple[str, str, str, str]:
        """What makes up the trial that it belongs to."""
        return self.experiment, self.backend, self.device, self.settings

    def on(self, backend: str) -> "Workload":
        """Return the same of another backend."""
        return replace(self, backend=backend)

    def label(self, varied: Iterable[str]) -> str:
        """Return it in one line, with those of its settings that are `varied`."""
        settings = json.loads(self.settings)
        places = {"layer": self.layer, "member": self.member}
        shown = {name: settings[name] for name in varied if name in settings}
        shown |= {name: place for name, place in places.items() if place is not None}
        device = "" if self.device == "cpu" else f" on {self.device}"
        return f"{self.experiment} {self.metric} {self.backend}{device} {settings_label(shown)}".rstrip()


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """The samples of one workload: their rounds, natural logarithms, whether each was disturbed, and their unit."""

    rounds: np.ndarray
    logs: np.ndarray
    disturbed: np.ndarray
    unit: str = "s"

    @property
    def share_disturbed(self) -> float:
        """The share of the samples that something disturbed."""
        return float(self.disturbed.mean())

    @property
    def used(self) -> np.ndarray:
        """The logarithms that count: those of undisturbed samples, or all where too few of them are left."""
        quiet = self.logs[~self.disturbed]
        return quiet if len(quiet) >= ENOUGH else self.logs

    def over(self, others: "Sampled") -> "Sampled":
        """Return the ratios of samples of one round; a round in which either was disturbed is disturbed."""
        rounds, here, there = np.intersect1d(self.rounds, others.rounds, return_indices=True)
        logs = self.logs[here] - others.logs[there]
        return Sampled(rounds, logs, self.disturbed[here] | others.disturbed[there], "")


@dataclass(frozen=True, slots=True)
class Centre:
    """A median with its standard error, and of how many samples."""

    value: float
    error: float
    count: int


def centre(samples: np.ndarray) -> Centre:
    """Return the median and its standard error: half of the interval that covers it in 68.27% of all cases."""
    interval = median_interval(samples, confidence=ONE_ERROR)
    return Centre(interval.median, interval.half_width, len(samples))


def workloads(rows: pd.DataFrame, experiments: Mapping[str, Experiment]) -> dict[Workload, Sampled]:
    """Return what was timed in these measurements of a run, as its experiments say it is compared.

    What has fewer than 3 samples that are positive numbers is left out.
    """
    return dict(_workloads(rows, experiments))


def _workloads(rows: pd.DataFrame, experiments: Mapping[str, Experiment]) -> Iterator[tuple[Workload, Sampled]]:
    metrics = [(name, of.metric) for name, one in experiments.items() for of in one.compared if isinstance(of, Samples)]
    declared = pd.MultiIndex.from_frame(rows[["experiment", "metric"]]).isin(metrics) if metrics else False
    rows = rows[declared & np.isfinite(rows["value"]) & (rows["value"] > 0)]
    # No number among a run's places is negative: -1 stands for none.
    places = rows[["layer", "member", "index"]].fillna(-1).astype(int)
    rows = rows.assign(**{str(name): column for name, column in places.items()})
    rows = rows.drop_duplicates([*NAMES, "index"])
    rounds, logs = rows["index"].to_numpy(), np.log(rows["value"].to_numpy())
    disturbed, units = (rows["note"] != "").to_numpy(dtype=bool), rows["unit"].to_numpy()
    found: Mapping[Any, Any] = rows.groupby(NAMES, sort=False).indices
    for (experiment, backend, device, settings, metric, layer, member), places_of in found.items():
        if len(places_of) >= LEAST:
            place = {"layer": int(layer) if layer >= 0 else None, "member": int(member) if member >= 0 else None}
            yield (
                Workload(experiment, backend, device, settings, metric, **place),
                Sampled(rounds[places_of], logs[places_of], disturbed[places_of], str(units[places_of[0]])),
            )


def varied(settings: Iterable[str]) -> list[str]:
    """Return the settings that differ among these, each JSON: what it takes to tell one from the other."""
    parsed = [json.loads(text) for text in dict.fromkeys(settings)]
    names = dict.fromkeys(name for one in parsed for name in one)
    return [name for name in names if len({json.dumps(one.get(name)) for one in parsed}) > 1]
