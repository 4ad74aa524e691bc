"""Stored runs of an experiment that times, counts digits and finds horizons: made up, so that all of it is known."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from gradsuite import Claim, Experiment, Measurement, Resolution, Setting, Source, Trial, hookimpl
from gradsuite.compared import Benchmark, Digits, Quantity, Samples
from gradsuite.experiment import Result
from gradsuite.plugins import Plugins
from gradsuite.runs.store import Run

from tests.stored import run_of

MACHINE = {"cpu": "a processor", "cores": 2, "threads": 2, "layout": "fixed", "platform": "Linux", "python": "3"}
META: dict[str, Any] = {"gradsuite": "0.1.0", "machine": MACHINE}
BACKENDS = ("numpy", "torch", "jax")
SIZES = (16, 32, 64, 128)
ROUNDS = 7


class Stopwatch(Experiment):
    """Times a call; finds an error and a horizon."""

    name = "stopwatch"
    question = "How long does it take?"
    settings = (Setting("size", int, "a size"), Setting("seed", int, "a seed"))
    presets = {"quick": {"size": list(SIZES), "seed": [0]}}  # noqa: RUF012
    compared = (Samples("call"), Digits("error"), Quantity("horizon"))
    benchmark = Benchmark("call")

    def measure(self, backend, device, settings):
        yield []


class Plugin:
    """Registers the stopwatch."""

    @hookimpl
    def register_experiments(self, register: Callable[..., None]) -> None:
        register(Stopwatch)


def plugins() -> Plugins:
    """Return plugins that know the stopwatch and nothing else."""
    return Plugins({"stopwatch": Plugin()}, kinds=("experiment",))


def trial(backend: str, size: int) -> Trial:
    return Trial("stopwatch", backend, "cpu", {"size": size, "seed": 0})


def timed(
    rng: np.random.Generator,
    *,
    spread: float = 0.01,
    process: float = 0.005,
    slower: Mapping[tuple[str, int], float] = {},
    backends: tuple[str, ...] = BACKENDS,
    sizes: tuple[int, ...] = SIZES,
) -> list[tuple[Trial, Result]]:
    """Return trials whose rounds are spread, and whose processes differ, by these relative deviations.

    `slower` are factors by backend and size.
    """
    results = []
    for backend in backends:
        for size in sizes:
            centre = np.log(1e-3 * size * slower.get((backend, size), 1.0)) + process * rng.standard_normal()
            seconds = np.exp(centre + spread * rng.standard_normal(ROUNDS))
            rows = [Measurement("call", float(value), "s", index=k) for k, value in enumerate(seconds)]
            rows += [Measurement("error", 1e-15 * size), Measurement("horizon", 10.0 + size, "steps", index=0)]
            results.append((trial(backend, size), Result("ok", tuple(rows))))
    return results


def scaled(results: list[tuple[Trial, Result]], which: tuple[str, int], metric: str, factor: float) -> list[Any]:
    """Return a copy in which one metric of one trial is multiplied by a factor."""
    changed = trial(*which)
    return [
        (one, replace(result, measurements=tuple(
            replace(row, value=row.value * (factor if one == changed and row.metric == metric else 1.0))
            for row in result.measurements
        )))
        for one, result in results
    ]  # fmt: skip


def stored(folder: Path, results: list[tuple[Trial, Result]], **meta: Any) -> Run:
    return run_of(folder, results, **{**META, **meta})


def claim(backend: str, measured: float) -> Claim:
    """Return a claim that what is measured is at most 1."""
    return Claim(
        name="stopwatch/least", backend=backend, sentence="It is at most 1.", source=Source("here"), expected=1.0,
        measured=measured, tolerance=0.0, resolution=Resolution(0.1, "it"), relation="<=",
    )  # fmt: skip
