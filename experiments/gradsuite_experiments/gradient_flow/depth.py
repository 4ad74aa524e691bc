"""How deep gradients reach: |dL/dh| of every layer of a deep feed-forward network."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gradsuite.footprint import least_memory
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
    Presets,
    Setting,
    Settings,
    activation,
    initialiser,
)
from gradsuite.tasks.task import flatten
from gradsuite.topic import Topic

from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.gradient_flow.flow import GradientFlow
from gradsuite_experiments.gradient_flow.norms import backpropagate, measurements, norm

if TYPE_CHECKING:
    from gradsuite.backend import Backend

SAME: dict[str, Sequence[Any]] = {
    "gain": [1.0],
    "length": [8],
    "batch_size": [32],
    "dtype": ["float64"],
    "seed": [0],
}


class GradientDepth(GradientFlow):
    """State gradients of every hidden layer of `mlp`, by initialiser and activation, on noise and on real data.

    The network reads all `length` time steps of a sequence at once. Distance 0 is the layer nearest the loss.
    """

    name: ClassVar[str] = "gradient-depth"
    question: ClassVar[str] = "How deep do gradients reach, and with which initialisers do they vanish or explode?"
    topic: ClassVar[Topic] = Topic.FLOW
    timed: ClassVar[bool] = False
    subject: ClassVar[str] = "activation"
    series: ClassVar[str] = "initialiser"
    distances: ClassVar[str] = "layers"
    settings: ClassVar[tuple[Setting, ...]] = (
        TASK,
        activation(*ACTIVATIONS["mlp"]),
        initialiser("default", *INITIALISERS),
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
            **SAME,
            "task": ["noise", "digits"],
            "activation": ["tanh", "relu"],
            "initialiser": ["default", "he"],
            "num_layers": [20],
            "hidden_size": [64],
        },
        "standard": {
            **SAME,
            "task": ["noise", "digits"],
            "activation": ["tanh", "relu", "sigmoid"],
            "initialiser": ["default", "xavier", "he", "orthogonal"],
            "num_layers": [30],
            "hidden_size": [128],
        },
        "full": {
            **SAME,
            "task": ["noise", "digits", "sunspots"],
            "activation": ["tanh", "relu", "sigmoid", "identity"],
            "initialiser": ["default", "xavier", "he", "normal", "orthogonal", "sparse"],
            "num_layers": [50],
            "hidden_size": [128, 512],
            "seed": [0, 1, 2],
        },
    }

    def memory(self, settings: Settings) -> int:
        """Return what a multilayer perceptron takes."""
        return least_memory({**settings, "cell": "mlp"})

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield norms by distance from the loss in layers, and their rate, horizon and verdict."""
        task, seed, length = self.task(settings["task"]), settings["seed"], settings["length"]
        model = task.model(
            "mlp",
            settings["hidden_size"],
            num_layers=settings["num_layers"],
            activation=settings["activation"],
            length=length,
        )
        weights = Initialisation(settings["initialiser"], gain=settings["gain"])
        parameters = initialise(model, weights, seed=seed)
        batch = flatten(task.batch(batch_rng(seed), model, size=settings["batch_size"], length=length))
        states = backpropagate(backend, model, parameters, batch, device=device, dtype=settings["dtype"])
        yield list(measurements(norm(states)[::-1], "layer"))
