"""How fast each backend multiplies matrices: one large linear layer, its loss and its gradients."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.backend import Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.measuring import cost
from gradsuite.measuring.timing import Budget, Timer, median_interval
from gradsuite.model import Model
from gradsuite.parameters import initialise
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, SEED, Grid, Presets, Setting, Settings

from gradsuite_experiments.common.seeds import batch_rng

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend

NUMBERS = NORMAL, SUBNORMAL = ("normal", "subnormal")
DEEP = 2.0**-8  # of the smallest normal number: no Gaussian one is large enough to make up for it
ONE: Grid = {"dtype": ["float32"], "numbers": [NORMAL], "seed": [0]}


class Gemm(Experiment):
    """Floating-point operations a second in matrix products, measured through the interface, so for any backend."""

    name: ClassVar[str] = "gemm"
    question: ClassVar[str] = "How many floating-point operations a second does each backend reach in matrix products?"
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("size", int, "rows and columns of every matrix", minimum=1),
        DTYPE,
        Setting("numbers", str, "of a usual size, or so small that they are subnormal", choices=NUMBERS),
        Setting("rounds", int, "samples", minimum=1),
        SEED,
    )
    presets: ClassVar[Presets] = {
        "quick": {**ONE, "size": [256, 1024], "rounds": [6]},
        "standard": {**ONE, "size": [64, 128, 256, 512, 1024, 2048], "rounds": [9]},
    }

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield the rate and the cores kept busy, a sample a round.

        A linear layer of N units on N examples of N inputs is two products of N x N matrices: its outputs and the
        gradient of its weight. What is elementwise takes its share of the time too, of order 1/N. With `subnormal`
        numbers each product has a factor below the smallest normal one, as when a gradient vanishes.
        """
        size = int(settings["size"])
        model = linear(size)
        parameters = initialise(model, seed=int(settings["seed"]))
        network = backend.build(model, parameters, device=device, dtype=str(settings["dtype"]))
        rng = batch_rng(int(settings["seed"]))
        inputs, targets = rng.standard_normal((2, size, size))
        if settings["numbers"] == SUBNORMAL:
            inputs *= DEEP * np.finfo(str(settings["dtype"])).tiny
        batch = network.put(Batch(inputs, targets))
        timer = Timer(lambda _: network.backward(network.forward(batch)), network.synchronize)
        timer.warm_up()
        yield []
        flops = cost.flops(model, inputs.shape)
        budget = Budget()
        for index in range(int(settings["rounds"])):
            taken = timer.sample(budget)
            yield [
                Measurement("rate", flops / taken.seconds, "FLOP/s", index=index),
                Measurement("cores", taken.conditions.cpu / taken.conditions.wall, "", index=index),
            ]

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield each backend's best rate and its share of the best of all, and what subnormal numbers cost."""
        both = rates(rows)
        found = both[both["numbers"] == NORMAL]
        best = found.groupby("backend")["rate"].max().sort_values(ascending=False)
        for backend, rate in best.items():
            size = found[(found["backend"] == backend) & (found["rate"] == rate)]["size"].iloc[0]
            yield f"{backend} reaches {rate / 1e9:.3g} GFLOP/s at size {size}, {rate / best.iloc[0]:.0%} of the best."
        for (backend, size), own in both.groupby(["backend", "size"], sort=False):
            of = own.set_index("numbers")["rate"]
            if len(of) == len(NUMBERS):
                cost = f"{of[NORMAL] / of[SUBNORMAL]:.3g} times as long"
                yield f"{backend}'s products take {cost} at size {size} where one factor is subnormal."

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield rates against the size."""
        from gradsuite.report import style
        from gradsuite.report.palette import backend_colour, backend_order

        found = rates(rows)
        if found.empty:
            return
        drawn, panels = style.figure(1, 1, height=4.2)
        axes = panels[0, 0]
        for backend in backend_order(list(found["backend"])):
            for numbers, own in found[found["backend"] == backend].groupby("numbers"):
                hollow = {"markerfacecolor": "none", "markeredgecolor": backend_colour(backend)}
                look = hollow if numbers == SUBNORMAL else {}
                style.measured(axes, own["size"], own["rate"], backend, low=own["low"], high=own["high"], **look)
        style.log_axis(axes, "x", "size of the matrices")
        style.values_axis(axes, "x", sorted(found["size"].unique()))
        style.unit_axis(axes, "y", "rate", "FLOP/s")
        style.title(drawn, next(self.findings(rows, claims)).rstrip("."))
        caption = "Median rate of matrix products by their size, with 95% intervals"
        caption += "; hollow, with one factor subnormal." if SUBNORMAL in set(found["numbers"]) else "."
        style.backend_legend(drawn, list(found["backend"]))
        yield Figure("gemm", caption, drawn)


def linear(size: int) -> Model:
    """Return one linear layer, whose loss is the inner product of its outputs with the targets."""
    return Model(
        cell="mlp",
        input_size=size,
        hidden_size=size,
        num_layers=1,
        activation="identity",
        readout="none",
        loss="inner_product",
    )


def rates(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return the median rate with its interval (FLOP/s) for each backend, kind of numbers and size."""
    import pandas as pd

    kinds, found = ["backend", "numbers", "size"], []
    for kind, own in rows[rows["metric"] == "rate"].groupby(kinds):
        interval = median_interval(own["value"].to_numpy(float))
        found.append((*kind, interval.median, interval.low, interval.high))
    return pd.DataFrame(found, columns=[*kinds, "rate", "low", "high"])
