"""What is read off a training at its watched steps, in memory that does not grow with its length."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

KEPT = 500  # looks at the most; then every second one is dropped, and every second one of those to come left out
COLUMNS = ("step", "module", "layer", "metric", "value")


class Reading(NamedTuple):
    """One number of one look. `layer` counts the layers of a module from 0, directions as layers; -1: the whole."""

    metric: str
    value: float
    module: str = ""  # as `named_modules` has it; the watched module itself is the empty name
    layer: int = -1

    @property
    def place(self) -> str:
        """The module and its layer, as people read them."""
        return place(self.module, self.layer)

    @property
    def name(self) -> str:
        """The name that other tools file this number under: metric, module and layer."""
        where = ".".join(part for part in (self.module, str(self.layer) if self.layer >= 0 else "") if part)
        return f"{self.metric}/{where}" if where else self.metric


def place(module: str, layer: int) -> str:
    """Return a module and its layer, as people read them."""
    named = module or "the module"
    return f"{named}, layer {layer}" if layer >= 0 else named


class Records:
    """The readings of all looks that are kept, each series as two arrays."""

    def __init__(self) -> None:
        self.looks = 0
        self.stride = 1
        self.steps: list[int] = []
        self.series: dict[tuple[str, int, str], tuple[array[int], array[float]]] = {}

    def add(self, step: int, readings: Iterable[Reading]) -> None:
        """Keep the readings of a look, unless the training has become too long for every one of them."""
        self.looks += 1
        if (self.looks - 1) % self.stride:
            return
        self.steps.append(step)
        for reading in readings:
            key = (reading.module, reading.layer, reading.metric)
            steps, values = self.series.setdefault(key, (array("q"), array("d")))
            steps.append(step)
            values.append(reading.value)
        if len(self.steps) >= KEPT:
            self._thin()

    def _thin(self) -> None:
        self.steps = self.steps[::2]
        self.stride *= 2
        kept = set(self.steps)
        for key, (steps, values) in self.series.items():
            chosen = [(step, value) for step, value in zip(steps, values, strict=True) if step in kept]
            self.series[key] = (array("q", [step for step, _ in chosen]), array("d", [value for _, value in chosen]))

    def of(self, metric: str) -> "Mapping[tuple[str, int], tuple[array[int], array[float]]]":
        """Return steps and values of one metric, by module and layer."""
        return {(module, layer): points for (module, layer, name), points in self.series.items() if name == metric}

    def by_look(self) -> Iterator[tuple[int, list[Reading]]]:
        """Yield each look that is kept, with its readings."""
        looks: dict[int, list[Reading]] = {step: [] for step in self.steps}
        for (module, layer, metric), (steps, values) in self.series.items():
            for step, value in zip(steps, values, strict=True):
                looks[step].append(Reading(metric, value, module, layer))
        yield from looks.items()

    def frame(self) -> "pd.DataFrame":
        """Return tidy rows: step, module, layer, metric, value."""
        import pandas as pd

        rows = [
            (step, reading.module, reading.layer, reading.metric, reading.value)
            for step, readings in self.by_look()
            for reading in readings
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))
