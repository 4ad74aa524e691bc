"""A comparison of runs in words and tables, and as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from gradsuite.report.parts import Part, as_html, as_markdown, as_text
from gradsuite.running.bench import Bench
from gradsuite.runs.changes import ValueChange
from gradsuite.runs.compare import Comparison
from gradsuite.runs.ratios import Ratio, Ratios
from gradsuite.settings import settings_label

RATIO = ("ratio", "95% interval", "p (Holm)", "verdict")


def parts(comparison: Comparison, *, everything: bool = False) -> Iterator[Part]:
    """Yield what a comparison says, part by part; of `everything`, workloads without a difference too."""
    yield from timings(comparison, everything=everything)
    yield from changes(comparison)
    if comparison.obstacles:
        rows = [(reason, str(count)) for reason, count in comparison.obstacles.items()]
        yield Part("Cannot be compared because", columns=("reason", "how many"), rows=rows)
    if comparison.remarks:
        yield Part("Compared all the same", [f"{remark}." for remark in comparison.remarks])


def timings(compared: Comparison | Bench, *, everything: bool) -> Iterator[Part]:
    """Yield which workloads are slower or faster, what could not have been seen, and the geometric means."""
    found = compared.ratios
    if not found.workloads:
        yield Part("Timings", ["No timing was compared."])
        return
    shown = sorted(found.workloads, key=lambda one: -one.ratio) if everything else found.different
    rows = [(compared.label(one.what), *ratio_entries(one)) for one in shown]
    yield Part("Timings", list(timing_sentences(found)), ("workload", *RATIO), rows)
    if found.means:
        rows = [(compared.label(one.what), *ratio_entries(one)) for one in found.means]
        yield Part("Geometric means", columns=("backend", *RATIO), rows=rows)


def timing_sentences(found: Ratios) -> Iterator[str]:
    """Yield how many workloads differ, which noise decided it, and whether a threshold is exceeded."""
    slower = sum(one.verdict == "slower" for one in found.workloads)
    faster = len(found.different) - slower
    differ = f"{slower} slower, {faster} faster" if found.different else "none differs by more than its noise"
    yield f"Of {count(len(found.workloads), 'workload')}: {differ}."
    noise = found.noise
    measured = (
        f"{noise.measured:.1%} between two measurements of one thing (from {count(noise.count, 'comparison')})"
        if noise.count
        else "none could be measured between two measurements of one thing: measure more workloads, or NAME@2 as well"
    )
    yield (
        f"Noise, besides that of rounds: {measured}, and {100 * noise.assumed:.2g}% assumed. Half of the workloads "
        f"would have shown a difference of {found.resolution:.0%} by themselves."
    )
    if found.threshold:
        exceeding = len(found.exceeding)
        said = f"{count(exceeding, 'ratio')} whose interval is above it" if exceeding else "no interval is above it"
        yield f"Too slow is more than {100 * found.threshold:.3g}% slower: {said}."


def ratio_entries(one: Ratio) -> tuple[str, ...]:
    """Return a ratio's entries in a table."""
    verdict = f"{one.verdict}, more than allowed" if one.exceeds else one.verdict
    return f"{one.ratio:.3f}", f"{one.low:.3f} to {one.high:.3f}", f"{one.p:.2g}", verdict


def changes(comparison: Comparison) -> Iterator[Part]:
    """Yield what changed but for timings."""
    found = comparison.changes
    claims = [
        (one.name, one.backend, f"{one.verdicts[0]}, then {one.verdicts[1]}", then(one.measured), f"{one.expected:.6g}")
        for one in found.claims
    ]
    yield changed_part(
        "Claims", "verdict", claims, found.claims_compared, ("claim", "backend", "verdict", "measured", "expected")
    )
    for title, noun, some, compared in (
        ("Digits of agreement", "number of digits", found.digits, found.digits_compared),
        ("Horizons and other quantities", "value", found.quantities, found.quantities_compared),
    ):
        rows = [value_entries(comparison, one) for one in some]
        yield changed_part(title, noun, rows, compared, ("trial", "metric", "values", "unit", "rows"))
    if found.statuses:
        rows = [
            (trial(comparison, one), f"{one.statuses[0]}, then {one.statuses[1]}", one.reason) for one in found.statuses
        ]
        yield Part("Trials that ended otherwise", columns=("trial", "status", "reason"), rows=rows)


