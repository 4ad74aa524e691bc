"""Changes between two runs in what does not depend on time: verdicts of claims, digits of agreement, horizons."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from gradsuite.compared import Digits, Quantity
from gradsuite.experiment import Experiment

Kind = TypeVar("Kind", Digits, Quantity)
MOST_DIGITS = 16.0  # what float64 can hold: an error of 0 has no more
TRIAL = ["experiment", "backend", "device", "settings"]
PLACE = ["layer", "index", "member"]


@dataclass(frozen=True, slots=True)
class ClaimChange:
    """A claim whose verdict changed; `measured` is what each run measured, against what it expects."""

    name: str
    backend: str
    sentence: str
    verdicts: tuple[str, str]
    measured: tuple[float, float]
    expected: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A metric of a trial that changed by more than is none: `rows` of them did, this one most."""

    experiment: str
    backend: str
    device: str
    settings: str
    metric: str
    values: tuple[float, float]
    unit: str
    rows: int = 1


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A trial that ended otherwise, and why."""

    experiment: str
    backend: str
    device: str
    settings: str
    statuses: tuple[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed, and of how many that both runs have."""

    claims: list[ClaimChange]
    claims_compared: int
    digits: list[ValueChange]
    digits_compared: int
    quantities: list[ValueChange]
    quantities_compared: int
    statuses: list[StatusChange]

    @property
    def compared(self) -> int:
        """How many claims and values were held against each other."""
        return self.claims_compared + self.digits_compared + self.quantities_compared


Pair = tuple[pd.DataFrame, pd.DataFrame]  # of base and new


def changes(rows: Pair, trials: Pair, claims: Pair, experiments: Mapping[str, Experiment]) -> Changes:
    """Return what changed between two runs, from their measurements, trials and claims."""
    return Changes(
        *claim_changes(*claims),
        *digit_changes(*rows, experiments),
        *quantity_changes(*rows, experiments),
        status_changes(*trials),
    )


def claim_changes(base: pd.DataFrame, new: pd.DataFrame) -> tuple[list[ClaimChange], int]:
    """Return the claims of both runs whose verdict changed, those that fail now first, and how many both have."""
    both = base.merge(new, on=["name", "backend"], suffixes=("", "_new"))
    changed = both[both["verdict"] != both["verdict_new"]].sort_values("verdict_new", kind="stable")
    found = [
        ClaimChange(
            name=row["name"],
            backend=row["backend"],
            sentence=row["sentence_new"],
            verdicts=(row["verdict"], row["verdict_new"]),
            measured=(row["measured"], row["measured_new"]),
            expected=row["expected_new"],
            tolerance=row["tolerance_new"],
        )
        for row in changed.to_dict("records")
    ]
    return found, len(both)


def named(trial: Any) -> dict[str, Any]:
    """Return what makes up a trial by its columns."""
    return dict(zip(TRIAL, trial, strict=True))


def status_changes(base: pd.DataFrame, new: pd.DataFrame) -> list[StatusChange]:
    """Return the trials of both runs that ended otherwise."""
    both = base.merge(new, on=TRIAL, suffixes=("", "_new"))
    return [
        StatusChange(
            **named([row[name] for name in TRIAL]),
            statuses=(row["status"], row["status_new"]),
            reason=row["reason_new"],
        )
        for row in both[both["status"] != both["status_new"]].to_dict("records")
    ]


def digit_changes(
    base: pd.DataFrame, new: pd.DataFrame, experiments: Mapping[str, Experiment]
) -> tuple[list[ValueChange], int]:
    """Return the errors that have other digits in these measurements of two runs, and how many both have."""
    found, compared = [], 0
    for name, one in declared(experiments, Digits):
        before, after = (worst_digits(of(rows, name, one.metric)) for rows in (base, new))
        for trial in before.index.intersection(after.index):
            compared += 1
            values = float(before[trial]), float(after[trial])
            if not abs(values[1] - values[0]) <= one.within:
                found.append(ValueChange(**named(trial), metric=one.metric, values=values, unit="digits"))
    return found, compared


def worst_digits(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the digits of each trial's worst error; of one that is no number, none."""
    errors = rows["value"].abs().fillna(math.inf)
    worst = errors.groupby([rows[name] for name in TRIAL], sort=False).max()
    return (-np.log10(worst.clip(lower=10.0**-MOST_DIGITS))).clip(lower=0.0)


def quantity_changes(
    base: pd.DataFrame, new: pd.DataFrame, experiments: Mapping[str, Experiment]
) -> tuple[list[ValueChange], int]:
    """Return the quantities that changed in these measurements of two runs, and how many both have."""
    found, compared = [], 0
    for name, one in declared(experiments, Quantity):
        before, after = (numbered(of(rows, name, one.metric)) for rows in (base, new))
        both = before.merge(after, on=[*TRIAL, *PLACE, "repeat"], suffixes=("", "_new"))
        compared += len(both)
        both = both.assign(change=relative_change(both["value"], both["value_new"]))
        moved = both[both["change"] > one.within]
        for trial, rows in moved.groupby(TRIAL, sort=False):
            most = rows.sort_values("change", kind="stable").iloc[-1]
            values = float(most["value"]), float(most["value_new"])
            found.append(
                ValueChange(**named(trial), metric=one.metric, values=values, unit=most["unit_new"], rows=len(rows))
            )
    return found, compared


def numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with their places as numbers, and which of those at one place each is."""
    rows = rows.assign(**{name: rows[name].fillna(-1).astype(int) for name in PLACE})
    return rows.assign(repeat=rows.groupby([*TRIAL, *PLACE]).cumcount())[[*TRIAL, *PLACE, "repeat", "value", "unit"]]


def relative_change(before: "pd.Series[float]", after: "pd.Series[float]") -> "pd.Series[float]":
    """Return |after - before| by the greater of both: 0 where they are equal, infinities and NaN too; else up to 2."""
    change: pd.Series[float]
    same = (before == after) | (before.isna() & after.isna())
    with np.errstate(invalid="ignore", divide="ignore"):
        change = (after - before).abs() / np.maximum(before.abs(), after.abs())
    return change.where(np.isfinite(before) & np.isfinite(after), math.inf).where(~same, 0.0)


def declared(experiments: Mapping[str, Experiment], kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
    """Yield each experiment's name with what of its rows is compared in this way."""
    for name, experiment in experiments.items():
        for one in experiment.compared:
            if isinstance(one, kind):
                yield name, one


def of(rows: pd.DataFrame, experiment: str, metric: str) -> pd.DataFrame:
    """Return the rows of one metric."""
    return rows[(rows["experiment"] == experiment) & (rows["metric"] == metric)]
