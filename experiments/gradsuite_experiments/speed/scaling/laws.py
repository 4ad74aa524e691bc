"""What theory says of scaling: how many operations a gradient takes as one size grows and the others stay."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from gradsuite.measuring.cost import flops
from gradsuite.model import Model
from gradsuite.settings import Settings

from gradsuite_experiments.speed import workloads

BASE: Mapping[str, int] = {"length": 64, "batch_size": 32, "hidden_size": 128, "num_layers": 1}
SYMBOLS = {"length": "T", "batch_size": "B", "hidden_size": "H", "num_layers": "layers"}


def sizes_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all sizes of a trial, as a workload has them."""
    sizes: dict[str, Any] = {**BASE, "workload": "sizes", "cell": settings["cell"], "input_size": 64}
    return sizes | {settings["along"]: BASE[settings["along"]] * settings["multiple"]}


def model_of(sizes: Settings) -> Model:
    """Return the model of these sizes, read out at every step.

    From the last one alone gradients would halve every step, and some processors take a hundred times as long where
    they become subnormal: the exponent in T would be that of vanishing.
    """
    return replace(workloads.model(sizes), readout="all")


def operations(cell: str, along: str, multiple: int) -> int:
    """Return the floating-point operations of a gradient with one size at a multiple of the base."""
    sizes = sizes_of({"cell": cell, "along": along, "multiple": multiple})
    return flops(model_of(sizes), (sizes["length"], sizes["batch_size"], sizes["input_size"]))


def slope(sizes: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> float:
    """Return the slope of ln value over ln size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
