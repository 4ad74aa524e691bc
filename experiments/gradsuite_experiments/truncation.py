"""Truncated backpropagation through time: what gradients lose beyond the horizon, and what that saves."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite import memory
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.comparator import compare
from gradsuite.conformance.precision import bound
from gradsuite.errors import Unsupported
from gradsuite.experiment import (
    BATCH_SIZE,
    HIDDEN_SIZE,
    LENGTH,
    Experiment,
    Figure,
    Measurement,
    Setting,
    Settings,
    Value,
)
from gradsuite.theory import driven_rnn
from gradsuite.timing import Timer

from gradsuite_experiments.frames import cells, value, values
from gradsuite_experiments.sweep import Flow, sweep
from gradsuite_experiments.truncation_networks import GAINS, LAWS, NOISE, Law, model, networks

EXACT = "exact: the chain rule through the horizon, a^k times the gradient of a shorter sequence"
WILLIAMS = "Williams & Peng 1990, by definition (from the literature by memory)"
MEAN_FIELD = "mean field, derived in gradsuite.theory.driven_rnn.truncation_bias"
WHOLE = "With a horizon of all steps, parameter gradients are those of full BPTT."
BEYOND = "No state gradient crosses the horizon: dL/dh_t is exactly 0 for t <= T - k."
INSIDE = "Up to the horizon, state gradients are those of full BPTT."
COSTED = "lstm"  # whose time and memory are measured: the cell that keeps most for its backward pass


class Truncation(Experiment):
    """Gradients of one loss at T that go back k steps, beside those that go back all the way."""

    name = "truncation"
    question = "How far off is a gradient that goes back only k steps, and what does that save?"
    settings = (
        Setting("cell", str, "network cell", choices=tuple(LAWS)),
        Setting("horizon", int, "steps k that gradients go back", minimum=1),
        LENGTH,
        HIDDEN_SIZE,
        BATCH_SIZE,
        Setting("seeds", int, "random networks of each kind", minimum=1),
        Setting("rounds", int, "samples of the time", minimum=0),
        Setting("dtype", str, "precision", choices=("float64", "float32")),
    )
    presets: ClassVar[Mapping[str, Mapping[str, Sequence[Value]]]] = {
        preset: {
            "cell": cell,
            "horizon": horizons,
            "length": [length],
            "hidden_size": [128],
            "batch_size": [8],
            "seeds": [seeds],
            "rounds": [rounds],
            "dtype": ["float64"],
        }
        for preset, cell, horizons, length, seeds, rounds in (
            ("quick", ["rnn", "lstm"], [6, 40], 40, 2, 1),
            ("standard", ["rnn", "lstm", "gru"], [4, 16, 128], 128, 4, 3),
            ("full", ["rnn", "lstm", "gru"], [1, 2, 4, 8, 16, 32, 64, 128], 128, 16, 9),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure what the truncated gradients of all networks lack, then time and memory."""
        if "truncation" not in backend.describe().features:
            raise Unsupported(f"{backend.name} has no feature 'truncation'")
        cell, N, T = (settings[name] for name in ("cell", "hidden_size", "length"))
        law, k = LAWS[str(cell)], int(settings["horizon"])
        asked, members = model(str(cell), int(N)), networks(str(cell), int(N), int(settings["seeds"]))
        noise = np.random.default_rng(0).standard_normal((int(T), int(settings["batch_size"]), int(N)))
        batch = Batch(noise, np.ones(noise.shape[1:]))
        run: dict[str, Any] = {"device": device, "dtype": str(settings["dtype"])}
        names = (law.parameter, "weight_hh_l0")
        full = list(sweep(backend, asked, members, batch, fetched=names, **run))
        cut = list(sweep(backend, asked, members, batch, fetched=names, truncation=(1, k), **run))
        yield [*lacking(law, cut[0], full[0]), *exactness(cut, full, k), *biases(cut[1:], full[1:], k)]
        if cell != COSTED:
            return
        timers = {}
        for name, options in (("truncated", {"truncation": (1, k)}), ("full", {})):
            stack = {p: np.stack([member[p] for member in members]) for p in members[0]}
            network = backend.build(asked, stack, **run, **options)
            put = network.put(batch)
            timers[name] = Timer(
                lambda _, network=network, put=put: network.backward(network.forward(put)),  # type: ignore[misc]
                network.synchronize,
            )
        yield []
        for round_ in range(int(settings["rounds"])):
            yield []

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield the exact laws, what truncation means, and the bias of random networks."""
        return iter(())

    def figures(self, rows: pd.DataFrame) -> Iterator[Figure]:
        """Yield."""
        return iter(())
