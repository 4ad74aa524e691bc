"""How the time of a gradient grows with T, B, H and the layers: exponents, beside those of its operations."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.footprint import least_memory
from gradsuite.measuring.timing import Budget
from gradsuite.model import GATES
from gradsuite.parameters import initialise
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, ROUNDS, SEED, Presets, Setting, Settings, cell
from gradsuite.topic import Topic

from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.speed import workloads
from gradsuite_experiments.speed.metrics import FIRST, GRADIENT
from gradsuite_experiments.speed.scaling.laws import BASE, model_of, sizes_of
from gradsuite_experiments.speed.timers import gradient, sample

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend


class Scaling(Experiment):
    """One size at a time is a multiple of the base; the exponent is the slope of ln seconds over ln of the multiple."""

    name: ClassVar[str] = "scaling"
    question: ClassVar[str] = "How does the time of a gradient grow with T, B, H and the number of layers?"
    topic: ClassVar[Topic] = Topic.SPEED
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        cell(*GATES),
        Setting("along", str, "size that is multiplied", choices=tuple(BASE)),
        Setting("multiple", int, "factor on the base size (T64 B32 H128, one layer)", minimum=1, size=True),
        DTYPE,
        ROUNDS,
        SEED,
    )
    presets: ClassVar[Presets] = {
        name: {
            "cell": ["lstm"], "along": list(BASE), "multiple": multiples, "dtype": ["float32"], "rounds": [rounds],
            "seed": [0],
        }
        for name, multiples, rounds in (("quick", [1, 2], 3), ("standard", [1, 2, 4], 7), ("full", [1, 2, 4, 8], 15))
    }  # fmt: skip

    def memory(self, settings: Settings) -> int:
        """Return what a network of the multiplied size takes."""
        return least_memory({**settings, **sizes_of(settings)})

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield one sample of loss and gradients per round, once warm."""
        sizes, seed = sizes_of(settings), settings["seed"]
        model = model_of(sizes)
        network = backend.build(model, initialise(model, seed=seed), device=device, dtype=settings["dtype"])
        batch = network.put(workloads.batch(model, sizes, batch_rng(seed)))
        timed = gradient(network, batch)
        yield [Measurement(FIRST[GRADIENT], timed.timer.first(), "s")]
        timed.timer.warm_up()
        yield []
        budget = Budget()
        for index in range(settings["rounds"]):
            yield [sample(timed, index, budget)]

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield a panel per size: seconds over its multiple, with the growth of the operations."""
        from gradsuite_experiments.speed.scaling.figures import size_figure

        yield from size_figure(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield the exponents: those of the operations, and each backend's."""
        from gradsuite_experiments.speed.scaling.findings import exponent_table

        yield from exponent_table(rows)
