"""Which backend is best, in a sentence and a table, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from gradsuite.report.comparison import count, finite, laid_out
from gradsuite.report.parts import Part
from gradsuite.running.best import Best, Timed
from gradsuite.runs.ratios import Ratio
from gradsuite.settings import settings_label

UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
DISTURBED = 0.5  # share of a backend's samples, from which on it is said
NOT_SHOWN = ("rounds",)  # a setting that the time decides here


def parts(found: Best) -> Iterator[Part]:
    """Yield the answer with what it rests on, and why others were not measured."""
    rows = [entries(one) for one in found.timed]
    columns = ("backend", found.metric, "95% interval", "ratio to the fastest", "")
    yield Part("Answer", list(sentences(found)), columns, rows)
    if found.lost:
        yield Part("Not measured", columns=("backend", "why"), rows=list(found.lost.items()))


def sentences(found: Best) -> Iterator[str]:
    """Yield the answer, and how it was found."""
    first, *others = found.timed
    if not others:
        yield f"{first.backend}, with nothing to compare it with."
    elif len(found.close) > 1:
        yield f"Too close to call: {', '.join(found.close)}."
    else:
        (nearest, *_) = others
        assert nearest.ratio is not None
        ratio = nearest.ratio
        yield (
            f"{first.backend}: {nearest.backend}, the next, takes {ratio.ratio:.2f} times as long "
            f"({ratio.low:.2f} to {ratio.high:.2f})."
        )
    yield (
        f"{settings_label({name: value for name, value in found.settings.items() if name not in NOT_SHOWN})} on "
        f"{found.device} with {count(found.threads, 'thread')}; "
        f"{count(min(one.rounds for one in found.timed), 'round')} in {found.seconds:.0f} s."
    )
    if shaky := [one.backend for one in found.timed if one.disturbed > DISTURBED]:
        yield f"Most samples were disturbed by what else ran here: {', '.join(shaky)}."


def entries(one: Timed) -> tuple[str, ...]:
    """Return a backend's entries in the table."""
    ratio = "1" if one.ratio is None else f"{one.ratio.ratio:.3f} ({one.ratio.low:.3f} to {one.ratio.high:.3f})"
    close = "too close to call" if one.ratio is not None and one.is_close else ""
    return one.backend, seconds(one.median), f"{seconds(one.low)} to {seconds(one.high)}", ratio, close


def seconds(value: float) -> str:
    """Return a time with three digits and its unit."""
    name, size = next(((name, size) for name, size in UNITS if value >= size), UNITS[-1])
    return f"{value / size:.3g} {name}"


def shown(found: Best, kind: str) -> str:
    """Return the answer as `table`, `md`, `json` or `html`."""
    if kind == "json":
        timed = [
            {
                **asdict(one),
                "ratio": one.ratio and {name: getattr(one.ratio, name) for name in ("ratio", "low", "high", "p")},
            }
            for one in found.timed
        ]
        about = {**asdict(found), "timed": timed, "best": found.close}
        return json.dumps(finite({**about, "settings": json.dumps(dict(found.settings))}), indent=2)
    return laid_out([("The fastest backend", list(parts(found)))], kind)


def numbers(ratio: Ratio) -> dict[str, float]:
    """Return what a ratio says."""
    return {name: getattr(ratio, name) for name in ("ratio", "low", "high", "p")}
