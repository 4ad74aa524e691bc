"""What scans gain over loops, and minimal cells over their rivals: paired ratios, round by round."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from gradsuite.experiment import Table
from gradsuite.measuring.intervals import Interval, ratio_interval
from gradsuite.schedule import SCANS

from gradsuite_experiments.common.frames import levels, listed, measured, trials, value, values, where
from gradsuite_experiments.scan import laws

NETWORK = ["linear_cell", "readout", "length", "batch_size", "hidden_size", "dtype", "seed"]


def sentences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what scans gain, whether the target is met, and what minimal cells gain over their rivals."""
    yield from gains(rows)
    yield from target(rows)
    yield from rivals(rows)


def fastest(trial: pd.DataFrame) -> str | None:
    """Return the scan of the least median in a trial, of those that are no loop."""
    medians = {kind: where(trial, metric=laws.SECONDS[kind])["value"].median() for kind in laws.FAST}
    timed = {kind: median for kind, median in medians.items() if median == median}
    return min(timed, key=lambda kind: timed[kind]) if timed else None


def gain(trial: pd.DataFrame, kind: str) -> Interval:
    """Return how many times as long as a scan the loop takes."""
    return ratio_interval(values(trial, laws.SECONDS[laws.LOOP]), values(trial, laws.SECONDS[kind]))


def looped(rows: pd.DataFrame) -> "Iterator[tuple[str, pd.Series[Any], pd.DataFrame, str]]":
    """Yield each trial that has a loop and a scan, with the fastest scan."""
    for backend, settings, trial in trials(rows):
        kind = fastest(trial)
        if kind is not None and laws.SECONDS[laws.LOOP] in set(trial["metric"]):
            yield backend, settings, trial, kind


def gains(rows: pd.DataFrame) -> Iterator[str]:
    """Yield how much faster than its longest loop each backend's fastest scan is, the largest gain first."""
    found: dict[str, list[tuple[Interval, str]]] = {}
    every = list(looped(rows))
    for backend, settings, trial, kind in every:
        longest = max(other["length"] for name, other, *_ in every if name == backend)
        if settings["length"] == longest:
            of_backend = found.setdefault(f"{longest:,} steps {backend}'s loop", [])
            of_backend.append((gain(trial, kind), f"its {kind} scan for {settings['linear_cell']}"))
    for loop, gained in sorted(found.items(), key=lambda one: -max(interval.median for interval, _ in one[1])):
        parts = [f"{span(interval)} times as long as {scan}" for interval, scan in gained]
        yield f"For a gradient over {loop} takes {listed(parts)}."


def target(rows: pd.DataFrame) -> Iterator[str]:
    """Yield whether the target is met: a scan at least three times as fast as the loop."""
    for backend, settings, trial, kind in looped(rows):
        network = settings["linear_cell"], settings["length"], backend
        if network == (laws.TARGET_CELL, laws.TARGET_STEPS, laws.TARGET_BACKEND):
            found, read = gain(trial, kind), "every one" if settings["readout"] == "all" else "the last"
            met = "met" if found.low >= laws.TARGET else "not met" if found.high < laws.TARGET else "too close to call"
            yield (
                f"Target: {backend}'s scan of {settings['linear_cell']} over {settings['length']:,} steps, "
                f"read at {read}, at least {laws.TARGET:g} times as fast as its loop: {span(found)} times, {met}."
            )


