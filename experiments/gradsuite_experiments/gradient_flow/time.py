"""How far back in time gradients reach: |dL/dh_t| against the lag T - t."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gradsuite.claims import Claim
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.parameters import Initialisation, initialise
from gradsuite.rows import Measurement
from gradsuite.settings import (
    BATCH_SIZE,
    DTYPE,
    GAIN,
    HIDDEN_SIZE,
    LENGTH,
    NUM_LAYERS,
    SEED,
    TASK,
    Grid,
    Presets,
    Setting,
    Settings,
)

from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.gradient_flow.norms import backpropagate, measurements, norm

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend

RECURRENT = ("rnn", "lstm", "gru")
ONE: dict[str, Sequence[Any]] = {"dtype": ["float64"], "hidden_size": [64], "batch_size": [32], "seed": [0]}


class GradientTime(Experiment):
    """State gradients of recurrent cells whose recurrent weights are N(0, gain^2 / H), on noise and on real data.

    The loss is of the last step alone. Norms are of each sequence's own loss; lag 0 is the last state.
    """

    name: ClassVar[str] = "gradient-time"
    question: ClassVar[str] = "How far back in time do gradients reach, and at which gains do they vanish or explode?"
    settings: ClassVar[tuple[Setting, ...]] = (
        TASK,
        Setting("cell", str, "recurrent cell", choices=RECURRENT),
        GAIN,
        LENGTH,
        HIDDEN_SIZE,
        NUM_LAYERS,
        BATCH_SIZE,
        DTYPE,
        SEED,
    )
    presets: ClassVar[Presets] = {
        "quick": {
            **ONE,
            "task": ["noise", "digits"],
            "cell": RECURRENT,
            "gain": [0.5, 4.0],
            "length": [60],
            "num_layers": [1],
        },
        "standard": {
            **ONE,
            "task": ["noise", "sunspots", "digits"],
            "cell": RECURRENT,
            "gain": [0.5, 1.0, 2.0, 3.0, 4.0, 6.0],
            "length": [100],
            "num_layers": [2],
        },
        "full": {
            **ONE,
            "task": ["noise", "sunspots", "digits"],
            "cell": RECURRENT,
            "gain": [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0],
            "length": [200],
            "num_layers": [1, 3],
            "hidden_size": [64, 256],
            "seed": [0, 1, 2],
        },
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield the product of the grid; a task whose sequences have one length has that one.

        Raises UserError for a task with a loss at every step: its gradients do not come from one lag.
        """
        tasks = {str(name): self.task(name) for name in grid["task"]}
        for name, task in tasks.items():
            if task.readout == "all":
                raise UserError(f"{self.name} needs a loss at the last step alone; task {name!r} has one at every step")
            lengths = grid["length"] if task.only_length is None else (task.only_length,)
            yield from super().trials({**grid, "task": [name], "length": lengths})

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield, for each layer, norms by lag, and their rate, horizon and verdict."""
        task, seed, layers = self.task(settings["task"]), int(settings["seed"]), int(settings["num_layers"])
        model = task.model(str(settings["cell"]), int(settings["hidden_size"]), num_layers=layers)
        parameters = initialise(model, Initialisation("normal", gain=float(settings["gain"])), seed=seed)
        size, length = int(settings["batch_size"]), int(settings["length"])
        batch = task.batch(batch_rng(seed), model, size=size, length=length)
        states = backpropagate(backend, model, parameters, batch, device=device, dtype=str(settings["dtype"]))
        norms = norm(states)[::-1]
        yield [row for layer in range(layers) for row in measurements(norms[:, layer], "step", layer=layer)]

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield how far backends agree, and at which gains each cell's gradients vanish and explode."""
        from gradsuite_experiments.gradient_flow.findings import agreement, by_task

        yield from agreement(rows)
        yield from by_task(rows, "cell", "gain")

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield norms against the lag, and rates against the gain."""
        from gradsuite_experiments.gradient_flow.figures import curves, rates

        yield from curves(rows, "gradient-time", down="task", across="cell", series="gain", distance="lag T - t, steps")
        yield from rates(rows, "gradient-time-rate")

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield the verdict for each task, cell and gain."""
        from gradsuite_experiments.gradient_flow.findings import verdict_table

        yield from verdict_table(rows, ["task", "cell"], "gain", "time steps")
