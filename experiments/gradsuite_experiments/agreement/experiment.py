"""How far a backend is from exact arithmetic: rounding stays rounding, or grows at the Lyapunov rate."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution
from gradsuite.comparator import compare
from gradsuite.compared import Compared, Digits
from gradsuite.experiment import Answer, Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, Parameters
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF, rounded
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, Presets, Settings
from gradsuite.topic import Topic

from gradsuite_experiments.agreement import laws
from gradsuite_experiments.agreement.exact import errors
from gradsuite_experiments.agreement.laws import GAIN, GAINS, GRADIENTS, MEMBERS, STATES
from gradsuite_experiments.agreement.twin import rounding_distances, twin_gradients, twin_states
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
    topic = Topic.AGREEMENT
    timed = False
    settings = (
        HIDDEN_SIZE,
        replace(LENGTH, minimum=40),  # enough for chaos to show above rounding
        BATCH_SIZE,
        replace(DTYPE, choices=PRECISE),
    )
    compared: ClassVar[tuple[Compared, ...]] = tuple(map(Digits, laws.EXACT))
    presets: ClassVar[Presets] = {
        preset: {"hidden_size": [N], "length": [T], "batch_size": [B], "dtype": ["float64", "float32"]}
        for preset, N, T, B in (("quick", 64, 100, 4), ("standard", 128, 120, 4), ("full", 256, 200, 8))
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure both distances at every step for every gain, and the errors of small networks of every cell."""
        T, B, N = (settings[name] for name in ("length", "batch_size", "hidden_size"))
        dtype = settings["dtype"]
        # Read out by the identity at every step, the outputs are the states, in every bit.
        model = Model("rnn", N, N, N, readout="all", loss="inner_product")
        readout = {"readout.weight": np.eye(N), "readout.bias": np.zeros(N)}
        drawn = [network | readout for network in draws(model, Initialisation("normal"), laws.NETWORKS)]
        members = [(gain, drawn[MEMBERS[:k].count(gain)]) for k, gain in enumerate(MEMBERS)]
        networks = [
            {name: rounded(p, dtype) for name, p in driven(network, gain, laws.NOISE).items()}
            for gain, network in members
        ]
        targets = np.zeros((T, B, N))
        targets[-1] = 1.0
        batch = Batch(rounded(np.random.default_rng(0).standard_normal((T, B, N)), dtype), targets)
        flows = sweep(backend, model, networks, batch, device=device, dtype=dtype)
        measurements = [Measurement(GAIN, gain, member=k) for k, gain in enumerate(MEMBERS)]
        for k, (network, flow) in enumerate(zip(networks, flows, strict=True)):
            states = twin_states(network, batch)
            if k < len(GAINS):
                measurements += distances(flow, network, states, dtype, k)
            if laws.rate(MEMBERS[k]) > 0.0:
                measurements += growths(flow, network, states, dtype, k)
        yield [*measurements, *errors(backend, device, dtype)]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield that gradients are exact, that rounding stays rounding, and that it grows above criticality."""
        for backend, at, trial in trials(rows):
            claim = partial(Claim, backend=backend)
            for k, gain in enumerate(GAINS):
                if laws.rate(gain) < 0.0:
                    yield from self.rounding_claims(claim, at, trial, k)
                else:
                    yield self.growth_claim(claim, at, trial, gain)
            yield from self.exact_claims(claim, at["dtype"], trial)

    def rounding_claims(
        self, claim: Callable[..., Claim], at: "pd.Series[Any]", trial: "pd.DataFrame", member: int
    ) -> Iterator[Claim]:
        """Yield that a network below criticality is off by rounding alone."""
        states, gradients = (values(trial, metric, member=member) for metric in (STATES, GRADIENTS))
        claim, allowed = partial(claim, source=laws.ROUNDING, expected=0.0), laws.state_bound(at, GAINS[member])
        yield claim(
            name=f"{self.name}/states",
            sentence=laws.STATES_ROUND,
            measured=states.max(),
            tolerance=allowed,
            resolution=Resolution.linear(0.0, allowed, "the states"),
        )
        allowed = laws.gradient_bound(at, GAINS[member])
        yield claim(
            name=f"{self.name}/state-gradients",
            sentence=laws.GRADIENTS_ROUND,
            measured=laws.gradient_strain(gradients),
            tolerance=allowed,
            resolution=Resolution.linear(0.0, allowed, "the state gradients"),
        )

    def growth_claim(
        self, claim: Callable[..., Claim], at: "pd.Series[Any]", trial: "pd.DataFrame", gain: float
    ) -> Claim:
        """Return that distances grow at the Lyapunov rate, on average over the networks of this gain."""
        alike = trial[trial["member"].isin([k for k, of_member in enumerate(MEMBERS) if of_member == gain])]
        metrics = (laws.GROWTH, laws.ROUNDING_GROWTH, laws.ROUNDING_VARIANCE)
        measured, rounding, variances = (values(alike, metric, along="member") for metric in metrics)
        expected = rounding.mean()
        allowed = laws.growth_tolerance(at, expected, variances)
        return claim(
            name=f"{self.name}/lyapunov/{number(gain)}",
            sentence=laws.STATES_PART.format(gain=gain),
            source=laws.LYAPUNOV,
            expected=expected,
            measured=measured.mean(),
            tolerance=allowed,
            resolution=laws.growth_resolution(at, expected, allowed),
        )

    def exact_claims(self, claim: Callable[..., Claim], dtype: str, trial: "pd.DataFrame") -> Iterator[Claim]:
        """Yield that the gradients of each cell are those of the complex step."""
        allowed = laws.exact_bound(dtype)
        for metric, (last, sentence) in laws.EXACT.items():
            for found in trial[trial["metric"] == metric].itertuples():
                yield claim(
                    name=f"{self.name}/{last}/{found.note}",
                    sentence=sentence.format(cell=found.note),
                    source=laws.COMPLEX_STEP,
                    expected=0.0,
                    measured=found.value,
                    tolerance=allowed,
                    resolution=Resolution.linear(0.0, allowed, laws.QUANTITY[metric]),
                )

    def answers(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Answer]:
        """Yield to how many digits backends agree, and where chaos parts them."""
        from gradsuite_experiments.agreement.answers import answers

        yield from answers(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield distances of states against time and of state gradients against the lag, one row per precision."""
        from gradsuite_experiments.agreement.figures import draw

        yield draw(rows, claims)


