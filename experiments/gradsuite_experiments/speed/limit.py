"""The least time of a gradient: its matrix products alone, each at the best rate of any backend's library."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from gradsuite.backend import Backend
from gradsuite.measuring.cost import Product, products
from gradsuite.measuring.timing import Timer
from gradsuite.model import CELLS, Model
from gradsuite.settings import Settings

from gradsuite_experiments.common.frames import where
from gradsuite_experiments.speed import workloads
from gradsuite_experiments.speed.metrics import PRODUCT
from gradsuite_experiments.speed.timers import Timed

if TYPE_CHECKING:
    import pandas as pd

PRODUCT_SECONDS = 0.005  # per sample: there are many products, and a limit needs only the least time


def different(model: Model, settings: Settings) -> Counter[Product]:
    """Return each product of a gradient once, in order, and how often it occurs."""
    steps = (settings["length"],) if model.recurrent else ()
    return Counter(products(model, (*steps, settings["batch_size"], model.input_size)))


def timed_products(backend: Backend, device: str, model: Model, settings: Settings) -> list[Timed]:
    """Return each product of a gradient, once for each library that the backend can multiply with.

    None of cells by autodiff: which products their equations come to is for the framework to say.
    """
    if model.cell not in CELLS:
        return []
    calls = []
    rng = np.random.default_rng(0)
    for member, product in enumerate(different(model, settings)):
        shapes = (product.rows, product.inner), (product.inner, product.columns)
        left, right = (rng.standard_normal(shape).astype(settings["dtype"]) for shape in shapes)
        for number, call in enumerate(backend.multiplications(left, right, product.times, device=device)):
            calls.append(Timed(PRODUCT, timer(call), member, f"library {number}"))
    return calls


def timer(call: Callable[[], object]) -> Timer:
    """Return a timer of a call that waits for the device itself."""
    return Timer(lambda _: call(), lambda: None, sample_seconds=PRODUCT_SECONDS)


def limits(rows: "pd.DataFrame") -> dict[str, float]:
    """Return, per workload, the total time of its matrix products, each at the best median over backends and libraries.

    Rows have a `label`, by which workloads are named; those with an untimed product are omitted.
    """
    samples = where(rows, metric=PRODUCT)
    medians = samples.groupby(["label", "member", "backend", "note"])["value"].median()
    best = medians.groupby(["label", "member"]).min()
    totals = {}
    for label, workload in samples.groupby("label", sort=False):
        settings = {str(name): value for name, value in workload.iloc[0].items()}
        counts = list(different(workloads.model(settings), settings).values())
        if set(best[label].index) == set(range(len(counts))):
            totals[str(label)] = sum(count * float(best[label, member]) for member, count in enumerate(counts))
    return totals
