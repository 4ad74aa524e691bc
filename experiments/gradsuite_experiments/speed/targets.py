"""What the backends are to reach against the peers and against their own products, and what they reached.

The figures depend on the machine and the hour, so they are a table with verdicts and no claims.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from gradsuite.alias import is_tuned, original
from gradsuite.experiment import Table
from gradsuite.measuring.intervals import Interval, median_interval, ratio_interval
from gradsuite.report.palette import backend_order

from gradsuite_experiments.common.frames import where
from gradsuite_experiments.speed import limit, workloads
from gradsuite_experiments.speed.findings import labelled, sampled, seconds, undisturbed
from gradsuite_experiments.speed.metrics import GRADIENT, GRADIENT_STATES

EACH = tuple(workloads.NAMED)


@dataclass(frozen=True, slots=True)
class Target:
    """The most that one backend's time may be over that of the best of others, by workload."""

    sentence: str
    backend: str
    others: tuple[str, ...]
    most: Mapping[str, float]
    metric: str = GRADIENT
    other_metric: str = GRADIENT


TARGETS = (
    Target("torch against torch-nn", "torch", ("torch-nn",), dict.fromkeys(EACH, 1.0) | {"W1": 0.9, "W5": 0.9}),
    Target(
        "jax against the better of jax-scan and flax",
        "jax",
        ("jax-scan", "flax"),
        dict.fromkeys(EACH, 1.0) | {"W1": 0.85, "W4": 0.85, "W6": 0.85},
    ),
    Target("numpy against torch-nn", "numpy", ("torch-nn",), {"W1": 1.0, "W2": 1.5, "W4": 1.5, "W5": 1.5, "W6": 1.5}),
    Target("numpy against autograd", "numpy", ("autograd",), {"W1": 0.5, "W2": 0.25, "W3": 0.25, "W4": 0.5, "W6": 0.5}),
    *(
        Target("norms of state gradients, against none", name, (name,), dict.fromkeys(EACH, 1.05), GRADIENT_STATES)
        for name in ("numpy", "torch", "jax")
    ),
    Target(
        "norms of state gradients in torch, against retain_grad",
        "torch",
        ("torch-autograd",),
        dict.fromkeys(EACH, 0.5),
        GRADIENT_STATES,
        GRADIENT_STATES,
    ),
)
MET, NOISE, MISSED = "met", "within noise", "missed"
LIMIT = "products alone, as a share of the best gradient"
LEAST: Mapping[str, float] = {"W1": 0.75, "W6": 0.75}  # of the gradient's time that its products are to take


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was reached in one workload: a paired ratio, and what it is to be, NaN where nothing is asked."""

    sentence: str
    backend: str
    workload: str
    ratio: Interval
    bound: float
    at_most: bool = True

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or `within noise` where the interval reaches the bound and the median does not."""
        if np.isnan(self.bound):
            return ""
        sign = 1 if self.at_most else -1
        if sign * self.ratio.median <= sign * self.bound:
            return MET
        return NOISE if self.ratio.covers(self.bound) else MISSED

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return "" if np.isnan(self.bound) else f"{'at most' if self.at_most else 'at least'} {self.bound:g}"


def outcomes(rows: pd.DataFrame) -> list[Outcome]:
    """Return what was reached for every target and named workload that was measured."""
    rows = labelled(rows)
    parts = {workload: where(rows, workload=workload) for workload in EACH}
    compared = [o for target in TARGETS for workload, part in parts.items() for o in reached(target, workload, part)]
    return compared + [o for workload, part in parts.items() for o in of_limit(workload, part)]


def reached(target: Target, workload: str, rows: pd.DataFrame) -> Iterator[Outcome]:
    """Yield the paired ratio, to the other backend with the least median."""
    backend = measured_as(target.backend, rows)
    samples, marks = sampled(rows, target.metric, [backend])
    others, marks_of_others = sampled(rows, target.other_metric, [measured_as(name, rows) for name in target.others])
    if samples.empty or others.empty:
        return
    best = [str(others.median().idxmin())]
    # The two may be one backend with and without state gradients: columns of one name, which concat keeps apart.
    times = pd.concat([samples, others[best]], axis=1)
    ratio = ratio_interval(*undisturbed(times, pd.concat([marks, marks_of_others[best]], axis=1)).to_numpy().T)
    yield Outcome(target.sentence, backend, workload, ratio, target.most.get(workload, np.nan))


