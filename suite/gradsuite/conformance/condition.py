"""How much a case amplifies rounding errors: what the bound of a case leaves room for, measured by the oracle."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from gradsuite.comparator import compare
from gradsuite.conformance.case import Case, expected_of
from gradsuite.oracle import differentiate

NOISE = 2.0**-20  # far above float64's rounding, and small enough that its square does not count
DRAWS = 4
SLACK = 6.0  # what the bound of a case has room for


@lru_cache(maxsize=1024)
def condition(case: Case) -> float:
    """Return the relative error of the gradient that is hit hardest, over the relative noise in all that goes in.

    The root mean square over a few draws. Gradients that are exactly zero have none.
    """
    parameters, batch = case.parameters("float64"), case.batch("float64")
    exact = expected_of(case.answer("float64"))
    ratios: dict[str, list[float]] = {name: [] for name, gradient in exact.items() if np.any(gradient)}
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        moved = {name: _shaken(p, rng) for name, p in parameters.items()}
        state = batch.state and tuple(_shaken(array, rng) for array in batch.state)
        shaken = replace(batch, inputs=_shaken(batch.inputs, rng), targets=_shaken(batch.targets, rng), state=state)
        found = expected_of(differentiate(case.model, moved, shaken))
        for name, of_array in ratios.items():
            of_array.append(compare(found[name], exact[name]).error / NOISE)
    return float(max(np.sqrt(np.mean(np.square(of_array))) for of_array in ratios.values()))


def _shaken(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return array * (1 + NOISE * rng.standard_normal(array.shape)) if array.dtype.kind == "f" else array
