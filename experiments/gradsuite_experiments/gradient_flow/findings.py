"""What gradient-flow rows amount to: verdicts in words, a table of them, and how far backends agree."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from gradsuite.experiment import Table
from gradsuite.report.palette import backend_order
from gradsuite.theory.horizon import HORIZON_FACTOR

from gradsuite_experiments.common.frames import listed, measured, where
from gradsuite_experiments.gradient_flow.laws import HORIZON, NORM_MEAN, RATE, STABLE_FACTOR, VERDICT, VERDICTS

PHRASES = {-1: "vanish", 0: "are stable", 1: "explode"}


def top_layer(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured of each network's top layer, where layers were measured apart.

    Its gradients reach it through time alone.
    """
    return rows[rows["layer"].isna() | (rows["layer"] == rows["num_layers"] - 1)]


def verdicts(rows: pd.DataFrame, subject: str, series: str) -> str:
    """Return, for each value of `subject`, where along `series` gradients vanish, are stable and explode.

    Backends and seeds vote; a value of `series` has the median of their verdicts.
    """
    sentences = []
    for name, verdict in votes(rows, subject, series):
        numbers = pd.api.types.is_numeric_dtype(verdict.index)
        parts = [
            f"{phrase} {f'at {series}' if numbers else 'with'} {spans(list(verdict.index), list(verdict == sign))}"
            for sign, phrase in PHRASES.items()
            if (verdict == sign).any()
        ]
        sentences.append(f"{name} gradients {', '.join(parts)}")
    return "; ".join(sentences) or "nothing was measured"


def by_task(rows: pd.DataFrame, subject: str, series: str) -> Iterator[str]:
    """Yield verdicts in a sentence for each task, or for all tasks of which the same is true."""
    tasks: dict[str, list[str]] = {}
    for task, rows_of_task in measured(rows).groupby("task", sort=False):
        tasks.setdefault(verdicts(rows_of_task, subject, series), []).append(str(task))
    for sentence, names in tasks.items():
        yield f"On {listed(names)}: {sentence}."


def votes(rows: pd.DataFrame, subject: str, series: str) -> Iterator[tuple[str, pd.Series]]:
    """Yield each value of `subject` with the verdicts along `series`."""
    for name, verdict in where(top_layer(measured(rows)), metric=VERDICT).groupby(subject, sort=False):
        yield str(name), verdict.groupby(series, sort=False)["value"].median().round()


def stable(rows: pd.DataFrame, subject: str, series: str) -> str:
    """Return with which values of `series` the gradients of each `subject` are stable."""
    return "; ".join(
        f"in {name} with {listed([str(value) for value in verdict.index[verdict == 0]]) or 'none'}"
        for name, verdict in votes(rows, subject, series)
    )


def thresholds(rows: pd.DataFrame, subject: str, series: str) -> str | None:
    """Return up to which value of a number gradients vanish and from which they explode; None if not in that order."""
    last: dict[str, float] = {}
    first: dict[str, float] = {}
    for name, verdict in votes(rows, subject, series):
        if not pd.api.types.is_numeric_dtype(verdict.index):
            return None
        vanishing, exploding = verdict.index[verdict < 0], verdict.index[verdict > 0]
        if len(vanishing) and len(exploding) and vanishing.max() > exploding.min():
            return None
        last |= {name: vanishing.max()} if len(vanishing) else {}
        first |= {name: exploding.min()} if len(exploding) else {}
    parts = [
        f"{phrase} {series} {', '.join(f'{value:g} ({name})' for name, value in edges.items())}"
        for phrase, edges in (("vanish up to", last), ("explode from", first))
        if edges
    ]
    return f"gradients {' and '.join(parts)}" if parts else None


