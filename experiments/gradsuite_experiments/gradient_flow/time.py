"""How far back in time gradients reach: |dL/dh_t| against the lag T - t."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gradsuite.claims import Claim
from gradsuite.experiment import Figure
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
    Presets,
    Setting,
    Settings,
    any_recurrent_cell,
)
from gradsuite.topic import Topic

from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.gradient_flow.flow import GradientFlow
from gradsuite_experiments.gradient_flow.norms import backpropagate, measurements, norm

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend

RECURRENT = ("rnn", "lstm", "gru")
SAME: dict[str, Sequence[Any]] = {"dtype": ["float64"], "hidden_size": [64], "batch_size": [32], "seed": [0]}


class GradientTime(GradientFlow):
    """State gradients of recurrent cells whose recurrent weights are N(0, gain^2 / H), on noise and on real data.

    The loss is of the last step alone. Norms are of each sequence's own loss; lag 0 is the last state.
    """

    name: ClassVar[str] = "gradient-time"
    question: ClassVar[str] = "How far back in time do gradients reach, and at which gains do they vanish or explode?"
    topic: ClassVar[Topic] = Topic.FLOW
    timed: ClassVar[bool] = False
    subject: ClassVar[str] = "cell"
    series: ClassVar[str] = "gain"
    distances: ClassVar[str] = "time steps"
    settings: ClassVar[tuple[Setting, ...]] = (
        TASK,
        any_recurrent_cell(),
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
            **SAME,
            "task": ["noise", "digits"],
            "cell": RECURRENT,
            "gain": [0.5, 4.0],
            "length": [60],
            "num_layers": [1],
        },
        "standard": {
            **SAME,
            "task": ["noise", "digits"],
            "cell": RECURRENT,
            "gain": [0.5, 1.0, 2.0, 3.0, 4.0, 6.0],
            "length": [100],
            "num_layers": [2],
        },
        "full": {
            **SAME,
            "task": ["noise", "sunspots", "digits"],
            "cell": RECURRENT,
            "gain": [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0],
            "length": [200],
            "num_layers": [1, 3],
            "hidden_size": [64, 256],
            "seed": [0, 1, 2],
        },
    }

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield, for each layer, norms by lag, and their rate, horizon and verdict."""
        task, seed, layers = self.task(settings["task"]), settings["seed"], settings["num_layers"]
        model = task.model(settings["cell"], settings["hidden_size"], num_layers=layers)
        parameters = initialise(model, Initialisation("normal", gain=settings["gain"]), seed=seed)
        batch = task.batch(batch_rng(seed), model, size=settings["batch_size"], length=settings["length"])
        states = backpropagate(backend, model, parameters, batch, device=device, dtype=settings["dtype"])
        norms = norm(states)[::-1]
        yield [row for layer in range(layers) for row in measurements(norms[:, layer], "step", layer=layer)]

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield norms against the lag, and rates against the gain."""
        from gradsuite_experiments.gradient_flow.figures import rates

        yield from super().figures(rows, claims)
        yield from rates(rows, "gradient-time-rate")