def distances(flow: Flow, network: Parameters, states: np.ndarray, dtype: str, member: int) -> Iterator[Measurement]:
    """Yield the distances of a network's states and state gradients from its twin's, at every step."""
    gradients = twin_gradients(network, states)
    T = len(states)
    for t in range(T):
        yield Measurement(STATES, compare(flow.outputs[t], states[t]).error, index=t, member=member)
        # Where a rounding error would be no normal number, some flush it to zero: another law, not this one.
        if np.linalg.norm(gradients[t]) * UNIT_ROUNDOFF[dtype] > np.finfo(dtype).tiny:
            drift = compare(flow.states[t, 0], gradients[t]).error
            yield Measurement(GRADIENTS, drift, index=T - 1 - t, member=member)


def growths(flow: Flow, network: Parameters, states: np.ndarray, dtype: str, member: int) -> Iterator[Measurement]:
    """Yield how fast a network's states part from its twin's, and how fast rounding errors grow in the twin."""
    apart = np.linalg.norm((flow.outputs - states).astype(float), axis=(1, 2)) / np.linalg.norm(
        states.astype(float), axis=(1, 2)
    )
    rounding = rounding_distances(network, states, UNIT_ROUNDOFF[dtype], laws.SAMPLES)
    rates = [laws.growth(sample, dtype) for sample in rounding]
    yield Measurement(laws.GROWTH, laws.growth(apart, dtype), member=member)
    yield Measurement(laws.ROUNDING_GROWTH, float(np.mean(rates)), member=member)
    yield Measurement(laws.ROUNDING_VARIANCE, float(np.var(rates, ddof=1)), member=member)
