"""The page of a watch: horizon, gradient norms and gates over training, and the alarms."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from gradsuite import __version__
from gradsuite.diagnosis.thresholds import SATURATED
from gradsuite.diagnosis.watching import Records, place
from gradsuite.errors import UserError
from gradsuite.report import style
from gradsuite.report.diagnosis.panels import HEIGHT, WIDTH
from gradsuite.report.frame import Frame
from gradsuite.report.palette import INK, ORDERED
from gradsuite.report.picture import Picture
from gradsuite.report.pictures import inline, vector, view

if TYPE_CHECKING:
    from gradsuite.diagnosis.watching import Watch


@dataclass(frozen=True, slots=True)
class Panel:
    """A metric as it is drawn: one line for each module and layer."""

    metric: str
    title: str
    label: str
    caption: str
    share: bool = False  # from 0 to 1
    logarithmic: bool = False


PANELS = (
    Panel("loss", "Loss", "loss", "The loss that the training told of.", logarithmic=True),
    Panel("horizon", "Horizon", "horizon, time steps",
          "The lag at which 1/1000 of the state gradient is left, or the longest lag where more is left there."),
    Panel("depth_horizon", "Horizon in depth", "horizon, layers",
          "How many layers back 1/1000 of the gradient by their outputs is left, or the most there are."),
    Panel("gradient_norm", "Gradient norm", "gradient norm", "Over all parameters, and over those of each layer,"
          " before any clipping.", logarithmic=True),
    Panel("block_gradient", "Gradient by each block's output", "gradient norm",
          "Of the modules that follow one another.", logarithmic=True),
    Panel("forget_gate", "Kept by the gates", "mean forget gate",
          "The mean share of its state that a unit keeps per step: the forget gate of lstm, the update gate of gru.",
          share=True),
    Panel("saturated", "Saturated", "share",
          f"Gates below {SATURATED:g} or above {1 - SATURATED:g}, or, where there are no gates, states beyond "
          f"±{1 - SATURATED:g}.", share=True),
    Panel("dead", "Dead units", "share", "Units that are zero at every step of every sequence looked at.", share=True),
)  # fmt: skip
TABLE = ("horizon", "rate", "gradient_norm", "forget_gate", "saturated", "dead")


def write_page(watch: "Watch", path: Path) -> Path:
    """Write the page, which needs nothing but itself, and return where. Raises UserError if it cannot be written."""
    with style.context():
        pictures = list(_pictures(watch.records))
    frame = Frame([])
    columns, last = _last(watch.records)
    lasting = [alarm for alarm in watch.alarms if alarm.ended is None]
    text = frame.page(
        "watch.html",
        title=f"{watch.title} in training",
        watch=watch,
        headline=_headline(watch, len(lasting)),
        lasting=lasting,
        pictures=[frame.dressed(picture) for picture in pictures],
        columns=columns,
        last=last,
        last_step=watch.records.steps[-1] if watch.records.steps else 0,
        limits=asdict(watch.limits),
        version=__version__,
    )
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {error.strerror}") from error
    return path


def _headline(watch: "Watch", lasting: int) -> str:
    if not watch.alarms:
        return "Nothing to be alarmed at."
    count = len(watch.alarms)
    alarms = "1 alarm" if count == 1 else f"{count} alarms"
    lasts = "it lasts" if count == 1 else f"{lasting} of them last{'s' if lasting == 1 else ''}"
    return f"{alarms}; {lasts}." if lasting else f"{alarms}, over by the end."


def _pictures(records: Records) -> Iterator[Picture]:
    """Yield the drawings that there is something for."""
    for panel in PANELS:
        lines = {
            at: (np.array(steps), np.array(values))
            for at, (steps, values) in records.of(panel.metric).items()
            if np.isfinite(values).any()
        }
        if lines:
            yield _picture(panel, lines)


def _picture(panel: Panel, lines: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]) -> Picture:
    canvas, axes = style.figure(height=HEIGHT, width=WIDTH)
    whole, parts = lines.get(("", -1)), [at for at in lines if at != ("", -1)]
    shown = _some(parts, len(ORDERED))
    for colour, at in zip(ORDERED, shown, strict=False):
        _line(axes[0, 0], *lines[at], colour)
    if whole is not None:
        _line(axes[0, 0], *whole, INK)
    _scale(axes[0, 0], panel, [lines[at][1] for at in lines if at in shown or at == ("", -1)])
    axes[0, 0].set_xlabel("step")
    named = [(_end(lines[at][1]), _short(at)) for at in shown]
    if parts:
        style.label_ends(axes[0, 0], [*named, *([(_end(whole[1]), "all")] if whole is not None else [])])
    left_out = f" {len(shown)} of {len(parts)} are drawn." if len(shown) < len(parts) else ""
    return Picture(
        panel.metric, _title(panel, lines), panel.caption + left_out, inline(vector(canvas), canvas), view(canvas)
    )


def _title(panel: Panel, lines: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]) -> str:
    """Return a panel's title, with the first and the last value of the whole, or of the only line."""
    told = lines.get(("", -1)) or (next(iter(lines.values())) if len(lines) == 1 else None)
    return panel.title if told is None else f"{panel.title}: {told[1][0]:.3g} → {told[1][-1]:.3g}"


def _line(axes: Axes, steps: np.ndarray, values: np.ndarray, colour: str) -> None:
    marker = "o" if len(values) <= 60 else ""
    axes.plot(steps, values, color=colour, marker=marker, markersize=3.5, clip_on=False)


def _scale(axes: Axes, panel: Panel, values: list[np.ndarray]) -> None:
    axes.set_ylabel(panel.label)
    sound = np.concatenate(values)
    sound = sound[np.isfinite(sound)]
    if panel.share:
        axes.set_ylim(0, 1)
    elif panel.logarithmic and (sound > 0).all() and sound.max() > 10 * sound.min():
        style.log_axis(axes, "y", panel.label)
    else:
        axes.set_ylim(bottom=min(0.0, sound.min()))


def _some(parts: list[tuple[str, int]], count: int) -> list[tuple[str, int]]:
    """Return at most so many, evenly from the first to the last."""
    if len(parts) <= count:
        return parts
    return [parts[round(k * (len(parts) - 1) / (count - 1))] for k in range(count)]


def _short(at: tuple[str, int]) -> str:
    """Return the name of a line, which must be short."""
    module, layer = at
    name = module if len(module) <= 14 else f"…{module[-13:]}"
    return f"{name} {layer}".strip() if layer >= 0 else name


def _end(values: np.ndarray) -> float:
    """Return the last value that is finite, where a line ends."""
    return float(values[np.isfinite(values)][-1])


def _last(records: Records) -> tuple[list[str], dict[str, dict[str, float]]]:
    """Return the metrics of the last look, and their values by place."""
    found: dict[str, dict[str, float]] = {}
    for (module, layer, metric), (steps, values) in records.series.items():
        if metric in TABLE and (module or layer >= 0) and steps and steps[-1] == records.steps[-1]:
            found.setdefault(place(module, layer), {})[metric] = values[-1]
    return [metric for metric in TABLE if any(metric in values for values in found.values())], found
