"""Loop against scan: seconds and memory of a gradient over T, of cells that are linear in their state."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch, DeviceBatch, Network
from gradsuite.cells import Linear, installed
from gradsuite.claims import Claim, Resolution
from gradsuite.comparator import compare
from gradsuite.compared import Compared, Digits, Samples
from gradsuite.errors import Unsupported
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.measuring import memory
from gradsuite.measuring.timing import Budget
from gradsuite.model import Model
from gradsuite.parameters import initialise
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.schedule import SCANS, Schedule
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, ROUNDS, SEED, Grid, Presets, Setting, Settings
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, value
from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.scan import laws
from gradsuite_experiments.speed.timers import Timed, gradient, sample

if TYPE_CHECKING:
    import pandas as pd

Build = Callable[[], tuple[Network, DeviceBatch]]
ONE: Grid = {"readout": ["all"], "batch_size": [8], "hidden_size": [64], "dtype": ["float32"], "seed": [0]}


class Scan(Experiment):
    """All that is compared is timed in one worker, round by round, and the backends' rounds are interleaved."""

    name: ClassVar[str] = "scan"
    question: ClassVar[str] = (
        "What does a scan gain over a loop, and do cells that need no loop gain over those that do?"
    )
    topic: ClassVar[Topic] = Topic.SPEED
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            "linear_cell",
            str,
            "network cell, linear in its state",
            registered=lambda: [n for n, c in installed().items() if _linear(c)],
        ),
        Setting("readout", str, "steps that are read out", choices=("last", "all")),
        LENGTH,
        BATCH_SIZE,
        HIDDEN_SIZE,
        Setting(
            "longest_loop", int, "most time steps that a loop as the equations are written is timed over", minimum=1
        ),
        replace(DTYPE, choices=PRECISE),
        ROUNDS,
        SEED,
    )
    compared: ClassVar[tuple[Compared, ...]] = (
        *map(Samples, laws.SECONDS.values()),
        *map(Digits, laws.DIFFERENCE.values()),
    )
    presets: ClassVar[Presets] = {
        "quick": {
            **ONE, "linear_cell": ["lru", "mingru"], "length": [64, 256], "batch_size": [2], "hidden_size": [16],
            "longest_loop": [256], "rounds": [3],
        },
        "standard": {
            **ONE, "linear_cell": ["lru", "mingru", "minlstm"], "length": [512, 4096],
            "longest_loop": [4096], "rounds": [7],
        },
        "full": {
            **ONE, "linear_cell": ["lru", "mingru", "minlstm"], "length": [512, 2048, 4096, 16_384, 65_536],
            "longest_loop": [4096], "rounds": [7],
        },
        "target": {
            **ONE, "linear_cell": [laws.TARGET_CELL], "readout": ["last", "all"], "length": [laws.TARGET_STEPS],
            "longest_loop": [laws.TARGET_STEPS], "rounds": [9],
        },
    }  # fmt: skip
    peers: ClassVar[dict[str, tuple[str, ...]]] = dict.fromkeys(presets, ("torch-nn",))

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield seconds of each scan and of the rival, round by round, then differences of gradients and memory."""
        builds = builders(backend, device, settings)
        if not builds:
            raise Unsupported(f"{backend.name} has no scan, and no rival of {settings['linear_cell']}")
        made = {metric: build() for metric, build in builds.items()}
        calls = [replace(gradient(*both), metric=metric) for metric, both in made.items()]
        for call in calls:
            call.timer.first()
            call.timer.warm_up()
        yield []
        budget = Budget()
        for index in range(settings["rounds"]):
            yield [sample(call, index, budget) for call in turned(calls, index)]
        yield list(differences(made))
        del made, calls  # their memory would be taken again unseen
        for kind in SCANS:
            if laws.SECONDS[kind] in builds:
                taken = memory.needed(lambda build=builds[laws.SECONDS[kind]]: one_pass(build))  # type: ignore[misc]
                yield [] if taken is None else [Measurement(laws.MEMORY[kind], taken, "B")]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield that gradients are the same by each scan."""
        for backend, settings, trial in trials(rows):
            for kind in laws.FAST:
                if len(trial[trial["metric"] == laws.DIFFERENCE[kind]]):
                    yield Claim(
                        name=f"scan/same/{kind}",
                        backend=backend,
                        sentence=laws.SAME[kind],
                        source=laws.EXACT,
                        expected=0.0,
                        measured=value(trial, laws.DIFFERENCE[kind]),
                        tolerance=(allowed := laws.tolerance(settings)),
                        resolution=Resolution.linear(0.0, allowed, "one gradient by a scan"),
                    )

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield what scans gain, whether the target is met, and what minimal cells gain over their rivals."""
        from gradsuite_experiments.scan.findings import sentences

        yield from sentences(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield seconds per step over T, and how much faster than its rival a minimal cell is."""
        from gradsuite_experiments.scan.figures import rival_figure, steps_figure

        yield from steps_figure(rows)
        yield from rival_figure(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield seconds and memory by scan, a line per network and backend."""
        from gradsuite_experiments.scan.findings import tables

        yield from tables(rows)


def _linear(cell: Any) -> bool:
    return isinstance(cell, Linear)


def builders(backend: Backend, device: str, settings: Settings) -> dict[str, Build]:
    """Return what builds each network that is timed, by its metric: one for each scan, and the rival of equal width."""
    wanted = {laws.SECONDS[kind]: (settings["linear_cell"], Schedule(scan=kind)) for kind in SCANS}
    if settings["length"] > settings["longest_loop"]:
        del wanted[laws.SECONDS[laws.LOOP]]
    if settings["linear_cell"] in laws.RIVALS:
        wanted[laws.RIVAL] = (laws.RIVALS[settings["linear_cell"]], Schedule())
    builds = {metric: builder(backend, device, settings, *network) for metric, network in wanted.items()}
    claimed = {}
    for metric, build in builds.items():
        cell, schedule = wanted[metric]
        if backend.describe().refusal(model_of(cell, settings), device, settings["dtype"], schedule) is None:
            claimed[metric] = build
    return claimed


def model_of(cell: str, settings: Settings) -> Model:
    """Return the model to be timed, with one output.

    Read out at the last step alone, gradients of gated cells vanish; but a scan then computes one output, not T.
    """
    return Model(cell, laws.INPUTS, settings["hidden_size"], 1, readout=settings["readout"])


def builder(backend: Backend, device: str, settings: Settings, cell: str, schedule: Schedule) -> Build:
    """Return what builds a network of a cell, and puts a batch on its device."""
    model, rng = model_of(cell, settings), batch_rng(settings["seed"])
    parameters = initialise(model, seed=settings["seed"])
    shape = settings["length"], settings["batch_size"]
    inputs = rng.standard_normal((*shape, laws.INPUTS))
    batch = Batch(inputs, rng.standard_normal(model.targets_shape(inputs.shape)))

    def build() -> tuple[Network, DeviceBatch]:
        network = backend.build(model, parameters, device=device, dtype=settings["dtype"], schedule=schedule)
        return network, network.put(batch)

    return build


def turned(calls: Sequence[Timed], index: int) -> list[Timed]:
    """Return the calls in another order in each round."""
    first = index % len(calls)
    return [*calls[first:], *calls[:first]]


def differences(made: dict[str, tuple[Network, DeviceBatch]]) -> Iterator[Measurement]:
    """Yield the largest relative difference of a gradient by each scan from that by the loop, parameters and states.

    Where no loop was timed, that by a parallel scan from that by a serial one.
    """
    reference: dict[str, np.ndarray] | None = None
    for kind in SCANS:
        if laws.SECONDS[kind] in made:
            found = gradients(*made[laws.SECONDS[kind]])
            if reference is None:
                reference = found
            else:
                errors = [compare(found[name], reference[name]).error for name in reference]
                yield Measurement(laws.DIFFERENCE[kind], max(errors))


def gradients(network: Network, batch: DeviceBatch) -> dict[str, np.ndarray]:
    """Return all gradients on the host by name."""
    found = network.fetch_gradients(network.backward(network.forward(batch, states=True)))
    by_state = {"states": found.states, "cell_states": found.cell_states}
    return {**found.parameters, **{name: array for name, array in by_state.items() if array is not None}}


def one_pass(build: Build) -> None:
    """Build a network and have it take its loss and gradients."""
    network, batch = build()
    network.backward(network.forward(batch))
    network.synchronize()