def changed_part(title: str, noun: str, rows: Sequence[Sequence[str]], compared: int, columns: Sequence[str]) -> Part:
    """Return the part on one kind of change: how many of how many, and which."""
    if not compared:
        return Part(title, ["None that both runs have."])
    return Part(
        title,
        [f"{len(rows) or 'None'} of {compared} {'have' if len(rows) > 1 else 'has'} another {noun}."],
        columns,
        rows,
    )


def value_entries(comparison: Comparison, one: ValueChange) -> tuple[str, ...]:
    """Return a changed value's entries in a table."""
    return trial(comparison, one), one.metric, then(one.values), one.unit, str(one.rows)


def trial(comparison: Comparison, one: Any) -> str:
    """Return a changed trial in one line."""
    settings = json.loads(one.settings)
    names = comparison.varied.get(one.experiment, ())
    shown = settings_label({name: settings[name] for name in names if name in settings})
    return " ".join(
        filter(None, [one.experiment, one.backend, "" if one.device == "cpu" else f"on {one.device}", shown])
    )


def then(values: tuple[float, float]) -> str:
    """Return a number before and after."""
    return f"{values[0]:.4g}, then {values[1]:.4g}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_data(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON has it; numbers that are not finite are "nan", "inf" or "-inf"."""
    data: dict[str, Any] = finite(
        {
            "base": comparison.base,
            "new": comparison.new,
            **ratios_data(comparison.ratios),
            "changes": asdict(comparison.changes),
            "not_compared": dict(comparison.obstacles),
            "remarks": list(comparison.remarks),
        }
    )
    return data


def ratios_data(found: Ratios) -> dict[str, Any]:
    """Return ratios as JSON has them."""
    return {
        "threshold": found.threshold,
        "exceeded": bool(found.exceeding),
        "noise": asdict(found.noise),
        "workloads": [ratio_data(one) for one in found.workloads],
        "geometric_means": [ratio_data(one) for one in found.means],
    }


def ratio_data(one: Ratio) -> dict[str, Any]:
    """Return a ratio as JSON has it."""
    what = {"backend": one.what} if isinstance(one.what, str) else asdict(one.what)
    numbers = {name: getattr(one, name) for name in ("ratio", "low", "high", "p", "p_slower")}
    return {**what, **numbers, "verdict": one.verdict, "exceeds": one.exceeds}


def finite(value: Any) -> Any:
    """Return data with its numbers that are not finite as text, and settings as they are, not as JSON in JSON."""
    if isinstance(value, dict):
        parsed = {name: json.loads(one) if name == "settings" else one for name, one in value.items()}
        return {name: finite(one) for name, one in parsed.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def shown(comparisons: Sequence[Comparison], kind: str, *, everything: bool = False) -> str:
    """Return comparisons with one base as `table`, `md`, `json` or `html`."""
    if kind == "json":
        return json.dumps([as_data(one) for one in comparisons], indent=2)
    pages = [(f"{one.new} compared with {one.base}", list(parts(one, everything=everything))) for one in comparisons]
    return laid_out(pages, kind)


def shown_bench(found: Bench, kind: str) -> str:
    """Return what a bench found as `table`, `md`, `json` or `html`."""
    if kind == "json":
        about = {"base": found.base, "new": found.new, "run": str(found.path), **ratios_data(found.ratios)}
        return json.dumps(finite(about), indent=2)
    return laid_out([(f"{found.new} compared with {found.base}", list(timings(found, everything=True)))], kind)


def laid_out(pages: Sequence[tuple[str, Sequence[Part]]], kind: str) -> str:
    """Return titles with their parts as `table`, `md` or `html`."""
    if kind == "html":
        (title, several), *others = pages
        return as_html(title, [*several, *(part for name, some in others for part in [Part(name), *some])])
    made = as_markdown if kind == "md" else as_text
    return "\n\n".join(made(title, some) for title, some in pages)
