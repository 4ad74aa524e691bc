"""Who reaches a target first, and by how much: paired ratios, round by round."""

from collections.abc import Iterator
from math import inf, isfinite

import numpy as np
import pandas as pd
from gradsuite.experiment import Table
from gradsuite.measuring.intervals import Interval, ratio_interval

from gradsuite_experiments.common.frames import listed, measured, trials, value, values, where
from gradsuite_experiments.time_to_target import metrics
from gradsuite_experiments.time_to_target.score import OF_TARGET, scores
from gradsuite_experiments.time_to_target.workloads import WORKLOADS

ONE = Interval(1.0, 1.0, 1.0)


def outcomes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial: backend, settings, median seconds, steps, and the `ratio` to the fastest of its target.

    Ratios are paired by round. A backend that does not reach the target in every round has neither.
    """
    lines = []
    for _, at, trial in trials(measured(rows)):
        samples = values(trial, metrics.SECONDS)
        lines.append(
            {
                **at,
                "samples": samples,
                "median": float(np.median(samples)) if len(samples) and np.isfinite(samples).all() else inf,
                "steps": value(trial, metrics.STEPS),
                "examples": value(trial, metrics.EXAMPLES),
                "first": value(trial, metrics.FIRST),
                "score": value(trial, metrics.REACHED),
            }
        )
    found = pd.DataFrame(lines)
    if found.empty:
        return found
    fastest = found.loc[found.groupby(OF_TARGET, sort=False)["median"].transform("min") == found["median"]]
    first = fastest.drop_duplicates(OF_TARGET).set_index(OF_TARGET)["samples"]
    ratios = [over(at["samples"], first[tuple(at[OF_TARGET])]) for _, at in found.iterrows()]
    return found.assign(ratio=pd.Series(ratios, index=found.index, dtype=object))


def over(samples: np.ndarray, fastest: np.ndarray) -> Interval | None:
    """Return the paired ratio to the fastest backend's samples; None of a training that did not reach its target."""
    if not len(samples) or not np.isfinite(samples).all():
        return None
    return ONE if samples is fastest else ratio_interval(samples, fastest)


def sentences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield who reaches each target first and how much longer others take; scores; and what was disturbed."""
    found = outcomes(rows)
    for target in (name for name in WORKLOADS if len(found) and name in set(found["target"])):
        of_target = where(found, target=target)
        of_target = where(of_target, seed=of_target["seed"].min()).sort_values("median")
        reached = of_target[np.isfinite(of_target["median"])]
        if reached.empty:
            yield f"No backend reaches {WORKLOADS[target].title}."
            continue
        first, *others = [at for _, at in reached.iterrows()]
        slower = [f"{at['backend']} {span(at['ratio'])}" for at in others]
        beside = f", {listed(slower)} times as long" if slower else ""
        title = WORKLOADS[target].title
        yield (
            f"{title[0].upper()}{title[1:]}: {first['backend']} takes {first['median']:.3g} s for "
            f"{first['steps']:.0f} steps{beside}."
        )

    yield from scored(found)
    yield from disturbed(rows)


def scored(found: pd.DataFrame) -> Iterator[str]:
    """Yield each backend's score over all targets, where there are others to compare it with."""
    if found.empty or found["backend"].nunique() < 2:
        return
    of_all = scores(found)
    warm, cold = (listed([f"{pair[k]:.2f} ({name})" for name, pair in of_all.items()]) for k in (0, 1))
    yield f"Scored as AlgoPerf does, 1 for the fastest at every target: {warm}; with compilation {cold}."


def disturbed(rows: pd.DataFrame) -> Iterator[str]:
    """Yield how many of the timed trainings shared the machine, if any did."""
    samples = where(measured(rows), metric=metrics.SECONDS)
    reasons = samples["note"][samples["note"] != ""]
    if len(reasons):
        yield f"{len(reasons)} of {len(samples)} trainings were disturbed, mostly because {reasons.mode().iloc[0]}."


def times(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield the table: a row per target, seed and backend."""
    lines = [
        {
            "target": WORKLOADS[at["target"]].title,
            "seed": str(at["seed"]),
            "backend": at["backend"],
            "seconds": f"{at['median']:.3g}" if isfinite(at["median"]) else "not reached",
            "over the fastest": span(at["ratio"]) if at["ratio"] is not None else "-",
            "steps": f"{at['steps']:.0f}" if isfinite(at["steps"]) else "-",
            "examples": f"{at['examples']:,.0f}" if isfinite(at["examples"]) else "-",
            "first training": f"{at['first']:.3g} s" if isfinite(at["first"]) else "-",
        }
        for _, at in outcomes(rows).iterrows()
    ]
    if lines:
        caption = (
            "Median seconds of steps alone until the target is reached, and the paired ratio to the fastest backend "
            "with its interval; the first training compiles."
        )
        yield Table("Time to target", caption, pd.DataFrame(lines))


def span(interval: Interval) -> str:
    """Return a ratio with its interval: `1.4 [1.2, 1.6]`."""
    if interval is ONE:
        return "1"
    return f"{interval.median:.2g} [{interval.low:.2g}, {interval.high:.2g}]"
