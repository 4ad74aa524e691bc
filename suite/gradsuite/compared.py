"""What an experiment says of its rows for comparisons of two runs, and how it times one workload of given sizes."""

from dataclasses import dataclass, field

from gradsuite.settings import Grid


@dataclass(frozen=True, slots=True)
class Samples:
    """A metric of which every row is one sample of a cost, such as seconds: less is better; ratios are compared.

    `index` counts rounds; rows of another `layer` or `member` are samples of something else. A row's `note` says what
    disturbed the sample.
    """

    metric: str


@dataclass(frozen=True, slots=True)
class Digits:
    """A metric whose rows are relative errors: the digits of a trial's worst, -lg |error|, are compared.

    `within` is the change, in digits, that is still none: 1 allows rounding errors to fall out otherwise.
    """

    metric: str
    within: float = 1.0


@dataclass(frozen=True, slots=True)
class Quantity:
    """A metric that comes out the same whenever it is measured, such as a horizon; compared row by row, in its unit.

    `within` is the relative change that is still none.
    """

    metric: str
    within: float = 0.05


Compared = Samples | Digits | Quantity


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How an experiment times one workload: `settings` are set for it, `metric` are the samples that count, in seconds.

    Among its settings are cell and sizes, as many as `gradsuite best` can be asked for. It is measured round by round,
    and may be ended after any of them. The first round, in which a backend compiles, does not count: it may be made
    beside those of others.
    """

    metric: str
    settings: Grid = field(default_factory=dict)
