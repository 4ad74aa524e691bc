"""What an experiment is: a question, its settings, how one trial is measured, its claims, figures and tables."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import TYPE_CHECKING, Any, ClassVar

from gradsuite.alias import SLUG
from gradsuite.claims import Claim
from gradsuite.compared import Benchmark, Compared
from gradsuite.errors import unknown
from gradsuite.footprint import least_memory
from gradsuite.rows import Measurement
from gradsuite.settings import Grid, Presets, Setting, Settings
from gradsuite.topic import Topic

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as MatplotlibFigure

    from gradsuite.backend import Backend
    from gradsuite.plugins import Plugins
    from gradsuite.tasks.pin import Pin
    from gradsuite.tasks.task import Task

PRESETS = ("quick", "standard", "full")
STATUSES = ("ok", "unsupported", "invalid", "timeout", "error")
FAILED = ("error", "timeout")  # of these: something went wrong, and may not again


@dataclass(frozen=True, slots=True)
class Trial:
    """The unit of work that is run, stored, resumed and retried: one experiment on one backend at one setting.

    If its task reads a file, `pin` says which: its settings name the file as it was typed. One that is `timed` is
    measured while nothing else computes.
    """

    experiment: str
    backend: str
    device: str
    settings: Settings
    pin: "Pin | None" = None
    timed: bool = True

    def sent(self) -> dict[str, Any]:
        """Return the settings as a worker is given them: with the file pinned, wherever the worker runs."""
        return {**self.settings, **({"task": self.pin.name} if self.pin else {})}

    def key(self, versions: Mapping[str, Any]) -> str:
        """Return a hash of what is measured, of which data, with which versions and code, not of where or when."""
        identity = [self.experiment, self.backend, self.device, dict(self.settings), dict(versions)]
        identity += [self.pin.digest] if self.pin else []
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one trial: `status` is one of STATUSES, `seconds` the wall time of all its rounds.

    A trial that is not `ok` has a reason and no measurements. `stderr` is the tail of what its worker wrote there.
    `machine` names the one that measured it, of several.
    """

    status: str
    measurements: tuple[Measurement, ...] = ()
    reason: str = ""
    stderr: str = ""
    seconds: float = 0.0
    machine: str = ""

    def on(self, machine: str) -> "Result":
        """Return the result as that of this machine."""
        return replace(self, machine=machine)


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn figure: a file name without ending, what it shows in a sentence, and the figure.

    Raises ValueError for a name that is not SLUG: it is a file's, in the run's folder and nowhere else.
    """

    name: str
    caption: str
    figure: "MatplotlibFigure"

    def __post_init__(self) -> None:
        if not SLUG.fullmatch(self.name):
            raise ValueError(f"a figure's name is of small letters, digits, '.' and '-', not {self.name[:80]!r}")


@dataclass(frozen=True, slots=True)
class Table:
    """A summary table for the report: a title, what it shows in a sentence, and the rows as they are printed."""

    title: str
    caption: str
    rows: "pd.DataFrame"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the rows answer to a reader's question: one sentence that stands by itself, and a small table if need be."""

    topic: Topic
    sentence: str
    table: Table | None = None


class Experiment(ABC):
    """A question. It lists its trials, measures one, states its claims and draws its figures.

    `presets` gives, for each preset, the values of every setting; their product is the experiment's trials.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    topic: ClassVar[Topic] = Topic.OTHER
    settings: ClassVar[tuple[Setting, ...]]
    presets: ClassVar[Presets]
    timed: ClassVar[bool] = True  # False if nothing that it measures depends on what else the machine does meanwhile
    named: ClassVar[bool] = False  # run only when it is named, not as a part of its presets
    apart: ClassVar[tuple[str, ...]] = ()  # presets of which it is a part only when it is named
    peers: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # by preset: peers that it measures too if no backend is named
    compared: ClassVar[tuple[Compared, ...]] = ()  # what of its rows `gradsuite compare` holds against another run's
    benchmark: ClassVar[Benchmark | None] = None  # how it times one workload, where it can, for `gradsuite best`

    def __init__(self, plugins: "Plugins | None" = None) -> None:
        """Take the plugins whose tasks it may ask for; the host hands over its own."""
        self.plugins = plugins

    def task(self, name: str) -> "Task":
        """Return the task of this name, of any plugin. Raises UserError, with the nearest name, if there is none."""
        if self.plugins is None:
            raise RuntimeError(
                f"{self.name} was made without plugins and asks for a task: {type(self).__name__}(load())"
            )
        return self.plugins.task(name)

    def grid(self, preset: str, changes: Grid) -> dict[str, list[Any]]:
        """Return the values of every setting: the preset's, or those asked for. Raises UserError."""
        if preset not in self.presets:
            raise unknown(f"preset of {self.name}", preset, self.presets)
        known = {setting.name: setting for setting in self.settings}
        for name in changes:
            if name not in known:
                raise unknown(f"setting of {self.name}", name, known)
        return {
            name: [setting.parse(value) for value in changes.get(name, self.presets[preset][name])]
            for name, setting in known.items()
        }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield the settings of each trial: the product of the grid; override it to leave combinations out."""
        for values in product(*grid.values()):
            yield dict(zip(grid, values, strict=True))

    def times(self, settings: Settings) -> bool:
        """Whether a trial times anything: `timed` says so of them all; override it where some do and some do not."""
        return self.timed

    def memory(self, settings: Settings) -> int:
        """Return the bytes that a trial takes at the very least: one that cannot fit is refused before it is tried.

        The sizes that settings name tell it for the networks of most experiments; override it where they do not, such
        as for layers without a matrix (H, H), or for sizes that no shared setting names. Never more than it takes.
        """
        return least_memory(settings)

    def backends(self, names: Sequence[str]) -> list[str]:
        """Return what to measure of the backends asked for; `NAME@2` is NAME in a second worker of its own."""
        return list(names)

    @abstractmethod
    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure one trial in a worker; each `yield` ends a round.

        Rounds of one setting are interleaved over the backends in shuffled order, so that drift hits all alike. An
        experiment that does not time anything yields once; if it says so (`timed`), its trials on several backends are
        measured side by side. `Unsupported` makes the trial `unsupported`, `UserError`
        `invalid`. A worker imports neither Matplotlib nor pandas: what draws or reads rows imports them itself.
        """

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what this experiment's rows prove or disprove, for each backend that measured it.

        Rows are those of the store with a column for each setting. Claims are judged once, when a run is published,
        and stored: of those with one name the worst counts.
        """
        return iter(())

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield what the rows show, one sentence at a time, the most useful first.

        `claims` are this experiment's, as they were judged.
        """
        return iter(())

    def answers(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Answer]:
        """Yield what the rows answer to readers' questions; a report opens with them, and a run ends with them.

        What is not overridden answers with the first finding.
        """
        for sentence in islice(self.findings(rows, claims), 1):
            yield Answer(self.topic, sentence)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield figures drawn from this experiment's rows and claims."""
        return iter(())

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield summary tables made from this experiment's rows and claims."""
        return iter(())
