"""How far a backend drifts from exact arithmetic: rounding stays rounding, or grows at the Lyapunov rate."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.comparator import compare
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, Parameters
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF, rounded
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, Presets, Settings

from gradsuite_experiments.agreement import laws
from gradsuite_experiments.agreement.laws import GAIN, GAINS, GRADIENTS, STATES
from gradsuite_experiments.agreement.twin import twin
from gradsuite_experiments.common.frames import trials, values
from gradsuite_experiments.common.names import number
from gradsuite_experiments.common.networks import driven
from gradsuite_experiments.common.sweep import Flow, draws, sweep

if TYPE_CHECKING:
    import pandas as pd


class Agreement(Experiment):
    """Distances of states and state gradients from a twin in extended precision, by time and by lag."""

    name = "agreement"
    question = "How far do backends drift apart over time: by rounding alone, or as chaotic trajectories do?"
    settings = (
        HIDDEN_SIZE,
        replace(LENGTH, minimum=40),  # enough for chaos to show above rounding
        BATCH_SIZE,
        replace(DTYPE, choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {"hidden_size": [N], "length": [T], "batch_size": [B], "dtype": ["float64", "float32"]}
        for preset, N, T, B in (("quick", 64, 80, 4), ("standard", 128, 120, 4), ("full", 256, 200, 8))
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure both distances at every step for every gain."""
        T, B, N = (settings[name] for name in ("length", "batch_size", "hidden_size"))
        dtype = settings["dtype"]
        # Read out by the identity at every step, the outputs are the states, in every bit.
        model = Model("rnn", N, N, N, readout="all", loss="inner_product")
        (drawn,) = draws(model, Initialisation("normal"), 1)
        drawn = {**drawn, "readout.weight": np.eye(N), "readout.bias": np.zeros(N)}
        networks = [{name: rounded(p, dtype) for name, p in driven(drawn, gain, laws.NOISE).items()} for gain in GAINS]
        targets = np.zeros((T, B, N))
        targets[-1] = 1.0
        batch = Batch(rounded(np.random.default_rng(0).standard_normal((T, B, N)), dtype), targets)
        flows = sweep(backend, model, networks, batch, device=device, dtype=dtype)
        measurements = [Measurement(GAIN, gain, member=k) for k, gain in enumerate(GAINS)]
        for k, (network, flow) in enumerate(zip(networks, flows, strict=True)):
            measurements += distances(flow, network, batch, dtype, k)
        yield measurements

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield that rounding stays rounding below criticality, and grows at the Lyapunov rate above it."""
        for backend, at, trial in trials(rows):
            claim = partial(Claim, backend=backend)
            for k, gain in enumerate(GAINS):
                states, gradients = (values(trial, metric, member=k) for metric in (STATES, GRADIENTS))
                rate = laws.rate(gain)
                if rate < 0.0:
                    yield claim(
                        name=f"{self.name}/states",
                        sentence=laws.STATES_ROUND,
                        source=laws.ROUNDING,
                        expected=0.0,
                        measured=states.max(),
                        tolerance=laws.state_bound(at, gain),
                    )
                    yield claim(
                        name=f"{self.name}/state-gradients",
                        sentence=laws.GRADIENTS_ROUND,
                        source=laws.ROUNDING,
                        expected=0.0,
                        measured=laws.gradient_strain(gradients),
                        tolerance=laws.gradient_bound(at, gain),
                    )
                else:
                    yield claim(
                        name=f"{self.name}/lyapunov/{number(gain)}",
                        sentence=laws.STATES_PART.format(gain=gain),
                        source=laws.LYAPUNOV,
                        expected=rate,
                        measured=laws.growth(states, at["dtype"]),
                        tolerance=laws.growth_tolerance(at, gain),
                    )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield distances of states against time and of state gradients against the lag, one row per precision."""
        from gradsuite_experiments.agreement.figures import draw

        yield draw(rows, claims)


def distances(flow: Flow, network: Parameters, batch: Batch, dtype: str, member: int) -> Iterator[Measurement]:
    """Yield the distances of a network's states and state gradients from its twin's, at every step."""
    states, gradients = twin(network, batch)
    T = len(states)
    for t in range(T):
        yield Measurement(STATES, compare(flow.outputs[t], states[t]).error, index=t, member=member)
        # Where a rounding error would be no normal number, some flush it to zero: another law, not this one.
        if np.linalg.norm(gradients[t]) * UNIT_ROUNDOFF[dtype] > np.finfo(dtype).tiny:
            drift = compare(flow.states[t, 0], gradients[t]).error
            yield Measurement(GRADIENTS, drift, index=T - 1 - t, member=member)
