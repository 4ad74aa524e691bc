"""What a run would measure and how long it would take, on a terminal or as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradsuite.running.forecast import Forecast


def forecast_text(forecast: "Forecast") -> str:
    """Return a table of experiments and backends, and in words how long they take and how that is known."""
    from gradsuite.commands._columns import columns

    rows: list[tuple[str, ...]] = [("experiment", "backend", "trials", "unsupported", "invalid", "about")]
    for part in forecast.parts:
        trials, unsupported, invalid = (str(count or "") for count in (part.trials, part.unsupported, part.invalid))
        about = spell(part.seconds) if part.trials else ""
        rows.append((part.experiment, part.backend, trials, unsupported, invalid, about))
    return "\n".join([columns(rows), *sentences(forecast)])


def sentences(forecast: "Forecast") -> Iterator[str]:
    """Yield how much there is to measure, how long it takes, and where the seconds are from."""
    yield from (f"not available: {lost}" for lost in forecast.unavailable)
    yield from (f"{plural(count)} invalid: {reason}" for reason, count in forecast.misfits.items())
    yield f"{plural(forecast.trials)} to measure: {spell(forecast.seconds, 'of unknown length')}"
    for name, count in forecast.sources.items():
        other = f", on another machine ({forecast.elsewhere[name]})" if name in forecast.elsewhere else ""
        yield f"{plural(count)} as they took in {name}{other}"
    if forecast.alike:
        yield f"{plural(forecast.alike)} as others of their experiment took at other settings, which may be far off"
    if forecast.unknown:
        counted = "" if forecast.seconds is None else ", not counted"
        yield f"{plural(forecast.unknown)} of unknown length: no former run that is there has any like it{counted}"
    if forecast.seconds is not None:
        paced = "" if forecast.pace is None else f", times {forecast.pace:.2f} for what came between them"
        yield f"these add up to the time above{paced}; judging and drawing come after"


def forecast_json(forecast: "Forecast") -> dict[str, Any]:
    """Return the same as an object."""
    return asdict(forecast) | {"trials": forecast.trials, "seconds": forecast.seconds}


def plural(count: int) -> str:
    """Return how many trials in words."""
    return "1 trial" if count == 1 else f"{count} trials"


def spell(seconds: float | None, unknown: str = "?") -> str:
    """Return a duration as one would say it."""
    if seconds is None:
        return unknown
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
