"""What the backends are to reach against the peers and against their own products, and what they reached.

Loss and gradients are compared on the named workloads, whole steps also on sizes without a name. The figures depend on
the machine and the hour, so they are a table with verdicts and no claims.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from gradsuite.alias import is_tuned, original
from gradsuite.measuring.intervals import Interval, median_interval, ratio_interval

from gradsuite_experiments.speed import limit, workloads
from gradsuite_experiments.speed.findings import labelled, sampled, undisturbed
from gradsuite_experiments.speed.metrics import GRADIENT, GRADIENT_STATES, STEP

EACH = tuple(workloads.NAMED)


@dataclass(frozen=True, slots=True)
class Target:
    """The most that one backend's time may be over that of the best of others: by named workload, and by sizes."""

    sentence: str
    backend: str
    others: tuple[str, ...]
    most: Mapping[str, float]
    metric: str = GRADIENT
    other_metric: str = GRADIENT
    most_by_sizes: float = np.nan

    def applies_to(self, workload: str) -> bool:
        """Return whether this is compared on a workload."""
        return self.metric == STEP or workload in EACH


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
    Target(
        "whole steps: torch against the best PyTorch peer",
        "torch",
        ("torch-nn", "torch-autograd", "torch-compile"),
        dict.fromkeys(EACH, 1.0),
        STEP,
        STEP,
        1.0,
    ),
    Target("whole steps: jax against the best JAX peer", "jax", ("jax-scan", "flax"), {}, STEP, STEP),
)
MET, NOISE, MISSED = "met", "within noise", "missed"
LIMIT = "products alone, as a share of the best gradient"
LEAST: Mapping[str, float] = {"W1": 0.75, "W6": 0.75}  # of the gradient's time that its products are to take


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was reached in one workload: a paired ratio, and what it is to be, NaN where nothing is asked.

    Of a comparison with others, also which `metric`, the best `other`, and the median seconds of the two.
    """

    sentence: str
    backend: str
    workload: str
    ratio: Interval
    bound: float
    at_most: bool = True
    metric: str = GRADIENT
    other: str = ""
    times: tuple[float, float] = (np.nan, np.nan)

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
    """Return what was reached for every target, on all workloads that it is compared on: named ones, then sizes."""
    rows = labelled(rows)
    order = rows["workload"].map({name: place for place, name in enumerate(EACH)}).fillna(len(EACH))
    parts = dict(list(rows.iloc[order.argsort(kind="stable")].groupby("label", sort=False)))
    compared = [o for target in TARGETS for label, part in parts.items() for o in reached(target, str(label), part)]
    return compared + [o for label, part in parts.items() for o in of_limit(str(label), part)]


def reached(target: Target, label: str, rows: pd.DataFrame) -> Iterator[Outcome]:
    """Yield the paired ratio, to the other backend with the least median."""
    workload = str(rows["workload"].iloc[0])
    if not target.applies_to(workload):
        return
    backend, rivals = measured_as(target.backend, rows), [measured_as(name, rows) for name in target.others]
    names = set(rows["backend"])
    if backend not in names or names.isdisjoint(rivals):
        return
    samples, marks = sampled(rows, target.metric, [backend])
    others, marks_of_others = sampled(rows, target.other_metric, rivals)
    if samples.empty or others.empty:
        return
    best = [str(others.median().idxmin())]
    # The two may be one backend with and without state gradients: columns of one name, which concat keeps apart.
    times = pd.concat([samples, others[best]], axis=1)
    pair = undisturbed(times, pd.concat([marks, marks_of_others[best]], axis=1)).to_numpy().T
    yield Outcome(
        target.sentence,
        backend,
        label,
        ratio_interval(*pair),
        target.most.get(workload, target.most_by_sizes),
        metric=target.metric,
        other=best[0],
        times=(float(np.median(pair[0])), float(np.median(pair[1]))),
    )


def of_limit(label: str, rows: pd.DataFrame) -> Iterator[Outcome]:
    """Yield the share of the fastest backend's gradient that its products take."""
    times, marks = sampled(rows, GRADIENT, [measured_as(name, rows) for name in ("numpy", "torch", "jax")])
    limits = list(limit.limits(rows).values())
    if times.empty or not limits:
        return
    best = str(times.median().idxmin())
    ratio = median_interval(limits[0] / undisturbed(times[[best]], marks[[best]])[best].to_numpy())
    yield Outcome(LIMIT, best, label, ratio, LEAST.get(str(rows["workload"].iloc[0]), np.nan), at_most=False)


def measured_as(backend: str, rows: pd.DataFrame) -> str:
    """Return the name under which a backend was measured: that of its tuned worker if there was one."""
    names = [str(name) for name in rows["backend"].unique() if original(str(name)) == backend]
    return max(names, key=is_tuned, default=backend)


def target_findings(rows: pd.DataFrame) -> Iterator[str]:
    """Yield how many targets are met, and which are not."""
    judged = [outcome for outcome in outcomes(rows) if outcome.verdict]
    if not judged:
        return
    yield f"{count_met(judged)}."
    if missed := [f"{o.sentence} in {o.workload} ({o.ratio.median:.2f})" for o in judged if o.verdict == MISSED]:
        yield f"Missed: {'; '.join(missed)}."


def count_met(compared: Sequence[Outcome]) -> str:
    """Return how many targets are met."""
    verdicts = [outcome.verdict for outcome in compared if outcome.verdict]
    noise = f", {verdicts.count(NOISE)} within noise" if NOISE in verdicts else ""
    return f"{verdicts.count(MET)} of {len(verdicts)} targets are met{noise}"
