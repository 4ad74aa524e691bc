"""How fast each backend multiplies matrices: one large linear layer, its loss and its gradients."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from gradsuite import cost
from gradsuite.backend import Batch
from gradsuite.experiment import DTYPE, SEED, Experiment, Figure, Measurement, Setting, Settings, Value
from gradsuite.model import Model
from gradsuite.parameters import initialise
from gradsuite.timing import Budget, Timer, median_interval

from gradsuite_experiments.gradient_flow import batch_rng

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend


class Gemm(Experiment):
    """Floating-point operations a second in matrix products, measured through the interface, so for any backend."""

    name: ClassVar[str] = "gemm"
    question: ClassVar[str] = "How many floating-point operations a second does each backend reach in matrix products?"
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("size", int, "rows and columns of every matrix", minimum=1),
        DTYPE,
        Setting("rounds", int, "samples", minimum=1),
        SEED,
    )
    presets: ClassVar[Mapping[str, Mapping[str, Sequence[Value]]]] = {
        "quick": {"size": [256, 1024], "dtype": ["float32"], "rounds": [6], "seed": [0]},
        "standard": {"size": [64, 128, 256, 512, 1024, 2048], "dtype": ["float32"], "rounds": [9], "seed": [0]},
    }

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield the rate and the cores kept busy, a sample a round.

        A linear layer of N units on N examples of N inputs is two products of N x N matrices: its outputs and the
        gradient of its weight. What is elementwise takes its share of the time too, of order 1/N.
        """
        size = int(settings["size"])
        model = linear(size)
        parameters = initialise(model, seed=int(settings["seed"]))
        network = backend.build(model, parameters, device=device, dtype=str(settings["dtype"]))
        rng = batch_rng(int(settings["seed"]))
        inputs, targets = rng.standard_normal((2, size, size))
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

    def findings(self, rows: "pd.DataFrame") -> Iterator[str]:
        """Yield each backend's best rate, and its share of the best of all."""
        found = rates(rows)
        if found.empty:
            return
        best = found.groupby("backend")["rate"].max().sort_values(ascending=False)
        for backend, rate in best.items():
            size = found[(found["backend"] == backend) & (found["rate"] == rate)]["size"].iloc[0]
            yield f"{backend} reaches {rate / 1e9:.3g} GFLOP/s at size {size}, {rate / best.iloc[0]:.0%} of the best."

    def figures(self, rows: "pd.DataFrame") -> Iterator[Figure]:
        """Yield rates against the size."""
        from gradsuite.report import style
        from gradsuite.report.palette import backend_order

        found = rates(rows)
        if found.empty:
            return
        drawn, panels = style.figure(1, 1, height=4.2)
        axes = panels[0, 0]
        for backend in backend_order(list(found["backend"])):
            own = found[found["backend"] == backend]
            style.measured(axes, own["size"], own["rate"], backend, low=own["low"], high=own["high"])
        style.log_axis(axes, "x", "size of the matrices")
        style.values_axis(axes, "x", sorted(found["size"].unique()))
        style.unit_axis(axes, "y", "rate", "FLOP/s")
        style.title(drawn, next(self.findings(rows)).rstrip("."))
        style.backend_legend(drawn, list(found["backend"]))
        yield Figure("gemm", "Median rate of matrix products by their size, with 95% intervals.", drawn)


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
    """Return the median rate with its interval (FLOP/s) for each backend and size."""
    import pandas as pd

    found = []
    for (backend, size), own in rows[rows["metric"] == "rate"].groupby(["backend", "size"]):
        interval = median_interval(own["value"].to_numpy(float))
        found.append((backend, size, interval.median, interval.low, interval.high))
    return pd.DataFrame(found, columns=["backend", "size", "rate", "low", "high"])
