"""The A/A test: a backend timed against itself must come out even, as often as its intervals say."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from gradsuite.alias import twin
from gradsuite.claims import Claim
from gradsuite.experiment import Figure, Table
from gradsuite.measuring.timing import Budget
from gradsuite.rows import Measurement
from gradsuite.settings import Grid, Presets, Setting, Settings
from gradsuite.topic import Topic

from gradsuite_experiments.speed.aa import laws
from gradsuite_experiments.speed.experiment import ONE, Speed, builder
from gradsuite_experiments.speed.timers import gradient, sample

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend

SMALL: Grid = {
    **ONE,
    "cell": ["lstm"],
    "length": [20],
    "batch_size": [16],
    "hidden_size": [128],
    "fraction": [1],
    "rounds": [9],
}


class SpeedAa(Speed):
    """Comparisons one after the other, each of `rounds` interleaved rounds."""

    name: ClassVar[str] = "speed-aa"
    question: ClassVar[str] = "Is a backend as fast as itself, and how often and how closely do intervals say so?"
    topic: ClassVar[Topic] = Topic.TRUST
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        *Speed.settings,
        Setting(
            "comparisons", int, "comparisons of a backend with itself, each of `rounds` samples", minimum=1, size=True
        ),
    )
    presets: ClassVar[Presets] = {
        "quick": {**SMALL, "comparisons": [10]},
        "standard": {**SMALL, "comparisons": [100]},
    }

    def backends(self, names: Sequence[str]) -> list[str]:
        """Return every backend under two names, each of which has a worker of its own."""
        firsts = dict.fromkeys(name.removesuffix(twin("")) for name in names)
        return [worker for name in firsts for worker in (name, twin(name))]

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield one sample of loss and gradients per round, of all comparisons one after the other."""
        network, batch = builder(backend, device, settings)()
        timed = gradient(network, batch)
        timed.timer.first()
        timed.timer.warm_up()
        yield []
        budget = Budget()
        for index in range(settings["comparisons"] * settings["rounds"]):
            yield [sample(timed, index, budget)]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield for each backend whether its intervals cover 1 often enough, and whether they are narrow."""
        from gradsuite_experiments.speed.aa.findings import comparisons, covering, half_width

        for backend, _, intervals in comparisons(rows):
            yield Claim(
                name=f"{self.name}/covers",
                backend=backend,
                sentence=laws.COVERS,
                source=laws.DEMAND,
                expected=laws.CONFIDENCE,
                measured=covering(intervals),
                tolerance=laws.allowed(len(intervals)),
                resolution=laws.COVERS_RESOLUTION,
                relation=">=",
            )
            yield Claim(
                name=f"{self.name}/narrow",
                backend=backend,
                sentence=laws.NARROW,
                source=laws.DEMAND,
                expected=laws.HALF_WIDTH,
                measured=(width := half_width(intervals)),
                tolerance=0.0,
                resolution=laws.narrow_resolution(width),
                relation="<=",
            )

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield how often the intervals of each backend cover 1, how wide they are, and what was disturbed."""
        from gradsuite_experiments.speed.aa.findings import sentences

        yield from sentences(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield every comparison's interval, a panel per backend."""
        from gradsuite_experiments.speed.aa.figures import comparison_figure

        yield from comparison_figure(rows, claims)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield none: the claims say it all."""
        return iter(())
