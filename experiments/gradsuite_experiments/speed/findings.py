"""What timings amount to: who is fastest at what and by how much, first calls, memory, and what was disturbed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.experiment import Table
from gradsuite.measuring.intervals import Interval, median_interval, ratio_interval
from gradsuite.report.palette import backend_order

from gradsuite_experiments.common.frames import listed, measured, where
from gradsuite_experiments.speed import workloads
from gradsuite_experiments.speed.metrics import BACKWARD, CALLS, FIRST, FORWARD, PEAK_MEMORY, STEP, UPDATE

UNSTABLE_SHARE = 0.5  # a trial of which more than half of the samples were disturbed has no figure to be trusted
ENOUGH = 6  # rounds: with fewer even the whole range of their ratios is no 95% interval
FIRST_STEP = [FIRST[FORWARD], FIRST[BACKWARD], FIRST[UPDATE]]


def labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the measured rows with a column `label` that names the workload."""
    rows = measured(rows)
    names = [workloads.label({str(k): v for k, v in row.items()}) for row in rows.to_dict("records")]
    several = [name for name in ("dtype", "device") if rows[name].nunique() > 1]
    several += [name for name in ("num_layers", "input_size") if custom(rows)[name].nunique() > 1]
    details = rows[several].astype(str).agg(" ".join, axis=1) if several else ""
    return rows.assign(label=(pd.Series(names, rows.index, dtype=str) + " " + details).str.strip())


