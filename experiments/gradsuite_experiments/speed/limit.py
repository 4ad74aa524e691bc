"""The least time of a gradient: its matrix products alone, each at the best rate of any backend's library."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
from gradsuite.backend import Backend
from gradsuite.measuring.cost import Product, products
from gradsuite.measuring.timing import Timer
from gradsuite.model import Model
from gradsuite.settings import Settings

from gradsuite_experiments.speed import workloads

PRODUCT_SECONDS = 0.005  # of a sample: there are many products, and of a limit the least matters


def different(model: Model, settings: Settings) -> Counter[Product]:
    """Return each product of a gradient once, in order, and how often it occurs."""
    steps = (int(settings["length"]),) if model.recurrent else ()
    return Counter(products(model, (*steps, int(settings["batch_size"]), model.input_size)))


def timers(backend: Backend, device: str, model: Model, settings: Settings) -> dict[str, Timer]:
    """Return a timer for each product and each library that the backend can multiply with: `product_K_L`."""
    found: dict[str, Timer] = {}
    rng = np.random.default_rng(0)
    for k, product in enumerate(different(model, settings)):
        shapes = (product.rows, product.inner), (product.inner, product.columns)
        left, right = (rng.standard_normal(shape).astype(str(settings["dtype"])) for shape in shapes)
        for library, call in enumerate(backend.multiplications(left, right, product.times, device=device)):
            found[f"product_{k}_{library}"] = timer(call)
    return found


def timer(call: Callable[[], object]) -> Timer:
    """Return a timer of a call that waits for the device itself."""
    return Timer(lambda _: call(), lambda: None, sample_seconds=PRODUCT_SECONDS)


def limits(rows: pd.DataFrame) -> dict[str, float]:
    """Return by label the seconds of the products alone, of each the best median of all backends; none if one lacks."""
    timed = rows[rows["metric"].str.match(r"product_\d+_\d+$")]
    best: dict[tuple[str, int], float] = {}
    for (label, metric, _), own in timed.groupby(["label", "metric", "backend"]):
        place = str(label), int(str(metric).split("_")[1])
        best[place] = min(best.get(place, float("inf")), float(own["value"].median()))
    found = {}
    for label, own in timed.groupby("label", sort=False):
        settings = {str(name): value for name, value in own.iloc[0].items()}
        counts = different(workloads.model(settings), settings).values()
        if all((label, k) in best for k in range(len(counts))):
            found[str(label)] = sum(count * best[str(label), k] for k, count in enumerate(counts))
    return found
