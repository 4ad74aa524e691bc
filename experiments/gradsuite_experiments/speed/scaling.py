"""How the time of a gradient grows with T, B, H and the layers: exponents, beside those of its operations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.measuring.cost import flops
from gradsuite.measuring.timing import Budget
from gradsuite.model import GATES, Model
from gradsuite.parameters import initialise
from gradsuite.report import style
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, SEED, Presets, Setting, Settings

from gradsuite_experiments.common.frames import by_backend, levels, where
from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.speed import workloads
from gradsuite_experiments.speed.experiment import gradients, sample

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.backend import Backend

BASE: Mapping[str, int] = {"length": 64, "batch_size": 32, "hidden_size": 128, "num_layers": 1}
SYMBOLS = {"length": "T", "batch_size": "B", "hidden_size": "H", "num_layers": "layers"}


class Scaling(Experiment):
    """One size at a time is a multiple of the base; the exponent is the slope of ln seconds over ln of the multiple."""

    name: ClassVar[str] = "scaling"
    question: ClassVar[str] = "How does the time of a gradient grow with T, B, H and the number of layers?"
    named: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("cell", str, "recurrent cell", choices=tuple(GATES)),
        Setting("along", str, "the size that is multiplied", choices=tuple(BASE)),
        Setting("multiple", int, "of the base, which is T64 B32 H128 in one layer", minimum=1),
        DTYPE,
        Setting("rounds", int, "samples", minimum=1),
        SEED,
    )
    presets: ClassVar[Presets] = {
        name: {
            "cell": ["lstm"], "along": list(BASE), "multiple": multiples, "dtype": ["float32"], "rounds": [rounds],
            "seed": [0],
        }
        for name, multiples, rounds in (("quick", [1, 2], 3), ("standard", [1, 2, 4], 7), ("full", [1, 2, 4, 8], 15))
    }  # fmt: skip

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Yield one sample of loss and gradients a round, once warm."""
        sizes = sizes_of(settings)
        model = model_of(sizes)
        network = backend.build(
            model, initialise(model, seed=int(settings["seed"])), device=device, dtype=str(settings["dtype"])
        )
        batch = network.put(workloads.batch(model, sizes, batch_rng(int(settings["seed"]))))
        timer = gradients(network, batch, states=False)["gradient"]
        yield [Measurement("gradient_first", timer.first(), "s")]
        timer.warm_up()
        yield []
        budget = Budget()
        for index in range(int(settings["rounds"])):
            yield list(sample("gradient", timer, index, budget))

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield a panel for each size: seconds over its multiple, with the growth of the operations."""
        rows = timed(rows)
        if rows.empty or rows["multiple"].nunique() < 2:
            return
        names = [name for name in BASE if name in set(rows["along"])]
        drawn, panels = style.figure(1, len(names), height=3.6, sharey=True)
        for axes, name in zip(panels[0], names, strict=True):
            own = where(rows, along=name)
            multiples = np.array(levels(own, "multiple"), float)
            growth = np.array([operations(own.iloc[0], name, int(k)) for k in multiples])
            start = float(own[own["multiple"] == multiples[0]]["value"].median())
            style.theory(axes, multiples, start * growth / growth[0])
            for backend, mine in by_backend(own):
                style.measured(axes, multiples, medians(mine), backend)
            style.log_axis(axes, "x", f"{SYMBOLS[name]}, times {BASE[name]}")
            style.values_axis(axes, "x", multiples)
            style.unit_axis(axes, "y", "loss and gradients" if axes is panels[0, 0] else "", "s")
        told = [
            f"{SYMBOLS[name]} {', '.join(f'{exponent(mine):.2f}' for _, mine in by_backend(where(rows, along=name)))}"
            for name in names
        ]
        backends = [backend for backend, _ in by_backend(rows)]
        style.title(drawn, f"Exponents of the time with {', '.join(backends)}: {'; '.join(told)}")
        style.backend_legend(drawn, backends, extra=[style.line_key("growth of the operations")])
        yield Figure(
            "scaling",
            "Median seconds of the loss and all parameter gradients as one size grows and the others stay. The line "
            "starts in the middle of the backends and grows as the floating-point operations of the products do.",
            drawn,
        )

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield the exponents: those of the operations, and each backend's."""
        import pandas as pd

        rows = timed(rows)
        lines = []
        for name in BASE:
            own = where(rows, along=name)
            if own["multiple"].nunique() > 1:
                multiples = levels(own, "multiple")
                work = [operations(own.iloc[0], name, k) for k in multiples]
                line: dict[str, Any] = {"size": SYMBOLS[name], "operations": f"{slope(multiples, work):.2f}"}
                lines.append(line | {backend: f"{exponent(mine):.2f}" for backend, mine in by_backend(own)})
        if lines:
            yield Table(
                "Exponents of the time of a gradient",
                "Slope of ln seconds over ln of the size, by least squares, beside that of the floating-point "
                "operations. Less than it is overhead that does not grow, or a product that becomes more efficient.",
                pd.DataFrame(lines),
            )


def sizes_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all sizes of a cell as a workload."""
    sizes: dict[str, Any] = {**BASE, "workload": "sizes", "cell": str(settings["cell"]), "input_size": 64}
    return sizes | {str(settings["along"]): BASE[settings["along"]] * int(settings["multiple"])}


def model_of(sizes: Settings) -> Model:
    """Return the model of these sizes, read out at every step.

    From the last one alone gradients would halve every step, and some processors take a hundred times as long where
    they become subnormal: the exponent in T would be that of vanishing.
    """
    return replace(workloads.model(sizes), readout="all")


def operations(settings: "pd.Series[Any]", along: str, multiple: int) -> int:
    """Return the floating-point operations with one size so many times the base's."""
    sizes = sizes_of({"cell": settings["cell"], "along": along, "multiple": multiple})
    return flops(model_of(sizes), (int(sizes["length"]), int(sizes["batch_size"]), int(sizes["input_size"])))


def timed(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return the samples."""
    return rows[(rows["status"] == "ok") & (rows["metric"] == "gradient")]


def medians(rows: "pd.DataFrame") -> np.ndarray:
    """Return the median seconds for each multiple, in order."""
    return np.array([float(where(rows, multiple=k)["value"].median()) for k in levels(rows, "multiple")])


def exponent(rows: "pd.DataFrame") -> float:
    """Return the exponent of one backend's time in one size."""
    return slope(levels(rows, "multiple"), medians(rows))


def slope(sizes: Sequence[float], values: Sequence[float] | np.ndarray) -> float:
    """Return the slope of ln value over ln size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
