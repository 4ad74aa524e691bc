"""The page of one training: its curve with simple answers beside it, gradients over training, and all settings."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from gradsuite import __version__
from gradsuite.errors import UserError
from gradsuite.report import facts, style
from gradsuite.report.frame import Frame
from gradsuite.report.palette import INK, MUTED, backend_colour
from gradsuite.report.picture import Picture
from gradsuite.report.pictures import inline, vector, view
from gradsuite.training.outcome import Outcome, without_folder

WIDTH, HEIGHT = 5.6, 3.3  # inches: as wide as a phone shows without shrinking the letters much
SHOWN = 1000  # points of the loss: each the mean of as many steps as there are more


def write_page(outcome: Outcome, path: Path) -> None:
    """Write the page, which needs nothing but itself. Raises UserError if it cannot be written."""
    asked = replace(outcome.asked, task=without_folder(outcome.asked.task))
    with style.context():
        panels = list(_panels(outcome))
    frame = Frame([asked.backend])
    text = frame.page(
        "training.html",
        title=outcome.title,
        outcome=outcome,
        pictures=[frame.dressed(panel) for panel in panels],
        settings={name: value for name, value in asdict(asked).items() if value is not None},
        machine=facts.machine(outcome.machine),
        version=__version__,
    )
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _panels(outcome: Outcome) -> Iterator[Picture]:
    """Yield the drawings that this training has something for."""
    begun, looks = outcome.begun, outcome.curve.looks
    score = begun.score["name"]
    yield _panel("loss", f"Loss: {_change(outcome.curve.losses)}", "The loss of every training batch.", outcome, _loss)
    if looks:
        scored = f"{score[0].upper()}{score[1:]} on {begun.split}: {_change([look.score for look in looks])}"
        beside = " Lines are what simple answers score on test." if begun.baselines else ""
        yield _panel("score", scored, f"One point for each look.{beside}", outcome, _score)
        norms = f"Gradient norm: {_change([look.gradient_norm for look in looks])}"
        yield _panel("gradient", norms, "The norm over all parameters, before any clipping.", outcome, _gradient)
    if any(np.isfinite(look.horizon) for look in looks):
        reach = f"Horizon: {_change([look.horizon for look in looks])} time steps"
        told = f"The lag at which 1/1000 of the state gradient is left; {begun.length - 1} is the longest there is."
        yield _panel("horizon", reach, told, outcome, _horizon)


def _panel(name: str, title: str, caption: str, outcome: Outcome, draw: Callable[[Axes, Outcome], None]) -> Picture:
    canvas, axes = style.figure(height=HEIGHT, width=WIDTH)
    draw(axes[0, 0], outcome)
    axes[0, 0].set_xlabel("step")
    axes[0, 0].set_xlim(0, max(outcome.curve.steps, 1))
    return Picture(name, title, caption, inline(vector(canvas), canvas), view(canvas))


def _loss(axes: Axes, outcome: Outcome) -> None:
    losses = np.array(outcome.curve.losses)
    parts = np.array_split(np.arange(len(losses)), min(SHOWN, max(len(losses), 1)))
    steps, means = [part.mean() + 1 for part in parts], [losses[part].mean() for part in parts]
    axes.plot(steps, means, color=_colour(outcome), linewidth=1.2)
    _scale(axes, means, "loss")


def _score(axes: Axes, outcome: Outcome) -> None:
    begun, scores = outcome.begun, [look.score for look in outcome.curve.looks]
    _line(axes, outcome, scores)
    lines = {**begun.baselines, **({"goal": begun.goal} if begun.goal is not None else {})}
    for name, value in lines.items():
        axes.axhline(value, color=INK if name == "goal" else MUTED, linewidth=1.2, linestyle="--", zorder=1)
    if begun.score["higher"]:
        axes.set_ylabel(begun.score["name"])
    else:
        _scale(axes, [*scores, *lines.values()], begun.score["name"])
    style.label_ends(axes, [(value, name) for name, value in lines.items()])


def _gradient(axes: Axes, outcome: Outcome) -> None:
    norms = [look.gradient_norm for look in outcome.curve.looks]
    _line(axes, outcome, norms)
    if outcome.asked.clip_norm is not None:
        axes.axhline(outcome.asked.clip_norm, color=MUTED, linewidth=1.2, linestyle="--", zorder=1)
        norms.append(outcome.asked.clip_norm)
    _scale(axes, norms, "gradient norm")
    if outcome.asked.clip_norm is not None:
        style.label_ends(axes, [(outcome.asked.clip_norm, "clip")])


def _horizon(axes: Axes, outcome: Outcome) -> None:
    _line(axes, outcome, [look.horizon for look in outcome.curve.looks])
    axes.set_ylabel("horizon, time steps")
    axes.set_ylim(0, outcome.begun.length)


def _line(axes: Axes, outcome: Outcome, values: list[float]) -> None:
    steps = [look.step for look in outcome.curve.looks]
    marker = "o" if len(values) <= 60 else ""
    axes.plot(steps, values, color=_colour(outcome), marker=marker, markersize=3.5, clip_on=False)


def _scale(axes: Axes, values: list[float], label: str) -> None:
    """Label the values' axis, and make it logarithmic where they are all above 0 and span more than a decade."""
    sound = [value for value in values if np.isfinite(value)]
    if sound and min(sound) > 0 and max(sound) > 10 * min(sound):
        style.log_axis(axes, "y", label)
    axes.set_ylabel(label)


def _change(values: list[float]) -> str:
    """Return the first and last of some values, as words."""
    return f"{values[0]:.3g}" if len(values) < 2 else f"{values[0]:.3g} → {values[-1]:.3g}"


def _colour(outcome: Outcome) -> str:
    return backend_colour(outcome.asked.backend)
