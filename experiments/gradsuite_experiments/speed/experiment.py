"""How fast each backend is: forward, backward, update and whole step over (T, B, H), first call and memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gradsuite.backend import DeviceBatch, Network
from gradsuite.cells import find
from gradsuite.claims import Claim
from gradsuite.compared import Benchmark, Compared, Quantity, Samples
from gradsuite.experiment import Answer, Experiment, Figure, Table
from gradsuite.measuring import memory
from gradsuite.measuring.timing import Budget
from gradsuite.parameters import initialise
from gradsuite.rows import Measurement
from gradsuite.settings import (
    BATCH_SIZE,
    DTYPE,
    HIDDEN_SIZE,
    LENGTH,
    NUM_LAYERS,
    ROUNDS,
    SEED,
    Grid,
    Presets,
    Setting,
    Settings,
    any_cell,
)
from gradsuite.topic import Topic

from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.speed import limit, workloads
from gradsuite_experiments.speed.metrics import BACKWARD, CALLS, FIRST, FORWARD, GRADIENT, PEAK_MEMORY, STEP, UPDATE
from gradsuite_experiments.speed.timers import OPTIMIZER, Timed, gradient, gradient_states, one_round, phases, step

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend

LEARNING = (FORWARD, BACKWARD, UPDATE, STEP)  # whose first calls are timed, in this order
PHASES, GRADIENTS = TIMED = ("phases", "gradients")
SIZES = ("length", "batch_size", "hidden_size")
ONE: dict[str, Sequence[Any]] = {
    "workload": ["sizes"],
    "input_size": [64],
    "num_layers": [1],
    "dtype": ["float32"],
    "seed": [0],
    "timed": [PHASES],
}


class Speed(Experiment):
    """Seconds per call in steady state, in rounds interleaved over the backends; no sample contains a first call."""

    name: ClassVar[str] = "speed"
    question: ClassVar[str] = "Which backend is fastest at what, by how much, and what does its first call cost?"
    topic: ClassVar[Topic] = Topic.SPEED
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("workload", str, "named workload, or the sizes as set", choices=("sizes", *workloads.NAMED)),
        any_cell(),
        LENGTH,
        BATCH_SIZE,
        HIDDEN_SIZE,
        Setting("input_size", int, "inputs per time step", minimum=1, size=True),
        NUM_LAYERS,
        DTYPE,
        Setting("fraction", int, "measure one in N size combinations", minimum=1),
        ROUNDS,
        Setting(
            "timed",
            str,
            "calls to time: all phases, or the whole step and, of named workloads, gradients beside their products",
            choices=TIMED,
        ),
        SEED,
    )
    presets: ClassVar[Presets] = {
        "quick": {
            **ONE,
            "cell": ["lstm", "mlp"],
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
            "workload": [*workloads.NAMED, "sizes"],
            "cell": ["rnn", "lstm", "gru", "mlp"],
            "length": [20, 80],
            "batch_size": [8, 64],
            "hidden_size": [64, 256],
            "fraction": [2],
            "rounds": [7],
            "timed": [GRADIENTS],
        },
    }
    peers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "peers": ("torch-nn", "torch-autograd", "torch-compile", "jax-scan", "flax", "autograd")
    }
    compared: ClassVar[tuple[Compared, ...]] = (*map(Samples, CALLS), Quantity(PEAK_MEMORY, within=0.1))
    benchmark: ClassVar[Benchmark | None] = Benchmark(
        STEP, {"workload": ["sizes"], "fraction": [1], "timed": [GRADIENTS]}
    )

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield the product of the grid; a cell that is not recurrent once for all lengths, a named workload as it is.

        Of the size combinations one in `fraction`: those whose levels add up to a multiple of it, so that with two
        levels each and one in two every pair of values meets once: a fractional factorial design.
        """
        seen = []
        for settings in super().trials(grid):
            levels = sum(grid[size].index(settings[size]) for size in SIZES)
            if levels % settings.pop("fraction"):
                continue
            settings |= {} if find(settings["cell"]).recurrent else {"length": 1}
            settings |= workloads.NAMED.get(settings["workload"], {})
            if settings not in seen:
                seen.append(settings)
                yield settings

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield the first calls, then one sample of each call per round, then the memory of one more such call.

        Where the step alone is timed, that call is left out: some peers compile it anew, which takes longer than all
        samples.
        """
        build = builder(backend, device, settings)
        network, batch = build()
        calls = timed_calls(network, batch, backend, device, settings)
        first = LEARNING if settings["timed"] == PHASES else (GRADIENT, STEP)
        yield [Measurement(FIRST[call.metric], call.timer.first(), "s") for call in calls if call.metric in first]
        for call in calls:
            call.timer.warm_up()
        yield []
        budget = Budget()
        for index in range(settings["rounds"]):
            yield one_round(calls, index, budget)
        if step_alone(settings):
            return
        del network, batch, calls  # their memory would be taken again unseen
        taken = memory.needed(lambda: one_call(build, settings))
        yield [] if taken is None else [Measurement(PEAK_MEMORY, taken, "B")]

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield who is fastest and by how much, what first calls cost, what was disturbed, which targets are met."""
        from gradsuite_experiments.speed.findings import disturbances, fastest, first_calls
        from gradsuite_experiments.speed.targets import target_findings

        yield from fastest(rows)
        yield from first_calls(rows)
        yield from disturbances(rows)
        yield from target_findings(rows)

    def answers(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Answer]:
        """Yield who is fastest at what, and how far that can be trusted."""
        from gradsuite_experiments.speed.answers import answers

        yield from answers(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield seconds per step and of its phases; ratios to the fastest backend, to peers and to the products."""
        from gradsuite_experiments.speed.figures import phase_figure, step_figure
        from gradsuite_experiments.speed.target_figures import limit_figure, peer_figure, peer_step_figure

        yield from step_figure(rows)
        yield from phase_figure(rows)
        yield from peer_step_figure(rows)
        yield from peer_figure(rows)
        yield from limit_figure(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield medians and intervals of a step, first call and memory; targets, and gradients against their limit."""
        from gradsuite_experiments.speed.findings import speed_table
        from gradsuite_experiments.speed.target_tables import limit_table, step_table, target_table

        yield from step_table(rows)
        yield from speed_table(rows)
        yield from target_table(rows)
        yield from limit_table(rows)


def builder(backend: "Backend", device: str, settings: Settings) -> Callable[[], tuple[Network, DeviceBatch]]:
    """Return what builds a network of these settings, and puts a batch on its device."""
    model, seed = workloads.model(settings), settings["seed"]
    parameters, batch = initialise(model, seed=seed), workloads.batch(model, settings, batch_rng(seed))

    def build() -> tuple[Network, DeviceBatch]:
        network = backend.build(model, parameters, device=device, dtype=settings["dtype"])
        return network, network.put(batch)

    return build


def timed_calls(
    network: Network, batch: DeviceBatch, backend: "Backend", device: str, settings: Settings
) -> list[Timed]:
    """Return what these settings ask to be timed."""
    if settings["timed"] == PHASES:
        return phases(network, batch)
    if step_alone(settings):
        return [step(network, batch)]
    with_states = "states" in backend.describe().state_gradients
    calls = [gradient(network, batch), *([gradient_states(network, batch)] if with_states else [])]
    calls += [step(network, batch)]
    return calls + limit.timed_products(backend, device, workloads.model(settings), settings)


def step_alone(settings: Settings) -> bool:
    """Return whether nothing but the whole step is timed: gradients and their products are those of named workloads."""
    return settings["timed"] == GRADIENTS and settings["workload"] not in workloads.NAMED


def one_call(build: Callable[[], tuple[Network, DeviceBatch]], settings: Settings) -> None:
    """Build a network and have it take one step, or its loss and gradients alone."""
    network, batch = build()
    if settings["timed"] == PHASES:
        network.step(batch, OPTIMIZER)
    else:
        network.backward(network.forward(batch))
    network.synchronize()
