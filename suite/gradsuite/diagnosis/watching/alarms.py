"""What a watch warns of: gradients that vanish or explode, dead units, and the first number that is not finite."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from statistics import median

from gradsuite.diagnosis.patient import Stage, Trouble
from gradsuite.diagnosis.watching.records import Reading
from gradsuite.errors import UserError

STAGES: Mapping[Stage, str] = {
    "data": "data",
    "forward": "forward pass",
    "loss": "loss",
    "backward": "backward pass",
    "loss or backward": "loss or the backward pass",
}
REMEMBERED = 101  # gradient norms that the median is taken over
FEWEST = 5  # gradient norms before which there is no telling what is usual


class GradientWarning(UserWarning):
    """A gradient that vanishes, explodes or is not a number, or units that no gradient reaches, while one trains."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a watch warns. Raises UserError for what is not above zero."""

    vanish_lag: int = 10  # a horizon below this many steps, or layers of a deep stack,
    vanish_steps: int = 500  # for so many training steps on end
    explode_factor: float = 100.0  # times the median norm of the looks before
    dead_share: float = 0.5  # of a layer's units

    def __post_init__(self) -> None:
        for limit in fields(self):
            if not getattr(self, limit.name) > 0:
                raise UserError(f"{limit.name} must be above 0, not {getattr(self, limit.name)}")


@dataclass(slots=True)
class Alarm:
    """One thing gone wrong: since which step, and up to which, None while it lasts."""

    kind: str
    place: str
    message: str
    step: int
    ended: int | None = None


@dataclass(slots=True)
class Alarms:
    """Judges each look; an alarm is raised once, and again only after it has ended."""

    limits: Limits
    raised: list[Alarm] = field(default_factory=list)
    lasting: dict[tuple[str, str], Alarm] = field(default_factory=dict)
    low_since: dict[str, int] = field(default_factory=dict)
    norms: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def judge(self, step: int, readings: Iterable[Reading]) -> list[Alarm]:
        """Return the alarms that begin with this look, and end those that it ends."""
        known = list(readings)
        wrong = {
            (kind, place): message
            for kind, place, message in (
                *self._vanished(step, known),
                *self._exploded(step, known),
                *self._dead(step, known),
            )
        }
        for key in [key for key in self.lasting if key not in wrong and key[0] != "not finite"]:
            self.lasting.pop(key).ended = step
        return [self._raise(kind, place, message, step) for (kind, place), message in wrong.items()
                if (kind, place) not in self.lasting]  # fmt: skip

    def not_finite(self, step: int, trouble: Trouble | None) -> list[Alarm]:
        """Return the alarm of the first number that is not finite, if it begins at this step; None ends it."""
        key = ("not finite", "")
        if trouble is None:
            if key in self.lasting:
                self.lasting.pop(key).ended = step
            return []
        if key in self.lasting:
            return []
        stage = STAGES[trouble.stage]
        where = f": {trouble.place}" if trouble.place else ""
        return [self._raise(*key, f"first number that is not finite at step {step}, in the {stage}{where}", step)]

    def _raise(self, kind: str, place: str, message: str, step: int) -> Alarm:
        alarm = self.lasting[kind, place] = Alarm(kind, place, message, step)
        self.raised.append(alarm)
        return alarm

    def _vanished(self, step: int, readings: list[Reading]) -> Iterator[tuple[str, str, str]]:
        """Yield where the horizon has been short of the lag, and of the longest there is, for long enough."""
        for metric, ahead, unit in (("horizon", "lag", "time steps"), ("depth_horizon", "layer", "layers")):
            longest = {one.place: one.value for one in readings if one.metric == f"longest_{metric}"}
            for one in (one for one in readings if one.metric == metric and isfinite(one.value)):
                if one.value >= min(self.limits.vanish_lag, longest[one.place]):
                    self.low_since.pop(one.place, None)
                    continue
                steps = step - self.low_since.setdefault(one.place, step) + 1
                if steps >= self.limits.vanish_steps:
                    said = f"gradient vanished before {ahead} {self.limits.vanish_lag} for {steps} steps"
                    yield "vanished", one.place, f"{said}: {one.place}, horizon {one.value:.3g} {unit} at step {step}"

    def _exploded(self, step: int, readings: list[Reading]) -> Iterator[tuple[str, str, str]]:
        """Yield a norm far above what it was before; those norms do not count as usual."""
        for one in (one for one in readings if one.metric == "gradient_norm" and one.layer < 0 and not one.module):
            usual = median(self.norms) if len(self.norms) >= FEWEST else float("inf")
            if isfinite(one.value) and one.value > self.limits.explode_factor * usual > 0:
                times = f"{one.value / usual:.3g} times the median of {len(self.norms)} looks before"
                yield "exploded", "", f"gradient norm {one.value:.3g} at step {step} is {times}, {usual:.3g}"
            elif isfinite(one.value):
                self.norms.append(one.value)

    def _dead(self, step: int, readings: list[Reading]) -> Iterator[tuple[str, str, str]]:
        """Yield layers in which too many units are zero at every step of every sequence."""
        for one in readings:
            if one.metric == "dead" and one.value >= self.limits.dead_share:
                yield "dead units", one.place, f"{one.value:.0%} of the units are dead at step {step}: {one.place}"
