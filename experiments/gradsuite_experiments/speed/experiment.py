"""How fast each backend is: forward, backward, update and whole step over (T, B, H), first call and memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import DeviceBatch, Network
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.measuring import memory
from gradsuite.measuring.contention import Watch
from gradsuite.measuring.timing import Budget, Timer
from gradsuite.model import CELLS
from gradsuite.optimizers import Adam
from gradsuite.parameters import initialise
from gradsuite.rows import Measurement
from gradsuite.settings import (
    BATCH_SIZE,
    DTYPE,
    HIDDEN_SIZE,
    LENGTH,
    NUM_LAYERS,
    SEED,
    Grid,
    Presets,
    Setting,
    Settings,
)

from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.speed import limit, workloads

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend

OPTIMIZER = Adam(lr=1e-4)
FIRST: tuple[str, ...] = ("forward", "backward", "update", "step")
TIMED = ("phases", "gradients")
SIZES = ("length", "batch_size", "hidden_size")
ONE: dict[str, Sequence[Any]] = {
    "workload": ["sizes"],
    "input_size": [64],
    "num_layers": [1],
    "dtype": ["float32"],
    "seed": [0],
    "timed": ["phases"],
}


class Speed(Experiment):
    """Seconds a call in steady state, in rounds interleaved over the backends; a first call is never among them."""

    name: ClassVar[str] = "speed"
    question: ClassVar[str] = "Which backend is fastest at what, by how much, and what does its first call cost?"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("workload", str, "sizes as set, or a named workload", choices=("sizes", *workloads.NAMED)),
        Setting("cell", str, "network cell", choices=CELLS),
        LENGTH,
        BATCH_SIZE,
        HIDDEN_SIZE,
        Setting("input_size", int, "inputs a time step", minimum=1),
        NUM_LAYERS,
        DTYPE,
        Setting("fraction", int, "of all combinations of sizes, one in so many, spread evenly", minimum=1),
        Setting("rounds", int, "samples of each phase", minimum=1),
        Setting("timed", str, "every phase, or loss and gradients alone, beside their products", choices=TIMED),
        SEED,
    )
    presets: ClassVar[Presets] = {
        "quick": {
            **ONE,
            "cell": ["rnn", "lstm", "mlp"],
            "length": [20],
            "batch_size": [32],
            "hidden_size": [64],
            "fraction": [1],
            "rounds": [5],
        },
        "standard": {
            **ONE,
            "cell": ["rnn", "lstm", "gru", "mlp"],
            "length": [20, 80],
            "batch_size": [8, 64],
            "hidden_size": [64, 256],
            "fraction": [2],
            "rounds": [7],
        },
        "full": {
            **ONE,
            "cell": ["rnn", "lstm", "gru", "mlp"],
            "length": [10, 50, 250],
            "batch_size": [1, 16, 256],
            "hidden_size": [32, 128, 512],
            "fraction": [1],
            "rounds": [25],
        },
        "peers": {
            **ONE,
            "workload": list(workloads.NAMED),
            "cell": ["lstm"],
            "length": [1],
            "batch_size": [1],
            "hidden_size": [1],
            "fraction": [1],
            "rounds": [11],
            "timed": ["gradients"],
        },
    }
    peers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "peers": ("torch-nn", "torch-autograd", "torch-compile", "jax-scan", "flax", "autograd")
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield the product of the grid, `mlp` once for all lengths; a named workload has sizes of its own.

        Of sizes one in `fraction`: those whose levels add up to a multiple of it, so that with two levels each and one
        in two every pair of values meets once: a fractional factorial design.
        """
        seen = []
        for settings in super().trials(grid):
            levels = sum(grid[size].index(settings[size]) for size in SIZES)
            if levels % int(settings.pop("fraction")):
                continue
            settings |= {"length": 1} if settings["cell"] == "mlp" else {}
            settings |= workloads.NAMED.get(str(settings["workload"]), {})
            if settings not in seen:
                seen.append(settings)
                yield settings

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield the first calls, then one sample of each phase a round, then the peak memory."""
        model, seed = workloads.model(settings), int(settings["seed"])
        network = backend.build(model, initialise(model, seed=seed), device=device, dtype=str(settings["dtype"]))
        batch = network.put(workloads.batch(model, settings, batch_rng(seed)))
        if settings["timed"] == "phases":
            timers, first = phases(network, batch), FIRST
        else:
            first = ("gradient",)
            timers = gradients(network, batch, states="states" in backend.describe().state_gradients)
            timers |= limit.timers(backend, device, model, settings)
        yield [Measurement(f"{phase}_first", timers[phase].first(), "s") for phase in first]
        for timer in timers.values():
            timer.warm_up()
        yield []
        budget = Budget()
        for index in range(int(settings["rounds"])):
            yield one_round(timers, index, budget)
        yield [Measurement("peak_memory", memory.peak(), "B")]

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield who is fastest and by how much, what first calls cost, what was disturbed, which targets are met."""
        from gradsuite_experiments.speed.findings import disturbances, fastest, first_calls
        from gradsuite_experiments.speed.targets import target_findings

        yield from fastest(rows)
        yield from first_calls(rows)
        yield from disturbances(rows)
        yield from target_findings(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield seconds a step and its phases; ratios to the fastest backend, to peers and to the products alone."""
        from gradsuite_experiments.speed.figures import phase_figure, step_figure
        from gradsuite_experiments.speed.target_figures import limit_figure, target_figure

        yield from step_figure(rows)
        yield from phase_figure(rows)
        yield from target_figure(rows)
        yield from limit_figure(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield medians and intervals of a step, first call and memory; targets, and gradients against their limit."""
        from gradsuite_experiments.speed.findings import speed_table
        from gradsuite_experiments.speed.targets import limit_table, target_table

        yield from speed_table(rows)
        yield from target_table(rows)
        yield from limit_table(rows)


def phases(network: Network, batch: DeviceBatch) -> dict[str, Timer]:
    """Return a timer for each phase: what a learning step consists of, loss and gradients, then the whole step.

    Nothing is called yet, so that the first calls of all but the last are first indeed.
    """

    def timer(call: Callable[[Any], object], prepare: Callable[[], Any] = lambda: None) -> Timer:
        return Timer(call, network.synchronize, prepare=prepare)

    found = cache(lambda: network.backward(network.forward(batch)))
    return {
        "forward": timer(lambda _: network.forward(batch)),
        "backward": timer(network.backward, prepare=lambda: network.forward(batch)),
        "update": timer(lambda gradients: network.update(gradients, OPTIMIZER), prepare=found),
        "step": timer(lambda _: network.step(batch, OPTIMIZER)),
        "gradient": timer(lambda _: network.backward(network.forward(batch))),
    }


def gradients(network: Network, batch: DeviceBatch, *, states: bool) -> dict[str, Timer]:
    """Return timers of loss and all parameter gradients, alone and with norms of all state gradients."""

    def with_norms(_: Any) -> object:
        of_states = network.fetch(network.backward(network.forward(batch, states=True)).states)
        return np.sqrt(np.einsum("...bh,...bh->...", of_states, of_states))

    alone = Timer(lambda _: network.backward(network.forward(batch)), network.synchronize)
    return {"gradient": alone} | ({"gradient_states": Timer(with_norms, network.synchronize)} if states else {})


def one_round(timers: Mapping[str, Timer], index: int, budget: Budget) -> list[Measurement]:
    """Return a sample of each phase, all of them marked if somebody else computed during the round.

    A sample of 20 ms is too short to see a neighbour on one core in it, for the system counts in ticks of 10 ms.
    """
    watch = Watch()
    rows = [row for phase, timer in timers.items() for row in sample(phase, timer, index, budget)]
    if reason := watch.stop().disturbance():
        marked = {row.metric for row in rows}
        marks = (f"{phase}_disturbed" for phase in timers)
        rows += [Measurement(mark, 1.0, reason, index=index) for mark in marks if mark not in marked]
    return rows


def sample(phase: str, timer: Timer, index: int, budget: Budget) -> Iterator[Measurement]:
    """Yield one sample of a phase, and what disturbed it if something did to the last."""
    taken = timer.sample(budget)
    yield Measurement(phase, taken.seconds, "s", index=index)
    if reason := taken.disturbance():
        yield Measurement(f"{phase}_disturbed", 1.0, reason, index=index)
