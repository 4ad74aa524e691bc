"""A history of runs in words and tables, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from gradsuite.report.comparison import count, finite, laid_out
from gradsuite.report.parts import Part
from gradsuite.runs.history import History, Series

UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))


def parts(history: History, *, everything: bool = False) -> Iterator[Part]:
    """Yield the steps, and the series that have some; of `everything`, all series."""
    stepped = [one for one in history.series if one.steps]
    rows = [
        (history.label(one.what), f"{step.ratio:.3f}", f"{step.p:.2g}", step.first)
        for one in stepped
        for step in one.steps
    ]
    said = f"{count(len(rows), 'step')} in {len(stepped)}" if rows else "no step beyond noise"
    noise = f"{history.noise.measured:.1%} from run to run, and {100 * history.noise.assumed:.2g}% assumed"
    sentences = [
        f"{count(len(history.runs), 'run')}, {count(len(history.series), 'workload')}: {said}.",
        f"Noise, besides that of rounds: {noise}.",
    ]
    yield Part("Steps", sentences, ("workload", "ratio", "p (corrected)", "first run after it"), rows)
    shown = history.series if everything else stepped
    if shown:
        yield Part(
            "Series",
            ["Medians, oldest first; a bar stands where a step is."],
            ("workload", "medians", "first run", "last run"),
            [(history.label(one.what), medians(one), one.runs[0], one.runs[-1]) for one in shown],
        )
    if history.left_out:
        yield Part("Left out", columns=("run", "why"), rows=list(history.left_out.items()))


def medians(series: Series) -> str:
    """Return the medians of a series in one line, in one unit."""
    unit, size = (
        next(((name, size) for name, size in UNITS if max(series.medians) >= size), UNITS[-1])
        if series.unit == "s"
        else (series.unit, 1.0)
    )
    first = {step.first for step in series.steps}
    texts = [
        f"{'| ' if run in first else ''}{median / size:.3g}"
        for run, median in zip(series.runs, series.medians, strict=True)
    ]
    return f"{' '.join(texts)} {unit}".rstrip()


def shown(history: History, kind: str, *, everything: bool = False) -> str:
    """Return a history as `table`, `md`, `json` or `html`."""
    if kind == "json":
        about = {"runs": history.runs, "noise": asdict(history.noise), "left_out": dict(history.left_out)}
        return json.dumps(finite({**about, "series": [series_data(one) for one in history.series]}), indent=2)
    return laid_out(
        [(f"{count(len(history.runs), 'run')} in a row", list(parts(history, everything=everything)))], kind
    )


def series_data(one: Series) -> dict[str, object]:
    """Return a series as JSON has it."""
    data = asdict(one)
    what = data.pop("what")
    return {**what, **data}
