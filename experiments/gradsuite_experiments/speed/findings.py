"""What timings amount to: who is fastest at what and by how much, first calls, memory, and what was disturbed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.experiment import Table
from gradsuite.measuring.timing import Interval, median_interval, ratio_interval
from gradsuite.report.palette import backend_order

from gradsuite_experiments.common.frames import listed, measured
from gradsuite_experiments.speed import workloads

PHASES = ("forward", "backward", "update", "step", "gradient", "gradient_states")
MARKS = tuple(f"{phase}_disturbed" for phase in PHASES)  # those of products, of which a limit is made, say nothing here
UNSTABLE_SHARE = 0.5  # a cell of which more than half of the samples were disturbed has no figure to be trusted
ENOUGH = 6  # rounds: with fewer even the whole range of their ratios is no 95% interval
WORKLOAD = ["workload", "cell", "length", "batch_size", "hidden_size", "input_size", "num_layers", "dtype", "device"]


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
    """Yield each workload with its samples: one row a round, one column a backend; rounds that all backends have."""
    for name, samples, marks in marked(rows, metric):
        if len(samples := undisturbed(samples, marks)):
            yield name, samples


def marked(rows: pd.DataFrame, metric: str) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Yield each workload with its samples (one row a round, one column a backend) and whether each was disturbed."""
    own = labelled(rows[rows["metric"].isin([metric, f"{metric}_disturbed"])])
    for name, both in own.groupby("label", sort=False):
        yield str(name), *sampled(both, metric, backend_order(list(both["backend"])))


def sampled(rows: pd.DataFrame, metric: str, backends: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one workload's samples of a metric by round and backend, and whether each was disturbed."""

    def by_round(name: str) -> pd.DataFrame:
        own = rows[rows["metric"] == name]
        return own.pivot_table(index=["seed", "index"], columns="backend", values="value")

    samples = by_round(metric)
    samples = samples[[name for name in backends if name in samples]]
    return samples, by_round(f"{metric}_disturbed").reindex_like(samples).notna()


def undisturbed(samples: pd.DataFrame, marks: pd.DataFrame) -> pd.DataFrame:
    """Return the rounds that all have and that nothing disturbed; with the disturbed ones where else too few are left.

    Whether a sample is disturbed does not hang on what it came to, so leaving it out favours nobody.
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
    """Yield, for each backend, how often a step of it is fastest, and how far the others are behind in the median."""
    wins: dict[str, list[str]] = {}
    behind: dict[str, list[float]] = {}
    tied = 0
    compared = {name: samples for name, samples in rounds(rows, "step") if samples.shape[1] > 1}
    found = {name: ratios(samples) for name, samples in compared.items()}
    for name, by_backend in found.items():
        winner = quickest(compared[name])
        wins.setdefault(winner, []).append(name)
        others = [interval for backend, interval in by_backend.items() if backend != winner]
        tied += any(interval.low <= 1 for interval in others)
        for backend, interval in by_backend.items():
            behind.setdefault(backend, []).append(interval.median)
    if not found:
        return
    count = [f"{name} in {len(wins[name])}" for name in backend_order(list(wins))]
    close = f" ({tied} too close to call)" if tied else ""
    yield f"Fastest at a whole step, of {len(found)} workloads: {listed(count)}{close}."
    for name in backend_order(list(behind)):
        times = np.array(behind[name])
        worst = list(found)[int(times.argmax())]
        yield (
            f"A step of {name} takes {np.median(times):.2f} times the fastest backend's in the median workload, "
            f"{times.max():.1f} times at worst ({worst}); its best: {', '.join(wins.get(name, ['none'])[:4])}"
            f"{' and others' if len(wins.get(name, [])) > 4 else ''}."
        )


def first_calls(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what the first calls of forward, backward and update cost, apart from the steady state."""
    rows = labelled(rows)
    if rows.empty:
        return
    first = rows[rows["metric"].isin([f"{phase}_first" for phase in ("forward", "backward", "update")])]
    total = first.groupby(["backend", "key"])["value"].sum().groupby("backend").median()
    told = [f"{seconds(total[name])} with {name}" for name in backend_order(list(total.index))]
    if told:
        yield f"The first learning step, compilation included, takes {listed(told)} (median over workloads)."


def disturbances(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what disturbed samples, if anything did, and which cells never settled."""
    rows = labelled(rows)
    marks = rows[rows["metric"].isin(MARKS)]
    samples = rows[rows["metric"].isin(PHASES)]
    if marks.empty or samples.empty:
        return
    share, reason = len(marks) / len(samples), marks["unit"].mode().iloc[0]
    yield f"{share:.0%} of the samples were disturbed even when taken again, because {reason} and the like."
    if cells := unstable(rows):
        yield (
            f"Unstable, not to be trusted: {listed(sorted(cells)[:6])}{' and others' if len(cells) > 6 else ''}. "
            "More than half of their samples were taken while the machine was shared: end what else runs on it "
            "(gradsuite doctor says whether something does) and measure again."
        )


def unstable(rows: pd.DataFrame) -> set[str]:
    """Return the cells (`workload on backend`) of which more than half of the samples were disturbed."""
    found = set()
    for (name, backend, _), own in rows.groupby(["label", "backend", "key"], sort=False):
        if own["metric"].isin(MARKS).sum() > UNSTABLE_SHARE * own["metric"].isin(PHASES).sum():
            found.add(f"{name} on {backend}")
    return found


def speed_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield one table: a row for each workload and backend."""
    labels = labelled(rows)
    if labels.empty or "step" not in set(labels["metric"]):
        return
    shaky = unstable(labels)
    lines = [line(str(name), samples, labels[labels["label"] == name], shaky) for name, samples in rounds(rows, "step")]
    yield Table(
        "Seconds a step, by workload",
        "Median of a whole learning step (forward, backward, update) and its 95% interval; the ratio is "
        "paired, round by round, to the fastest backend. The first step is forward, backward and update called for the "
        "first time, compilation included. Memory is the worker's peak, its framework included.",
        pd.DataFrame([row for group in lines for row in group]),
    )


def line(name: str, samples: pd.DataFrame, rows: pd.DataFrame, shaky: set[str]) -> Iterator[Mapping[str, Any]]:
    """Yield a workload's rows of the table."""
    for backend, ratio in ratios(samples).items():
        own = rows[rows["backend"] == backend].groupby("metric")["value"]
        step, median = median_interval(samples[backend].to_numpy()), own.median()
        first = sum(median.get(f"{phase}_first", np.nan) for phase in ("forward", "backward", "update"))
        yield {
            "workload": name,
            "backend": backend,
            "step": seconds(step.median),
            "95% interval": f"{seconds(step.low)} to {seconds(step.high)}",
            "ratio to fastest": f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})",
            "forward": seconds(median.get("forward", np.nan)),
            "backward": seconds(median.get("backward", np.nan)),
            "update": seconds(median.get("update", np.nan)),
            "first step": seconds(first),
            "peak memory": f"{median.get('peak_memory', np.nan) / 1e6:.0f} MB",
            "": "unstable" if f"{name} on {backend}" in shaky else "",
        }


def seconds(value: float) -> str:
    """Return a time with three digits and its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s"