def spans(values: Sequence[object], chosen: Sequence[bool]) -> str:
    """Return the chosen values as text, neighbours among numbers joined: `0.5 to 1.5 and 4`."""
    if not all(isinstance(value, int | float) for value in values):
        return listed([str(value) for value, take in zip(values, chosen, strict=True) if take])
    runs: list[list[str]] = []
    before = False
    for value, take in sorted(zip(values, chosen, strict=True)):
        if take and before:
            runs[-1].append(f"{value:g}")
        elif take:
            runs.append([f"{value:g}"])
        before = take
    return listed([run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs])


def crossing(values: np.ndarray, rates: np.ndarray) -> float:
    """Return where rates, at rising values, first cross from vanishing to exploding; NaN if they do not."""
    up = np.flatnonzero((rates[:-1] < 0) & (rates[1:] >= 0))
    if not up.size:
        return float("nan")
    k = up[0]
    return float(np.interp(0.0, rates[k : k + 2], values[k : k + 2]))


def verdict_table(rows: pd.DataFrame, down: list[str], across: str, distances: str) -> Iterator[Table]:
    """Yield one table of verdicts in words, with the distance to a thousandth or a thousandfold."""
    rows = top_layer(measured(rows))
    if rows.empty:
        return
    wide = rows.pivot_table(index=[*down, across], columns="metric", values="value", aggfunc="median", sort=False)
    words = pd.Series(
        [phrase(*row) for row in wide[[VERDICT, HORIZON, RATE]].itertuples(index=False)], index=wide.index
    )
    table = words.unstack(across, fill_value="")[list(dict.fromkeys(wide.index.get_level_values(across)))]
    numbers = pd.api.types.is_numeric_dtype(table.columns)
    table.columns = [f"{across} {name:g}" if numbers else str(name) for name in table.columns]
    yield Table(
        f"Verdicts by {' and '.join(down)}",
        f"Stable: a change by less than a factor of {STABLE_FACTOR:g} over the whole distance. Beside the other "
        f"verdicts: after how many {distances} the gradient is 1/{HORIZON_FACTOR:g} of its start (vanishing) or "
        f"{HORIZON_FACTOR:g} times it (exploding), median over backends.",
        table.reset_index(),
    )


def phrase(verdict: float, horizon: float, rate: float) -> str:
    """Return a verdict with its distance."""
    word = VERDICTS.get(round(verdict), "undefined") if np.isfinite(verdict) else "undefined"
    distance = horizon if verdict < 0 else np.log(HORIZON_FACTOR) / rate if verdict > 0 else np.inf
    return f"{word}, {distance:.{0 if distance >= 10 else 1}f}" if np.isfinite(distance) else word


def agreement(rows: pd.DataFrame) -> Iterator[str]:
    """Yield how far the backends' mean norms are apart, at worst, in each precision, and where they explode.

    An exploding network is chaotic: it magnifies the rounding of its states as it does its gradients.
    """
    rows = measured(rows)
    verdict = where(rows, metric=VERDICT).groupby("settings")["value"].max().to_dict()
    norms = where(rows, metric=NORM_MEAN)
    norms = norms.assign(value=norms["value"].fillna(np.inf))  # a NaN beside a number is a difference like any
    for dtype, norms_of_dtype in norms.groupby("dtype"):
        wide = norms_of_dtype.pivot(index=["settings", "layer", "index"], columns="backend", values="value").dropna()
        if wide.shape[1] < 2 or wide.empty:
            continue
        largest, smallest = wide.max(axis=1), wide.min(axis=1)
        with np.errstate(invalid="ignore"):
            apart = ((largest - smallest) / largest).fillna(np.inf).where(largest > smallest, 0.0)
        explodes = wide.index.get_level_values("settings").map(verdict).to_numpy() > 0
        parts = (
            (apart[~explodes], "where gradients do not explode"),
            (apart[explodes], "where they do, since rounding is magnified there too"),
        )
        differences = [f"by at most {part.max():.1g} {place}" for part, place in parts if len(part)]
        names = listed(backend_order(list(wide.columns)))
        yield (
            f"In {dtype}, the gradient norms of {names} differ {', and '.join(differences)} "
            f"(relative, over {len(wide)} norms)."
        )
