"""Sequences of several lengths in one batch: padded, with lengths, and sorted into buckets, over their spread."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch, DeviceBatch, Network
from gradsuite.claims import Claim
from gradsuite.comparator import compare
from gradsuite.compared import Compared, Digits, Samples
from gradsuite.errors import Unsupported, UserError
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.measuring.timing import Budget, Timer
from gradsuite.model import GATES
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
    cell,
)
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, value
from gradsuite_experiments.lengths import laws
from gradsuite_experiments.lengths.batches import batch_of, buckets, ignored, model_of, share_of
from gradsuite_experiments.speed.timers import Timed, one_round

if TYPE_CHECKING:
    import pandas as pd


class Lengths(Experiment):
    """Seconds of loss and all parameter gradients, one sample of each way in every round."""

    name: ClassVar[str] = "lengths"
    question: ClassVar[str] = "What do sequences of several lengths cost: padded, with lengths, and in buckets?"
    topic: ClassVar[Topic] = Topic.SPEED
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        cell(*GATES),
        LENGTH,
        BATCH_SIZE,
        HIDDEN_SIZE,
        NUM_LAYERS,
        Setting("spread", float, "share of T over which lengths are spread: from (1 - spread) T to T", minimum=0),
        Setting("buckets", int, "batches that the sequences are sorted into by length", minimum=1),
        Setting("readout", str, "steps that are read out", choices=("last", "all")),
        DTYPE,
        ROUNDS,
        SEED,
    )
    compared: ClassVar[tuple[Compared, ...]] = (*map(Samples, laws.WAYS), Digits(laws.DIFFERENCE))
    presets: ClassVar[Presets] = {
        name: {
            "cell": cells, "length": lengths, "batch_size": [size], "hidden_size": [units], "num_layers": [1],
            "spread": spreads, "buckets": [4], "readout": ["all"], "dtype": ["float32"], "rounds": [rounds],
            "seed": [0],
        }
        for name, cells, lengths, size, units, spreads, rounds in (
            ("quick", ["lstm"], [20], 16, 32, [0.0, 0.1, 0.8], 7),
            ("standard", ["lstm"], [80, 400], 64, 128, [0.0, 0.05, 0.5, 0.9], 7),
            ("full", ["lstm", "gru", "rnn"], [80, 400, 1000], 64, 128, [0.0, 0.05, 0.3, 0.6, 1.0], 15),
        )
    }  # fmt: skip
    peers: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(presets, (laws.PACKING,))

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield every combination. Raises UserError for a spread of which nothing would be left."""
        for spread in grid["spread"]:
            if spread > 1.0:
                raise UserError(f"spread must be at most 1, not {spread:g}")
        yield from super().trials(grid)

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield the first calls, then whether gradients are right, then one sample of each way per round."""
        model, dtype = model_of(settings), settings["dtype"]
        if reason := backend.describe().refusal(model, device, dtype, batch=("lengths",)):
            raise Unsupported(reason)
        network = backend.build(model, initialise(model, seed=settings["seed"]), device=device, dtype=dtype)
        whole = batch_of(settings)
        parts = buckets(whole, settings["buckets"], settings["readout"])
        ways = {laws.PADDED: [ignored(whole)], laws.LENGTHS: [whole], laws.BUCKETED: parts}
        calls = [timed(way, network, [network.put(batch) for batch in batches]) for way, batches in ways.items()]
        first = [Measurement(laws.FIRST[call.metric], call.timer.first(), "s") for call in calls]
        steps = whole.valid.size
        yield [
            *first,
            Measurement(laws.VALID, whole.valid.sum() / steps),
            Measurement(laws.COMPUTED, sum(part.valid.size for part in parts) / steps),
            Measurement(laws.DIFFERENCE, difference(network, whole, parts, settings["readout"])),
        ]
        if "states" in backend.describe().state_gradients and not whole.valid.all():
            yield [Measurement(laws.BEYOND, beyond(network, whole))]
        for call in calls:
            call.timer.warm_up()
        yield []
        budget = Budget()
        for index in range(settings["rounds"]):
            yield one_round(calls, index, budget)

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield that buckets leave gradients as they are, and that none is left past a length."""
        for backend, settings, trial in trials(rows):
            at = {str(name): setting for name, setting in settings.items()}
            yield Claim(
                name="lengths/same",
                backend=backend,
                sentence=laws.SAME,
                source=laws.EXACT,
                expected=0.0,
                measured=value(trial, laws.DIFFERENCE),
                tolerance=(allowed := laws.same_bound(at)),
                resolution=laws.same_resolution(allowed),
            )
            if laws.BEYOND in set(trial["metric"]):
                yield Claim(
                    name="lengths/zero",
                    backend=backend,
                    sentence=laws.ZERO,
                    source=laws.MEANING,
                    expected=0.0,
                    measured=value(trial, laws.BEYOND),
                    tolerance=0.0,
                    resolution=laws.zero_resolution(at["dtype"]),
                )

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield what lengths cost and save, who is fastest where, what packing costs, and what was disturbed."""
        from gradsuite_experiments.lengths.findings import findings

        yield from findings(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the ratio to padded against the spread, a panel per network."""
        from gradsuite_experiments.lengths.figures import spread_figure

        yield from spread_figure(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield seconds of each way and their ratios to padded."""
        from gradsuite_experiments.lengths.ratios import ratio_table

        yield from ratio_table(rows)


def timed(way: str, network: Network, batches: Sequence[DeviceBatch]) -> Timed:
    """Return loss and all parameter gradients of batches, one after the other."""

    def passes(_: object) -> None:
        for batch in batches:
            network.backward(network.forward(batch))

    return Timed(way, Timer(passes, network.synchronize))


def difference(network: Network, whole: Batch, parts: Sequence[Batch], readout: str) -> float:
    """Return the largest relative difference of a parameter's gradients: the parts', weighted, from the whole's."""
    expected = parameter_gradients(network, whole)
    total = {name: np.zeros(gradient.shape) for name, gradient in expected.items()}
    for part in parts:
        share = share_of(part, whole, readout)
        for name, gradient in parameter_gradients(network, part).items():
            total[name] += share * gradient.astype(np.float64)
    return max(compare(total[name], gradient).error for name, gradient in expected.items())


def parameter_gradients(network: Network, batch: Batch) -> dict[str, np.ndarray]:
    """Return each parameter's gradient on the host."""
    gradients = network.backward(network.forward(network.put(batch)))
    return {name: network.fetch(gradient) for name, gradient in gradients.parameters.items()}


def beyond(network: Network, batch: Batch) -> float:
    """Return the largest state gradient past a length over the largest of all, of dL/dc too."""
    gradients = network.fetch_gradients(network.backward(network.forward(network.put(batch), states=True)))
    kinds = [states for states in (gradients.states, gradients.cell_states) if states is not None]
    sizes = np.stack([np.abs(states).max(axis=(1, 3)) for states in kinds])  # (kinds, T, B), over layers and units
    return float((sizes[:, ~batch.valid].max(axis=1) / sizes.max(axis=(1, 2))).max())