def rivals(rows: pd.DataFrame) -> Iterator[str]:
    """Yield, for each minimal cell and the T nearest to 512, how much faster than its rival it is."""
    compared = against_rivals(rows)
    for cell in dict.fromkeys(compared["linear_cell"]):
        of_cell = where(compared, linear_cell=cell)
        least = min(levels(of_cell, "length"), key=lambda steps: abs(steps - 512))
        for steps in sorted({least, max(levels(of_cell, "length"))}):
            at = where(of_cell, length=steps)
            parts = [best_and_loop(str(name), of_backend) for name, of_backend in at.groupby("backend", sort=False)]
            rival = laws.RIVALS[str(cell)]
            said = (
                f"; published: {laws.PUBLISHED:g} ({laws.PUBLISHED_BY}); users: {laws.USERS:g}"
                if cell == "mingru" and steps == least
                else ""
            )
            yield (
                f"A gradient of {cell} over {steps:,} steps, beside the fastest {rival} of equal width "
                f"({at['rival'].iloc[0]}), is {listed(parts)}{said}."
            )


def best_and_loop(backend: str, lines: pd.DataFrame) -> str:
    """Return how many times as fast as its rival a minimal cell is by a backend's fastest scan, and by its loop."""
    scans = lines[lines["kind"] != laws.LOOP]
    parts = []
    for line in scans.nlargest(1, "median").itertuples():
        parts.append(f"{span(line)} times as fast by {backend}'s {line.kind} scan")
    parts += [f"{span(line)} times as fast by {backend}'s loop" for line in where(lines, kind=laws.LOOP).itertuples()]
    return ", ".join(parts)


def against_rivals(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a line per network, backend and scan: how many times as long the fastest rival of equal width takes."""
    lines = []
    for network, of_network in measured(rows).groupby(NETWORK, sort=True):
        samples = where(of_network, metric=laws.RIVAL)
        if samples.empty:
            continue
        rival = str(samples.groupby("backend")["value"].median().idxmin())
        seconds = where(samples, backend=rival).set_index("index")["value"]
        for backend, _, trial in trials(of_network):
            for kind in SCANS:
                own = where(trial, metric=laws.SECONDS[kind]).set_index("index")["value"]
                rounds = own.index.intersection(seconds.index)
                if len(rounds):
                    ratio = ratio_interval(seconds[rounds].to_numpy(), own[rounds].to_numpy())
                    ends = {"median": ratio.median, "low": ratio.low, "high": ratio.high}
                    named = dict(zip(NETWORK, network, strict=True))
                    lines.append({**named, "backend": backend, "kind": kind, "rival": rival, **ends})
    return pd.DataFrame(lines, columns=[*NETWORK, "backend", "kind", "rival", "median", "low", "high"])


def span(interval: Any) -> str:
    """Return a ratio with its interval."""
    return f"{interval.median:.2g} [{interval.low:.2g}, {interval.high:.2g}]"


def tables(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield seconds and memory by scan, a line per network and backend."""
    lines = [line(*trial) for trial in trials(rows)]
    if lines:
        yield Table(
            "Loops and scans",
            "Medians of the seconds of a loss and all gradients, and their peak memory, by the loop as the equations "
            "are written, by a serial scan and by a parallel one; and of the cell that a minimal one was made from. "
            "The largest relative difference of a gradient is from that by the loop.",
            pd.DataFrame(lines).fillna(""),
        )


def line(backend: str, settings: "pd.Series[Any]", trial: pd.DataFrame) -> dict[str, str]:
    """Return one trial in a line."""
    sizes = f"T{settings['length']} B{settings['batch_size']} H{settings['hidden_size']} {settings['dtype']}"
    shown = {"network": f"{settings['linear_cell']} {sizes}, read: {settings['readout']}", "backend": backend}
    for name, metric in (*laws.SECONDS.items(), ("rival", laws.RIVAL)):
        samples = where(trial, metric=metric)["value"]
        shown[name] = f"{1e3 * samples.median():.3g} ms" if len(samples) else ""
    for kind, metric in laws.MEMORY.items():
        shown[f"memory, {kind}"] = f"{taken / 1e6:.1f} MB" if (taken := value(trial, metric)) == taken else ""
    for kind, metric in laws.DIFFERENCE.items():
        shown[f"difference, {kind}"] = f"{found:.1e}" if (found := value(trial, metric)) == found else ""
    return shown
