"""Tables of the targets: whole steps, gradients against peers, and gradients against their products alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from gradsuite.experiment import Table
from gradsuite.report.palette import backend_order

from gradsuite_experiments.common.frames import where
from gradsuite_experiments.speed import limit, workloads
from gradsuite_experiments.speed.findings import labelled, seconds
from gradsuite_experiments.speed.metrics import GRADIENT, STEP
from gradsuite_experiments.speed.targets import Outcome, outcomes


def step_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield one table: a row per workload and comparison of whole steps."""
    lines = [
        {
            "workload": outcome.workload,
            "backend": outcome.backend,
            "step": seconds(outcome.times[0]),
            "best peer": outcome.other,
            "its step": seconds(outcome.times[1]),
            **ratio_and_verdict(outcome),
        }
        for outcome in outcomes(rows)
        if outcome.metric == STEP
    ]
    if lines:
        yield Table(
            "Whole steps against the peers",
            "A step is forward, backward and Adam's update, with each peer's own optimizer: fused Adam of torch.optim, "
            "Optax's in one compiled program. The peer is the fastest of those in the same framework; the ratio is the "
            "median of ratios of the same round, with its 95% interval; below 1 is faster than the peer.",
            pd.DataFrame(lines),
        )


def ratio_and_verdict(outcome: Outcome) -> Mapping[str, str]:
    """Return the last columns of a comparison."""
    return {
        "ratio": f"{outcome.ratio.median:.2f}",
        "95% interval": f"{outcome.ratio.low:.2f} to {outcome.ratio.high:.2f}",
        "target": outcome.wanted,
        "verdict": outcome.verdict,
    }


def target_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield one table: a row per target and workload, for loss and gradients."""
    lines = [
        {
            "comparison": outcome.sentence,
            "backend": outcome.backend,
            "workload": outcome.workload,
            **ratio_and_verdict(outcome),
        }
        for outcome in outcomes(rows)
        if outcome.metric != STEP
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
