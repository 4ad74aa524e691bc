"""Ratios of times: each way over padded, round by round, with their intervals."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from gradsuite.experiment import Table
from gradsuite.measuring.intervals import Interval, ratio_interval

from gradsuite_experiments.common.frames import measured, trials, value, where
from gradsuite_experiments.lengths.laws import BUCKETED, COMPUTED, FIRST, LENGTHS, PADDED, VALID, WAYS
from gradsuite_experiments.speed.findings import seconds, undisturbed

SIZES = {"length": "T", "batch_size": "B", "hidden_size": "H"}
DETAILS = ("num_layers", "buckets", "readout", "dtype", "device", "seed")  # named where they vary
ENDS = ("median", "low", "high")


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each network, spread, backend and way but padded: the paired ratio to padded.

    Columns are those of `place`, `way`, `median`, `low` and `high` of the ratio, `seconds` and `padded` (medians).
    """
    details = [name for name in DETAILS if measured(rows)[name].nunique() > 1]
    lines = []
    for backend, settings, trial in trials(rows):
        samples = samples_of(trial)
        if samples.empty:
            continue
        medians = samples.median()
        for way in (LENGTHS, BUCKETED):
            ratio = ratio_interval(samples[way].to_numpy(), samples[PADDED].to_numpy())
            lines.append(
                {
                    "backend": backend,
                    "network": network(settings, details),
                    "spread": settings["spread"],
                    "length": settings["length"],
                    "valid": value(trial, VALID),
                    "computed": value(trial, COMPUTED),
                    "first": value(trial, FIRST[way]),
                    "way": way,
                    **dict(zip(ENDS, (ratio.median, ratio.low, ratio.high), strict=True)),
                    "seconds": medians[way],
                    "padded": medians[PADDED],
                }
            )
    return pd.DataFrame(lines)


def samples_of(trial: pd.DataFrame) -> pd.DataFrame:
    """Return one trial's samples, a row per round and a column per way, without disturbed rounds if enough are left."""
    samples = by_round(trial)
    if set(samples) != set(WAYS):
        return pd.DataFrame()
    marks = by_round(trial[trial["note"] != ""]).reindex_like(samples).notna()
    return undisturbed(samples, marks)


def by_round(trial: pd.DataFrame) -> pd.DataFrame:
    """Return the samples by round and way."""
    return trial[trial["metric"].isin(WAYS)].pivot_table(index="index", columns="metric", values="value")


def network(settings: "pd.Series[Any]", details: list[str]) -> str:
    """Return a network in a few characters, `lstm T80 B64 H128`, with what else varies."""
    sizes = [f"{symbol}{settings[name]}" for name, symbol in SIZES.items()]
    return " ".join([str(settings["cell"]), *sizes, *(f"{name}={settings[name]}" for name in details)])


def interval(row: "pd.Series[float]") -> Interval:
    """Return the ratio of a row."""
    return Interval(*(float(row[end]) for end in ENDS))


def written(ratio: Interval) -> str:
    """Return a ratio with its interval."""
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def ratio_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield seconds of each way and their ratios to padded, a line per network, spread and backend."""
    lines = []
    compared = ratios(rows)
    if compared.empty:
        return
    for (name, spread, backend), both in compared.groupby(["network", "spread", "backend"], sort=False):
        lengths, bucketed = (where(both, way=way).iloc[0] for way in (LENGTHS, BUCKETED))
        lines.append(
            {
                "network": name,
                "spread": f"{spread:g}",
                "steps that count": f"{lengths['valid']:.0%}",
                "backend": backend,
                PADDED: seconds(lengths["padded"]),
                LENGTHS: seconds(lengths["seconds"]),
                "lengths / padded": written(interval(lengths)),
                BUCKETED: seconds(bucketed["seconds"]),
                "bucketed / padded": written(interval(bucketed)),
                "first call": f"{seconds(lengths['first'])}, {seconds(bucketed['first'])}",
            }
        )
    yield Table(
        "Sequences of several lengths",
        "Loss and all parameter gradients of one batch without lengths (padded, whose loss counts padding too), of the "
        "same batch with lengths, and of its buckets one after the other: medians, and ratios of samples of the same "
        "round with their 95% intervals. First calls, with lengths and in buckets, include what is compiled for each "
        "shape.",
        pd.DataFrame(lines).sort_values(["network", "spread"], kind="stable"),
    )
