"""Memory of a gradient over T: bytes a step, and what recomputing segments (checkpoint) saves and costs."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch, DeviceBatch, Gradients, Network
from gradsuite.claims import Claim
from gradsuite.comparator import compare
from gradsuite.errors import Unsupported
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.machine import allocator
from gradsuite.measuring import memory
from gradsuite.model import GATES, Model
from gradsuite.parameters import initialise
from gradsuite.rows import Measurement
from gradsuite.schedule import Schedule
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, SEED, Presets, Setting, Settings

from gradsuite_experiments.common.frames import by_backend, levels, trials, value, where
from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.memory.bytes_per_step import needed_a_step, slope_of

if TYPE_CHECKING:
    import pandas as pd

INPUTS = 2
# Numbers a step and unit that backward reads: the state h, and for gates their values: i f g o and c; r z n and W_hn h.
MOST = 0.1  # of the plain memory, with checkpoints
# Sums of the same terms, in another order where segments meet: each rounds to 1e-16, and some cancel.
SAME = 1e-12
PAPER = "Chen et al. 2016, Training deep nets with sublinear memory cost, sec. 4 (from the literature by memory)"


class MemoryTime(Experiment):
    """Peak of the resident set over what is resident before the pass, in a network of its own, its program compiled."""

    name: ClassVar[str] = "memory"
    question: ClassVar[str] = "How much memory does a gradient take a time step, and what do checkpoints save?"
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("cell", str, "recurrent cell", choices=tuple(GATES)),
        LENGTH,
        BATCH_SIZE,
        HIDDEN_SIZE,
        Setting("checkpoint", int, "steps of a segment that is computed again; 0: all states are kept", minimum=0),
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

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield bytes and seconds of a pass that keeps all states, and of one with checkpoints if asked for."""
        every = int(settings["checkpoint"])
        if every and "checkpoint" not in backend.describe().features:
            raise Unsupported(f"{backend.name} has no checkpoint")
        plain, gradients = measured_pass(backend, device, settings)
        rows = [Measurement("memory", plain[0], "B"), Measurement("seconds", plain[1], "s")]
        if every:
            few, again = measured_pass(backend, device, settings, Schedule(checkpoint=every))
            rows += [Measurement("memory_checkpoint", few[0], "B"), Measurement("seconds_checkpoint", few[1], "s")]
            error = max(compare(again[name], reference).error for name, reference in gradients.items())
            rows.append(Measurement("difference", error))
        yield rows

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what checkpoints save, and that gradients stay the same."""
        for backend, cell, own in trials(rows[rows["checkpoint"] > 0]):
            share = value(own, "memory_checkpoint") / value(own, "memory")
            yield Claim(
                self.name, backend, "Checkpoints need at most a tenth of the memory.", PAPER, MOST, share, 0.0, "<="
            )
            yield Claim(
                self.name,
                backend,
                "Gradients from checkpoints are those of the pass that keeps all states.",
                "exact",
                0.0,
                value(own, "difference"),
                SAME * (1 if cell["dtype"] == "float64" else 2.0**29),  # float32 rounds so many times more coarsely
            )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield memory against T, with what must be kept."""
        from gradsuite_experiments.memory.figures import length_figure

        yield from length_figure(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield bytes a step by cell and backend, and what checkpoints save and cost."""
        import pandas as pd

        steps = [line for backend, own in by_backend(rows) for line in step_lines(backend, own)]
        if steps:
            yield Table(
                "Bytes a step",
                "Slope of the peak memory over T, by least squares, beside the numbers that backward has to read: h, "
                "for lstm also i f g o and c, for gru also r z n and W_hn h.",
                pd.DataFrame(steps),
            )
        saved = [checkpoint_line(backend, cell, own) for backend, cell, own in trials(rows[rows["checkpoint"] > 0])]
        if saved:
            yield Table(
                "Checkpoints",
                "Peak memory and time of one pass that keeps all states and of one that keeps those between segments; "
                "the times hang on the machine and the hour.",
                pd.DataFrame(saved),
            )


def measured_pass(
    backend: "Backend", device: str, settings: Settings, schedule: Schedule = Schedule()
) -> tuple[tuple[float, float], dict[str, np.ndarray]]:
    """Return bytes and seconds of the second pass of two, each by a network of its own, and its gradients.

    The first compiles and loads what there is to load. What it took is given back, so that the second takes its own.
    """
    model = Model(str(settings["cell"]), INPUTS, int(settings["hidden_size"]), 1)
    parameters = initialise(model, seed=int(settings["seed"]))
    rng = batch_rng(int(settings["seed"]))
    size = int(settings["batch_size"])
    batch = Batch(rng.standard_normal((int(settings["length"]), size, INPUTS)), rng.standard_normal((size, 1)))

    def one() -> tuple[tuple[float, float], dict[str, np.ndarray]]:
        network = backend.build(model, parameters, device=device, dtype=str(settings["dtype"]), schedule=schedule)
        on_device = network.put(batch)
        network.synchronize()
        (gradients, seconds), taken = memory.growth(partial(timed_pass, network, on_device))
        return (taken, seconds), {name: network.fetch(g) for name, g in gradients.parameters.items()}

    with allocator.giving_back():
        one()
    return one()


def timed_pass(network: Network, batch: DeviceBatch) -> tuple[Gradients, float]:
    """Return the gradients of one pass and its seconds."""
    began = time.perf_counter()
    gradients = network.backward(network.forward(batch))
    network.synchronize()
    return gradients, time.perf_counter() - began


def step_lines(backend: str, rows: "pd.DataFrame") -> Iterator[Mapping[str, Any]]:
    """Yield for each cell the bytes a step, measured and by formula."""
    for cell in levels(rows, "cell"):
        own = where(rows, cell=cell, checkpoint=0)
        if own["length"].nunique() > 1:
            slope, needed = slope_of(own), needed_a_step(own.iloc[0])
            yield {
                "cell": cell,
                "backend": backend,
                "bytes a step": f"{slope:.0f}",
                "to be read": f"{needed:.0f}",
                "ratio": f"{slope / needed:.2f}",
            }


def checkpoint_line(backend: str, cell: "pd.Series[Any]", rows: "pd.DataFrame") -> Mapping[str, Any]:
    """Return what checkpoints save and cost in one cell."""
    plain, few = value(rows, "memory"), value(rows, "memory_checkpoint")
    slow, fast = value(rows, "seconds_checkpoint"), value(rows, "seconds")
    return {
        "cell": f"{cell['cell']} T{cell['length']} B{cell['batch_size']} H{cell['hidden_size']}",
        "segments of": cell["checkpoint"],
        "backend": backend,
        "all states": f"{plain / 1e6:.0f} MB",
        "checkpoints": f"{few / 1e6:.0f} MB ({few / plain:.1%})",
        "time": f"{fast:.2f} s and {slow:.2f} s ({slow / fast:.2f} times)",
        "difference": f"{value(rows, 'difference'):.1e}",
    }