def of_limit(workload: str, rows: pd.DataFrame) -> Iterator[Outcome]:
    """Yield the share of the fastest backend's gradient that its products take."""
    times, marks = sampled(rows, GRADIENT, [measured_as(name, rows) for name in ("numpy", "torch", "jax")])
    limits = list(limit.limits(rows).values())
    if times.empty or not limits:
        return
    best = str(times.median().idxmin())
    ratio = median_interval(limits[0] / undisturbed(times[[best]], marks[[best]])[best].to_numpy())
    yield Outcome(LIMIT, best, workload, ratio, LEAST.get(workload, np.nan), at_most=False)


def measured_as(backend: str, rows: pd.DataFrame) -> str:
    """Return the name under which a backend was measured: that of its tuned worker if there was one."""
    names = [str(name) for name in rows["backend"].unique() if original(str(name)) == backend]
    return max(names, key=is_tuned, default=backend)


def target_findings(rows: pd.DataFrame) -> Iterator[str]:
    """Yield how many targets are met, and which are not."""
    judged = [outcome for outcome in outcomes(rows) if outcome.verdict]
    if not judged:
        return
    missed = [f"{o.sentence} in {o.workload} ({o.ratio.median:.2f})" for o in judged if o.verdict == MISSED]
    noise = sum(outcome.verdict == NOISE for outcome in judged)
    met = len(judged) - len(missed) - noise
    yield f"{met} of {len(judged)} targets are met{f', {noise} within noise' if noise else ''}."
    if missed:
        yield f"Missed: {'; '.join(missed)}."


def target_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield one table: a row per target and workload."""
    lines = [
        {
            "comparison": outcome.sentence,
            "backend": outcome.backend,
            "workload": outcome.workload,
            "ratio": f"{outcome.ratio.median:.2f}",
            "95% interval": f"{outcome.ratio.low:.2f} to {outcome.ratio.high:.2f}",
            "target": outcome.wanted,
            "verdict": outcome.verdict,
        }
        for outcome in outcomes(rows)
    ]
    if lines:
        yield Table(
            "Against peers and limits",
            "Time of the loss and all parameter gradients: the median of the ratios of samples of the same round, with "
            "its 95% interval; below 1 is faster. Products alone: the time of the gradient's matrix products by "
            "themselves, at the best rate that any backend's library reaches here, over the time of the gradient.",
            pd.DataFrame(lines),
        )


@dataclass(frozen=True, slots=True)
class Share:
    """One workload: the seconds of its products alone, their operations, and the seconds of each backend's gradient."""

    workload: str
    alone: float
    flops: int
    gradient: Mapping[str, float]

    @property
    def of_fastest(self) -> float:
        """The share of the fastest gradient's time that its products take."""
        return self.alone / min(self.gradient.values())


def shares(rows: pd.DataFrame) -> Iterator[Share]:
    """Yield the workloads of which all products were timed."""
    rows = labelled(rows)
    for label, alone in limit.limits(rows).items():
        samples = where(rows, label=label, metric=GRADIENT)
        settings = {str(name): value for name, value in samples.iloc[0].items()}
        counts = limit.different(workloads.model(settings), settings)
        flops = sum(product.flops * count for product, count in counts.items())
        medians = samples.groupby("backend")["value"].median()
        yield Share(label, alone, flops, {name: float(medians[name]) for name in backend_order(list(medians.index))})


def limit_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield one table: for each workload its products alone, and every backend's time and their share of it."""
    lines = [
        {
            "workload": share.workload,
            "Gflop": f"{share.flops / 1e9:.2g}",
            "products alone": seconds(share.alone),
            "rate": f"{share.flops / share.alone / 1e9:.0f} Gflop/s",
            **{name: f"{seconds(time)} ({share.alone / time:.0%})" for name, time in share.gradient.items()},
        }
        for share in shares(rows)
    ]
    if lines:
        yield Table(
            "Gradients, and their products alone",
            "Median time of the loss and all parameter gradients, and the share of it that the matrix products take by "
            "themselves, each at the best rate of any library here. More than 100% means that fused code does a "
            "product faster than a call of its own would.",
            pd.DataFrame(lines).fillna(""),
        )
