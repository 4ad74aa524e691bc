"""Truncated backpropagation through time: what gradients lose beyond the horizon, and what that saves."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.comparator import compare
from gradsuite.compared import Compared, Samples
from gradsuite.errors import Unsupported
from gradsuite.experiment import Experiment, Figure
from gradsuite.precision import PRECISE, rounded
from gradsuite.rows import Measurement
from gradsuite.schedule import Schedule
from gradsuite.settings import (
    BATCH_SIZE,
    DTYPE,
    HIDDEN_SIZE,
    LENGTH,
    ROUNDS,
    SEEDS,
    Presets,
    Setting,
    Settings,
    cell,
)
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials
from gradsuite_experiments.common.sweep import Flow, sweep
from gradsuite_experiments.truncation import cost, laws
from gradsuite_experiments.truncation.claims import definition_claims, driven_claims, unit_claim
from gradsuite_experiments.truncation.exact import exact
from gradsuite_experiments.truncation.laws import LAWS
from gradsuite_experiments.truncation.networks import Member, linear_units, model, random_networks

if TYPE_CHECKING:
    import pandas as pd

COSTED = "lstm"  # the cell whose time and memory are measured: it keeps most for its backward pass


class Truncation(Experiment):
    """Gradients of a loss at T that go back k steps, beside those that go back all the way."""

    name = "truncation"
    question = "How far off is a gradient that goes back only k steps, and what does that save?"
    topic = Topic.REMEDIES
    settings = (
        cell(*LAWS),
        Setting("horizon", int, "steps k that gradients go back", minimum=1),
        replace(LENGTH, minimum=2),
        HIDDEN_SIZE,
        BATCH_SIZE,
        SEEDS,
        ROUNDS,
        replace(DTYPE, choices=PRECISE),
    )
    compared: ClassVar[tuple[Compared, ...]] = (Samples(laws.SECONDS_TRUNCATED), Samples(laws.SECONDS_FULL))
    presets: ClassVar[Presets] = {
        preset: {
            "cell": cells,
            "horizon": horizons,
            "length": [length],
            "hidden_size": [128],
            "batch_size": [8],
            "seeds": [seeds],
            "rounds": [rounds],
            "dtype": ["float64"],
        }
        for preset, cells, horizons, length, seeds, rounds in (
            ("quick", ["rnn"], [6, 40], 40, 2, 1),
            ("standard", ["rnn", "lstm", "gru"], [4, 16, 128], 128, 4, 3),
            ("full", ["rnn", "lstm", "gru"], [1, 2, 4, 8, 16, 32, 64, 128], 128, 15, 9),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure how far each network's truncated gradient is off, then time and memory."""
        if "truncation" not in backend.describe().features:
            raise Unsupported(f"{backend.name} has no feature 'truncation'")
        kind, k = settings["cell"], settings["horizon"]
        T, B, N = (settings[name] for name in ("length", "batch_size", "hidden_size"))
        network, drawn = model(kind, N), random_networks(kind, N, settings["seeds"], settings["dtype"])
        members = [linear_units(kind, N), *(member.parameters for member in drawn)]
        batch = Batch(rounded(np.random.default_rng(0).standard_normal((T, B, N)), settings["dtype"]), np.ones((B, N)))
        run: dict[str, Any] = {"device": device, "dtype": settings["dtype"]}
        names = ("weight_hh_l0", "bias_ih_l0")
        full = list(sweep(backend, network, members, batch, fetched=names, **run))
        schedule = Schedule(truncation=(1, k))
        cut = list(sweep(backend, network, members, batch, fetched=names, schedule=schedule, **run))
        found = [*of_units(kind, cut[0], T), *exactness(cut, full, k)]
        for number, member in enumerate(drawn, start=1):
            found += of_network(number, member, cut[number], full[number], batch, k)
        yield found
        if kind == COSTED:
            yield from cost.rounds(backend, network, members, batch, k, settings["rounds"], run)

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the exact laws, what truncation means, and what driven networks lose."""
        for backend, settings, trial in trials(rows):
            claim = partial(Claim, backend=backend)
            yield unit_claim(claim, settings, trial)
            yield from definition_claims(claim, settings, trial)
            if settings["cell"] == "rnn" and settings["horizon"] < settings["length"]:
                yield from driven_claims(claim, settings, trial)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the bias against the factor a unit keeps and against the horizon, and what truncation saves."""
        from gradsuite_experiments.truncation.figures import bias_figure, cost_figure

        yield bias_figure(rows, claims)
        yield from cost_figure(rows)