def custom(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of workloads without a name."""
    return rows[rows["workload"] == "sizes"]


def rounds(rows: pd.DataFrame, metric: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each workload with its samples: one row per round that all backends have, one column per backend."""
    for name, samples, marks in marked(rows, metric):
        if len(samples := undisturbed(samples, marks)):
            yield name, samples


def marked(rows: pd.DataFrame, metric: str) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Yield each workload with its samples (a row per round, a column per backend), and which were disturbed."""
    for name, workload in labelled(where(rows, metric=metric)).groupby("label", sort=False):
        yield str(name), *sampled(workload, metric, backend_order(list(workload["backend"])))


def sampled(rows: pd.DataFrame, metric: str, backends: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one workload's samples of a metric by round and backend, and whether each was disturbed."""

    def by_round(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.pivot_table(index=["seed", "index"], columns="backend", values="value")

    rows = where(rows, metric=metric)
    samples = by_round(rows)
    samples = samples[[name for name in backends if name in samples]]
    return samples, by_round(rows[rows["note"] != ""]).reindex_like(samples).notna()


def undisturbed(samples: pd.DataFrame, marks: pd.DataFrame) -> pd.DataFrame:
    """Return the rounds that all have and that nothing disturbed; the disturbed ones too where too few are left.

    Whether a sample is disturbed does not depend on how long it took, so leaving it out favours no backend.
    """
    complete = samples.notna().all(axis=1)
    quiet = samples[complete & ~marks.any(axis=1)]
    return quiet if len(quiet) >= ENOUGH else samples[complete]


def quickest(samples: pd.DataFrame) -> str:
    """Return the backend of the least median."""
    return str(samples.median().idxmin())


def ratios(samples: pd.DataFrame) -> dict[str, Interval]:
    """Return each backend's paired ratio to the fastest, with its interval."""
    least = samples[quickest(samples)].to_numpy()
    return {str(name): ratio_interval(samples[name].to_numpy(), least) for name in samples}


def fastest(rows: pd.DataFrame) -> Iterator[str]:
    """Yield in how many workloads each backend's step is fastest, and how far each is behind in the median one.

    A workload counts for a backend that no other may beat within its interval; and for none if more than half of the
    samples of one were disturbed.
    """
    compared = {name: samples for name, samples in rounds(rows, STEP) if samples.shape[1] > 1}
    if not compared:
        return
    shaky = disturbed(rows, compared)
    steady = [name for name in compared if name not in shaky]
    yield headline(compared, steady)
    wins = winners({name: compared[name] for name in steady})
    behind: dict[str, list[float]] = {}
    for samples in compared.values():
        for backend, interval in ratios(samples).items():
            behind.setdefault(backend, []).append(interval.median)
    for name in backend_order(list(behind)):
        times, best = np.array(behind[name]), wins.get(name, ["none"])
        worst = list(compared)[int(times.argmax())]
        yield (
            f"A step of {name} takes {np.median(times):.2f} times as long as the fastest backend's in the median "
            f"workload, {times.max():.1f} times at worst ({worst}); it is clearly fastest at: {', '.join(best[:4])}"
            f"{' and others' if len(best) > 4 else ''}."
        )


def headline(compared: Mapping[str, pd.DataFrame], steady: Sequence[str]) -> str:
    """Return which backend is fastest in how many workloads, or that none can be told from samples so disturbed."""
    if not steady:
        what = "it" if len(compared) == 1 else f"each of {len(compared)} workloads"
        return (
            f"Which backend is fastest at a whole step cannot be told: in {what} more than half of a backend's samples "
            f"were disturbed. As they are: {counts(compared)}."
        )
    left_out = len(compared) - len(steady)
    disturbed = f"; {left_out} cannot be told, too disturbed" if left_out else ""
    found = counts({name: compared[name] for name in steady})
    return f"Fastest at a whole step, of {plural(len(compared), 'workload')}: {found}{disturbed}."


def counts(compared: Mapping[str, pd.DataFrame]) -> str:
    """Return in how many workloads each backend is fastest and how many are too close to call: they add up to all."""
    wins = winners(compared)
    parts = [f"{name} in {len(wins[name])}" for name in backend_order(list(wins))]
    tied = len(compared) - sum(map(len, wins.values()))
    return "; ".join(filter(None, [listed(parts), f"{tied} too close to call" if tied else ""]))


def winners(compared: Mapping[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Return each backend's workloads in which it is fastest, and no other's interval reaches it."""
    wins: dict[str, list[str]] = {}
    for name, samples in compared.items():
        winner = quickest(samples)
        if all(interval.low > 1 for backend, interval in ratios(samples).items() if backend != winner):
            wins.setdefault(winner, []).append(name)
    return wins


def disturbed(rows: pd.DataFrame, names: Iterable[str]) -> set[str]:
    """Return the workloads of which a backend's trial is unstable."""
    rows = labelled(rows)
    return {name for name in names if unstable(where(rows, label=name))}


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count} {noun}{'s' if count != 1 else ''}"


def first_calls(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what the first calls of forward, backward and update cost, apart from the steady state."""
    rows = labelled(rows)
    if rows.empty:
        return
    first = rows[rows["metric"].isin(FIRST_STEP)]
    totals = first.groupby(["backend", "key"])["value"].sum().groupby("backend").median()
    costs = [f"{seconds(totals[name])} with {name}" for name in backend_order(list(totals.index))]
    if costs:
        yield f"The first learning step, compilation included, takes {listed(costs)} (median over workloads)."


def disturbances(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what disturbed samples, if anything did, and which trials never settled."""
    rows = labelled(rows)
    samples = rows[rows["metric"].isin(CALLS)]  # those of products make up a limit, of which the least counts
    reasons = samples["note"][samples["note"] != ""]
    if reasons.empty:
        return
    share, reason = len(reasons) / len(samples), reasons.mode().iloc[0]
    yield f"{share:.0%} of the samples were disturbed even when taken again, mostly because {reason}."
    if trials := sorted(unstable(rows)):
        yield (
            f"Unstable, not to be trusted: {listed(trials[:6])}{' and others' if len(trials) > 6 else ''}. "
            "More than half of their samples were taken while the machine was shared: end whatever else runs on it "
            "(gradsuite doctor says whether something does) and measure again."
        )


def unstable(rows: pd.DataFrame) -> set[str]:
    """Return the trials (`workload on backend`) of which more than half of the samples were disturbed."""
    samples = rows[rows["metric"].isin(CALLS)]
    return {
        f"{name} on {backend}"
        for (name, backend, _), trial in samples.groupby(["label", "backend", "key"], sort=False)
        if (trial["note"] != "").mean() > UNSTABLE_SHARE
    }


def speed_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield one table: a row per workload and backend."""
    rows = labelled(rows)
    if rows.empty or STEP not in set(rows["metric"]):
        return
    shaky = unstable(rows)
    lines = [
        line
        for name, samples in rounds(rows, STEP)
        for line in table_lines(name, samples, where(rows, label=name), shaky)
    ]
    yield Table(
        "Seconds per step, by workload",
        "Median of a whole learning step (forward, backward, update) with its 95% interval; the ratio to the fastest "
        "backend is paired, round by round. The first step is the first call of forward, backward and update or, where "
        "those were not timed, of the step, compilation included. Memory is what a network, its batch and one step "
        "take at their peak, besides what the worker held before.",
        pd.DataFrame(lines),
    )


def table_lines(name: str, samples: pd.DataFrame, rows: pd.DataFrame, shaky: set[str]) -> Iterator[Mapping[str, Any]]:
    """Yield a workload's lines of the table."""
    for backend, ratio in ratios(samples).items():
        step = median_interval(samples[backend].to_numpy())
        medians = where(rows, backend=backend).groupby("metric")["value"].median()
        first = sum(medians.get(metric, np.nan) for metric in FIRST_STEP)
        if np.isnan(first):  # the phases were not timed by themselves
            first = medians.get(FIRST[STEP], np.nan)
        phases = {phase: seconds(medians[phase]) for phase in (FORWARD, BACKWARD, UPDATE) if phase in medians}
        yield {
            "workload": name,
            "backend": backend,
            "step": seconds(step.median),
            "95% interval": f"{seconds(step.low)} to {seconds(step.high)}",
            "ratio to fastest": f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})",
            **phases,
            "first step": seconds(first),
            "peak memory": f"{medians[PEAK_MEMORY] / 1e6:.3g} MB" if PEAK_MEMORY in medians else "",
            "": "unstable" if f"{name} on {backend}" in shaky else "",
        }


def seconds(value: float) -> str:
    """Return a time with three digits and its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s"
