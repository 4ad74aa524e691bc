"""Which backend is best, in a sentence and a table, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from gradsuite.report.comparison import count, finite, laid_out
from gradsuite.report.parts import Part
from gradsuite.running.best import Best
from gradsuite.running.race import Behind
from gradsuite.running.timed import Timed
from gradsuite.runs.workloads import LEAST
from gradsuite.settings import LENGTH, settings_label

UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
DISTURBED = 0.5  # share of a backend's samples, from which on it is said
NOT_SHOWN = ("rounds",)  # a setting that the time decides here


def parts(found: Best) -> Iterator[Part]:
    """Yield the answer with what it rests on, and why others were not measured."""
    rows = [entries(one) for one in found.timed]
    columns = ("backend", found.metric, "95% interval", "ratio to the fastest", "")
    yield Part("Answer", [verdict(found), *remarks(found)], columns, rows)
    if found.behind:
        yield Part(
            "Far behind", columns=("backend", "in one sample"), rows=[(one.backend, far(one)) for one in found.behind]
        )
    if found.lost:
        yield Part("Not measured", columns=("backend", "why"), rows=list(found.lost.items()))


def verdict(found: Best) -> str:
    """Return the answer in a sentence."""
    first, *others = found.timed
    if not others and found.behind:
        nearest = min(found.behind, key=lambda one: one.times)
        return f"{first.backend}, at least {nearest.least:.1f} times as fast as {nearest.backend} (1 sample)."
    if not others:
        return f"{first.backend}, with nothing to compare it with."
    second = others[0]
    times = f"{second.times:.2f} times as fast as {second.backend}"
    if second.ratio is None:
        return f"{first.backend}, {times} by {rounds(found)}: too few for an interval."
    if len(found.close) > 1:
        *names, last = found.close
        return f"{', '.join(names)} or {last}: too close to call."
    return f"{first.backend}, {times} [{second.ratio.low:.2f}, {second.ratio.high:.2f}]."


def remarks(found: Best) -> Iterator[str]:
    """Yield how the answer was found, and what it lacks."""
    yield (
        f"{settings_label({name: value for name, value in found.settings.items() if name not in NOT_SHOWN})} on "
        f"{found.device} with {count(found.threads, 'thread')}; {rounds(found)} in {found.seconds:.0f} s."
    )
    if found.length is not None:
        asked = found.settings[LENGTH.name]
        yield f"Measured at length={found.length}: for length={asked} multiply the times by {asked / found.length:.3g}."
    if found.advised:
        yield f"There is time for more with --budget {found.advised}."
    if shaky := [one.backend for one in found.timed if one.disturbed > DISTURBED]:
        yield f"Most samples were disturbed by what else ran here: {', '.join(shaky)}."


def rounds(found: Best) -> str:
    """Return how many rounds all have had that were timed."""
    return count(min(one.rounds for one in found.timed), "round")


def entries(one: Timed) -> tuple[str, ...]:
    """Return a backend's entries in the table."""
    interval = f"{seconds(one.low)} to {seconds(one.high)}" if one.rounds >= LEAST else "too few rounds"
    reach = f" ({one.ratio.low:.3f} to {one.ratio.high:.3f})" if one.ratio else ""
    close = "too close to call" if one.ratio and one.is_close else ""
    return one.backend, seconds(one.median), interval, f"{one.times:.3f}{reach}" if one.times != 1 else "1", close


def far(one: Behind) -> str:
    """Return how far one is behind that left after a sample."""
    at = f" at {LENGTH.name}={one.length}" if one.length is not None else ""
    return f"{one.times:.1f} times as long as {one.fastest}{at}: at least {one.least:.1f} times, however disturbed"


def seconds(value: float) -> str:
    """Return a time with three digits and its unit."""
    name, size = next(((name, size) for name, size in UNITS if value >= size), UNITS[-1])
    return f"{value / size:.3g} {name}"


def shown(found: Best, kind: str) -> str:
    """Return the answer as `table`, `md`, `json` or `html`."""
    if kind == "json":
        shares = ("ratio", "low", "high", "p")
        timed = [
            {**asdict(one), "ratio": one.ratio and {name: getattr(one.ratio, name) for name in shares}}
            for one in found.timed
        ]
        about = {**asdict(found), "timed": timed, "best": found.close}
        return json.dumps(finite({**about, "settings": json.dumps(dict(found.settings))}), indent=2)
    return laid_out([("The fastest backend", list(parts(found)))], kind)
