"""How deep gradients reach: |dL/dh| of every layer of a deep feed-forward network."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gradsuite.claims import Claim
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.model import ACTIVATIONS
from gradsuite.parameters import INITIALISERS, Initialisation, initialise
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
from gradsuite.tasks.task import flatten

from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.gradient_flow.norms import backpropagate, measurements, norm

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend

ONE: dict[str, Sequence[Any]] = {
    "gain": [1.0],
    "length": [8],
    "batch_size": [32],
    "dtype": ["float64"],
    "seed": [0],
}


class GradientDepth(Experiment):
    """State gradients of every hidden layer of `mlp`, by initialiser and activation, on noise and on real data.

    The network reads all `length` time steps of a sequence at once. Distance 0 is the layer nearest the loss.
    """

    name: ClassVar[str] = "gradient-depth"
    question: ClassVar[str] = "How deep do gradients reach, and with which initialisers do they vanish or explode?"
    settings: ClassVar[tuple[Setting, ...]] = (
        TASK,
        Setting("activation", str, "of every hidden layer", choices=ACTIVATIONS["mlp"]),
        Setting("initialiser", str, "of the layers' weights", choices=("default", *INITIALISERS)),
        GAIN,
        NUM_LAYERS,
        HIDDEN_SIZE,
        LENGTH,
        BATCH_SIZE,
        DTYPE,
        SEED,
    )
    presets: ClassVar[Presets] = {
        "quick": {
            **ONE,
            "task": ["noise", "digits"],
            "activation": ["tanh", "relu"],
            "initialiser": ["default", "he"],
            "num_layers": [20],
            "hidden_size": [64],
        },
        "standard": {
            **ONE,
            "task": ["noise", "digits"],
            "activation": ["tanh", "relu", "sigmoid"],
            "initialiser": ["default", "xavier", "he", "orthogonal"],
            "num_layers": [30],
            "hidden_size": [128],
        },
        "full": {
            **ONE,
            "task": ["noise", "digits", "sunspots"],
            "activation": ["tanh", "relu", "sigmoid", "identity"],
            "initialiser": ["default", "xavier", "he", "normal", "orthogonal", "sparse"],
            "num_layers": [50],
            "hidden_size": [128, 512],
            "seed": [0, 1, 2],
        },
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield the product of the grid; a task whose sequences have one length has that one.

        Raises UserError for a task whose targets are one a time step: a feed-forward network has none.
        """
        tasks = {str(name): self.task(name) for name in grid["task"]}
        for name, task in tasks.items():
            if task.readout == "all":
                raise UserError(f"{self.name} needs one target a sequence; task {name!r} has one at every step")
            lengths = grid["length"] if task.only_length is None else (task.only_length,)
            yield from super().trials({**grid, "task": [name], "length": lengths})

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield norms by distance from the loss in layers, and their rate, horizon and verdict."""
        task, seed, length = self.task(settings["task"]), int(settings["seed"]), int(settings["length"])
        model = task.model(
            "mlp",
            int(settings["hidden_size"]),
            num_layers=int(settings["num_layers"]),
            activation=str(settings["activation"]),
            length=length,
        )
        weights = Initialisation(str(settings["initialiser"]), gain=float(settings["gain"]))
        parameters = initialise(model, weights, seed=seed)
        batch = flatten(task.batch(batch_rng(seed), model, size=int(settings["batch_size"]), length=length))
        states = backpropagate(backend, model, parameters, batch, device=device, dtype=str(settings["dtype"]))
        yield list(measurements(norm(states)[::-1], "layer"))

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield how far backends agree, and with which initialisers each activation's gradients vanish and explode."""
        from gradsuite_experiments.gradient_flow.findings import agreement, by_task

        yield from agreement(rows)
        yield from by_task(rows, "activation", "initialiser")

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield norms against the distance from the loss."""
        from gradsuite_experiments.gradient_flow.figures import curves

        yield from curves(
            rows,
            "gradient-depth",
            down="task",
            across="activation",
            series="initialiser",
            distance="layers from the loss",
        )

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield the verdict for each task, activation and initialiser."""
        from gradsuite_experiments.gradient_flow.findings import verdict_table

        yield from verdict_table(rows, ["task", "activation"], "initialiser", "layers")