def of_units(kind: str, cut: Flow, T: int) -> Iterator[Measurement]:
    """Yield the relative bias of each unit's own gradient, in the network of linear units: member 0."""
    law, size = LAWS[kind], cut.states.shape[-1]
    truncated = law.diagonal(cut.parameters[law.parameter], size).astype(np.float64)
    for unit, bias in enumerate(1.0 - truncated / law.whole(law.factors(size), T)):
        yield Measurement(laws.UNIT_BIAS, bias, index=unit, member=0)


def of_network(number: int, member: Member, cut: Flow, full: Flow, batch: Batch, k: int) -> Iterator[Measurement]:
    """Yield a random network's relative bias of dL/dW_hh; of a driven one what it lacks and what is left, and the laws.

    Those of a driven network are relative to its exact gradient.
    """
    row = partial(Measurement, member=number, note=member.regime)
    truncated = cut.parameters["weight_hh_l0"].astype(np.float64)
    if not member.regime:
        yield row(laws.BIAS, distance(truncated, full.parameters["weight_hh_l0"]))
        return
    law = exact(member.parameters, batch, k)
    yield row(laws.BIAS, distance(truncated, law.full))
    yield row(laws.SHARE, missing(truncated, law.full))
    yield row(laws.SHARE_LAW, missing(law.cut, law.full))
    yield row(laws.LENGTH, float(np.linalg.norm(law.cut) / np.linalg.norm(law.full)))
    yield row(laws.MEMBER_AMPLIFICATION, law.amplification)
    if k < len(full.states):
        for metric, states in ((laws.FLOW, full.states), (laws.FLOW_LAW, law.states)):
            yield row(metric, float(np.linalg.norm(states[-1 - k]) / np.linalg.norm(states[-1])))


def missing(truncated: np.ndarray, full: np.ndarray) -> float:
    """Return the part of a gradient that a truncated one lacks along it: 1 - <truncated, full> / |full|^2."""
    unit = full / np.linalg.norm(full)
    return float(1.0 - np.vdot(truncated, unit) / np.linalg.norm(full))


def exactness(cut: Sequence[Flow], full: Sequence[Flow], k: int) -> Iterator[Measurement]:
    """Yield how far gradients are from zero beyond the horizon and from full BPTT's within it: the worst network's."""
    both = list(zip(cut, full, strict=True))
    pairs = [pair for truncated, whole in both for pair in state_pairs(truncated, whole)]
    yield Measurement(laws.WITHIN, max(distance(c[-k:], f[-k:]) for c, f in pairs))
    if k < len(full[0].states):
        yield Measurement(laws.BEYOND, max(abs(c[:-k]).max() for c, _ in pairs))
    else:
        parameters = [(c.parameters[name], f.parameters[name]) for c, f in both for name in c.parameters]
        yield Measurement(laws.WHOLE, max(distance(*pair) for pair in parameters))
    sizes = [np.linalg.norm(f.states.reshape(len(f.states), -1), axis=1) for f in full]
    yield Measurement(laws.AMPLIFICATION, max(size.max() / size[-1] for size in sizes))


def state_pairs(cut: Flow, full: Flow) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the state gradients of a truncated and of a full pass: by h, and by c if there is one."""
    yield cut.states, full.states
    if cut.cell_states is not None and full.cell_states is not None:
        yield cut.cell_states, full.cell_states


def distance(truncated: np.ndarray, full: np.ndarray) -> float:
    """Return |truncated - full| / |full|."""
    return compare(truncated, full).error
