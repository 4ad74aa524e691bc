"""Memory of a gradient against T: bytes per step, and what recomputing segments (checkpoint) saves and costs."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from gradsuite.backend import Backend, Batch, DeviceBatch, Gradients, Network
from gradsuite.claims import Claim, Resolution
from gradsuite.comparator import compare
from gradsuite.errors import Unsupported
from gradsuite.experiment import Answer, Experiment, Figure, Table
from gradsuite.machine import allocator
from gradsuite.measuring import memory
from gradsuite.model import GATES, Model
from gradsuite.parameters import initialise
from gradsuite.rows import Measurement
from gradsuite.schedule import Schedule
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, SEED, Presets, Setting, Settings, cell
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, value
from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.memory import laws

if TYPE_CHECKING:
    import pandas as pd

INPUTS = 2


class Pass(NamedTuple):
    """What one forward and backward pass took, and the gradients of the parameters."""

    size: float  # bytes
    seconds: float
    gradients: dict[str, np.ndarray]


class MemoryTime(Experiment):
    """Peak of the resident set beyond what is resident before a pass of a new network, its program compiled."""

    name: ClassVar[str] = "memory"
    question: ClassVar[str] = "How much memory does a gradient take per time step, and what do checkpoints save?"
    topic: ClassVar[Topic] = Topic.MEMORY
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        cell(*GATES),
        LENGTH,
        BATCH_SIZE,
        HIDDEN_SIZE,
        Setting("checkpoint", int, "time steps per recomputed segment; 0: all states are kept", minimum=0),
        DTYPE,
        SEED,
    )
    presets: ClassVar[Presets] = {
        "quick": {
            "cell": ["rnn"], "length": [1000, 2000, 4000], "batch_size": [8], "hidden_size": [128], "checkpoint": [0],
            "dtype": ["float64"], "seed": [0],
        },
        "standard": {
            "cell": ["rnn", "lstm", "gru"], "length": [1250, 2500, 5000, 10_000], "batch_size": [8],
            "hidden_size": [128], "checkpoint": [0], "dtype": ["float32"], "seed": [0],
        },
        "checkpoint": {
            "cell": ["rnn"], "length": [100_000], "batch_size": [8], "hidden_size": [128], "checkpoint": [316],
            "dtype": ["float64"], "seed": [0],
        },
    }  # fmt: skip

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield bytes and seconds of a pass that keeps all states, and of one with checkpoints if asked for."""
        every = settings["checkpoint"]
        if every and "checkpoint" not in backend.describe().features:
            raise Unsupported(f"{backend.name} has no checkpoint")
        plain = measured_pass(backend, device, settings)
        rows = [Measurement(laws.MEMORY, plain.size, "B"), Measurement(laws.SECONDS, plain.seconds, "s")]
        if every:
            saving = measured_pass(backend, device, settings, Schedule(checkpoint=every))
            rows.append(Measurement(laws.MEMORY_CHECKPOINT, saving.size, "B"))
            rows.append(Measurement(laws.SECONDS_CHECKPOINT, saving.seconds, "s"))
            errors = [compare(saving.gradients[name], plain.gradients[name]).error for name in plain.gradients]
            rows.append(Measurement(laws.DIFFERENCE, max(errors)))
        yield rows

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what checkpoints save, and that gradients stay the same."""
        for backend, settings, trial in trials(rows[rows["checkpoint"] > 0]):
            yield Claim(
                name="memory/saved",
                backend=backend,
                sentence=laws.SAVED,
                source=laws.CHEN_2016,
                expected=laws.LARGEST_SHARE,
                measured=value(trial, laws.MEMORY_CHECKPOINT) / value(trial, laws.MEMORY),
                tolerance=0.0,
                resolution=laws.saved_resolution(settings),
                relation="<=",
            )
            yield Claim(
                name="memory/same",
                backend=backend,
                sentence=laws.SAME,
                source=laws.EXACT,
                expected=0.0,
                measured=value(trial, laws.DIFFERENCE),
                tolerance=(allowed := laws.difference_tolerance(settings["dtype"])),
                resolution=Resolution.linear(0.0, allowed, "one parameter's gradient with checkpoints"),
            )

    def answers(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Answer]:
        """Yield what is kept beside what has to be read."""
        from gradsuite_experiments.memory.answers import answers

        yield from answers(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield memory against T, with what must be kept."""
        from gradsuite_experiments.memory.figures import length_figure

        yield from length_figure(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield bytes per step by cell and backend, and what checkpoints save and cost."""
        from gradsuite_experiments.memory.findings import tables

        yield from tables(rows)


def measured_pass(backend: Backend, device: str, settings: Settings, schedule: Schedule = Schedule()) -> Pass:
    """Return the second of two passes, each by a new network.

    The first compiles and loads what there is to load; the memory it took is given back, so that the second's grows.
    """
    model = Model(settings["cell"], INPUTS, settings["hidden_size"], 1)
    parameters = initialise(model, seed=settings["seed"])
    rng = batch_rng(settings["seed"])
    B = settings["batch_size"]
    batch = Batch(rng.standard_normal((settings["length"], B, INPUTS)), rng.standard_normal((B, 1)))

    def new_pass() -> Pass:
        network = backend.build(model, parameters, device=device, dtype=settings["dtype"], schedule=schedule)
        on_device = network.put(batch)
        network.synchronize()
        (gradients, seconds), size = memory.growth(partial(timed_pass, network, on_device))
        return Pass(size, seconds, {name: network.fetch(g) for name, g in gradients.parameters.items()})

    with allocator.giving_back():
        new_pass()
    return new_pass()


def timed_pass(network: Network, batch: DeviceBatch) -> tuple[Gradients, float]:
    """Return the gradients of one pass and its seconds."""
    began = time.perf_counter()
    gradients = network.backward(network.forward(batch))
    network.synchronize()
    return gradients, time.perf_counter() - began
