"""What lengths cost and save: where all are equal and where they are not, in buckets, and packed."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.alias import original
from gradsuite.measuring.intervals import Interval
from gradsuite.report.palette import backend_order

from gradsuite_experiments.common.frames import levels, listed, measured, where
from gradsuite_experiments.lengths.laws import BUCKETED, DEMANDED, ISSUE, LENGTHS, MOST, PACKING, WAYS, reported
from gradsuite_experiments.lengths.ratios import interval, ratios, written
from gradsuite_experiments.speed.findings import seconds

FEW = 0.1  # the largest spread at which sequences are nearly equally long


def findings(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what lengths cost and save, who is fastest where, what packing costs, and what was disturbed."""
    if (compared := ratios(rows)).empty:
        return
    yield from cost_of_equal(compared)
    yield from cost_of_spread(compared)
    yield from fastest(compared)
    yield from packing(compared)
    yield from first_calls(compared)
    yield from disturbed(rows)


def by_backend(compared: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each backend's ratios, in the report's order."""
    for backend in backend_order(list(compared["backend"])):
        yield backend, where(compared, backend=backend)


def cost_of_equal(compared: pd.DataFrame) -> Iterator[str]:
    """Yield what lengths cost where all are T, and whose cost is as demanded; then where they are nearly so.

    Where all are T a backend may leave lengths out: what they cost shows once a few steps are missing.
    """
    if not (equal := where(compared, spread=0.0, way=LENGTHS)).empty:
        demanded = judged(equal)
        demand = f" At most {MOST:g} is the target ({demanded})." if demanded else ""
        yield f"Where all sequences are equally long, lengths take {worst_of(equal)}.{demand}"
    few = compared[(compared["spread"] > 0.0) & (compared["spread"] <= FEW) & (compared["way"] == LENGTHS)]
    if not few.empty:
        share = f"{few['valid'].min():.0%} of all steps count"
        yield f"Where they are nearly so, at spread {few['spread'].max():g} ({share}), they take {worst_of(few)}."


def worst_of(of_lengths: pd.DataFrame) -> str:
    """Return each backend's ratio in its worst network."""
    costs = [f"{written(worst_ratio(of_backend))} with {backend}" for backend, of_backend in by_backend(of_lengths)]
    networks = of_lengths["network"].nunique()
    where_worst = f", in the worst of {networks} networks" if networks > 1 else ""
    return f"{listed(costs)} times as long as padded{where_worst}"


def worst_ratio(of_backend: pd.DataFrame) -> Interval:
    """Return the largest ratio."""
    return interval(of_backend.sort_values("median").iloc[-1])


def judged(equal: pd.DataFrame) -> str:
    """Return whose ratios are at most what is demanded, whose intervals reach it, and whose miss it."""
    verdicts: dict[str, list[str]] = {"met": [], "within noise": [], "missed": []}
    for backend, of_backend in by_backend(equal):
        if original(backend) in DEMANDED:
            worst = worst_ratio(of_backend)
            above = "within noise" if worst.covers(MOST) else "missed"
            verdicts["met" if worst.median <= MOST else above].append(backend)
    return "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in verdicts.items() if names)


def cost_of_spread(compared: pd.DataFrame) -> Iterator[str]:
    """Yield what lengths and buckets take of padded at the largest spread, a sentence per network."""
    for name, of_network in compared.groupby("network", sort=False):
        widest = where(of_network, spread=(spread := of_network["spread"].max()))
        if spread == 0.0:
            continue
        parts = []
        for backend, of_backend in by_backend(widest):
            one, several = (written(interval(where(of_backend, way=way).iloc[0])) for way in (LENGTHS, BUCKETED))
            parts.append(f"{backend} {one} and {several}")
        first = widest.iloc[0]
        yield (
            f"{name}, spread {spread:g}: {first['valid']:.0%} of all steps count, {first['computed']:.0%} are left in "
            f"buckets. Over padded, one batch with lengths and its buckets take: {'; '.join(parts)}."
        )


def fastest(compared: pd.DataFrame) -> Iterator[str]:
    """Yield what takes the least time at each spread, padding counting for nothing: a sentence per network."""
    for name, of_network in compared.groupby("network", sort=False):
        winners = []
        for spread in levels(of_network, "spread"):
            best = where(of_network, spread=spread).sort_values("seconds").iloc[0]
            way = "in buckets" if best["way"] == BUCKETED else "in one batch"
            winners.append(f"{best['backend']} {way} ({seconds(best['seconds'])}) at spread {spread:g}")
        yield f"{name}, with lengths, is fastest on {listed(winners)}."


def packing(compared: pd.DataFrame) -> Iterator[str]:
    """Yield what packing costs PyTorch's own modules at the worst spread, beside what was reported of them."""
    packed = where(compared, backend=PACKING, way=LENGTHS)
    for name, of_network in packed.groupby("network", sort=False):
        worst = of_network.sort_values("median").iloc[-1]
        ratio = interval(worst)
        steps, least, most = reported(int(worst["length"]))
        reached = ratio.low <= most and ratio.high >= least
        not_quite = "here it is so within noise" if reached else "it does not hold here"
        here = "so it is here" if least <= ratio.median <= most else not_quite
        yield (
            f"Packing takes {PACKING} at worst {written(ratio)} times as long as its own padding ({name}, spread "
            f"{worst['spread']:g}); {ISSUE} reports {least:.3g} to {most:.3g} times at {steps} steps, backward and "
            f"forward: {here}."
        )


def first_calls(compared: pd.DataFrame) -> Iterator[str]:
    """Yield what first calls cost in one batch and in buckets, each of a shape of its own: at most, by backend.

    What a worker has compiled for one trial serves the next of the same shape.
    """
    costs = []
    for backend, of_backend in by_backend(compared):
        one, several = (where(of_backend, way=way)["first"].max() for way in (LENGTHS, BUCKETED))
        costs.append(f"{backend} {seconds(one)} and {seconds(several)}")
    yield f"First calls, compilation included, of one batch and of its buckets take at most: {'; '.join(costs)}."


def headline(compared: pd.DataFrame) -> str:
    """Return what lengths cost in the worst network where all sequences are equally long, and at the largest spread."""
    parts = []
    for spread in sorted({0.0, compared["spread"].max()} & set(compared["spread"])):
        worst = where(compared, spread=spread, way=LENGTHS).groupby("backend")["median"].max()
        numbers = ", ".join(f"{worst[name]:.2f} ({name})" for name in backend_order(list(worst.index)))
        parts.append(f"{numbers} {f'at spread {spread:g}' if spread else 'where all are equally long'}")
    return f"Lengths take so many times as long as padding: {'; '.join(parts)}"


def disturbed(rows: pd.DataFrame) -> Iterator[str]:
    """Yield which share of the samples was disturbed, if any was."""
    samples = measured(rows)
    samples = samples[samples["metric"].isin(WAYS)]
    reasons = samples["note"][samples["note"] != ""]
    if len(reasons):
        share, reason = len(reasons) / len(samples), reasons.mode().iloc[0]
        yield f"{share:.0%} of the samples were disturbed even when taken again, mostly because {reason}."
