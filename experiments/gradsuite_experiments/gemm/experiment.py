"""How fast each backend multiplies matrices: the products that `gradsuite doctor` measures, at more sizes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.footprint import least_memory
from gradsuite.measuring.gemm import NORMAL, NUMBERS, Products
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, ROUNDS, SEED, Grid, Presets, Setting, Settings
from gradsuite.topic import Topic

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend

ONE: Grid = {"dtype": ["float32"], "numbers": [NORMAL], "seed": [0]}


class Gemm(Experiment):
    """Floating-point operations per second in matrix products, measured through the interface, so for any backend."""

    name: ClassVar[str] = "gemm"
    question: ClassVar[str] = "How many operations per second does each backend reach in matrix products?"
    topic: ClassVar[Topic] = Topic.SPEED
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("size", int, "rows and columns of every matrix", minimum=1, size=True),
        DTYPE,
        Setting("numbers", str, "size of the numbers: normal, or so small that they are subnormal", choices=NUMBERS),
        ROUNDS,
        SEED,
    )
    presets: ClassVar[Presets] = {
        "quick": {**ONE, "size": [256, 1024], "rounds": [6]},
        "standard": {**ONE, "size": [64, 128, 256, 512, 1024, 2048], "rounds": [9]},
    }

    def memory(self, settings: Settings) -> int:
        """Return what a matrix of that size takes."""
        return least_memory({**settings, "hidden_size": settings["size"]})

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield the rate and the cores kept busy, a sample per round."""
        products = Products(
            size=settings["size"],
            dtype=settings["dtype"],
            numbers=settings["numbers"],
            rounds=settings["rounds"],
            seed=settings["seed"],
        )
        yield from products.measure(backend, device)

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield each backend's best rate and its share of the best of all, and what subnormal numbers cost."""
        from gradsuite_experiments.gemm.findings import best_rates, subnormal_costs

        yield from best_rates(rows)
        yield from subnormal_costs(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield rates against the size."""
        from gradsuite_experiments.gemm.figures import rate_figure

        yield from rate_figure(rows)
