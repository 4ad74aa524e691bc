"""Truncated backpropagation through time: what gradients lose beyond the horizon, and what that saves."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.comparator import compare
from gradsuite.errors import Unsupported
from gradsuite.experiment import Experiment, Figure
from gradsuite.precision import PRECISE
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

from gradsuite_experiments.common.frames import trials, value, values
from gradsuite_experiments.common.sweep import Flow, sweep
from gradsuite_experiments.truncation import cost, laws
from gradsuite_experiments.truncation.laws import GAINS, LAWS
from gradsuite_experiments.truncation.networks import linear_units, model, random_networks

if TYPE_CHECKING:
    import pandas as pd

COSTED = "lstm"  # the cell whose time and memory are measured: it keeps most for its backward pass


class Truncation(Experiment):
    """Gradients of a loss at T that go back k steps, beside those that go back all the way."""

    name = "truncation"
    question = "How far off is a gradient that goes back only k steps, and what does that save?"
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
        network, drawn = model(kind, N), random_networks(kind, N, settings["seeds"])
        members = [linear_units(kind, N), *(member.parameters for member in drawn)]
        batch = Batch(np.random.default_rng(0).standard_normal((T, B, N)), np.ones((B, N)))
        run: dict[str, Any] = {"device": device, "dtype": settings["dtype"]}
        names = ("weight_hh_l0", "bias_ih_l0")
        full = list(sweep(backend, network, members, batch, fetched=names, **run))
        schedule = Schedule(truncation=(1, k))
        cut = list(sweep(backend, network, members, batch, fetched=names, schedule=schedule, **run))
        regimes = [member.regime for member in drawn]
        yield [*of_units(kind, cut[0], full[0]), *of_networks(regimes, cut, full, k), *exactness(cut, full, k)]
        if kind == COSTED:
            yield from cost.rounds(backend, network, members, batch, k, settings["rounds"], run)

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the exact laws, what truncation means, and the bias of random networks."""
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


def of_units(kind: str, cut: Flow, full: Flow) -> Iterator[Measurement]:
    """Yield the relative bias of each unit's own gradient, in the network of linear units: member 0."""
    law, size = LAWS[kind], full.states.shape[-1]
    truncated, whole = (law.diagonal(f.parameters[law.parameter], size).astype(np.float64) for f in (cut, full))
    for unit, bias in enumerate((whole - truncated) / whole):
        yield Measurement(laws.UNIT_BIAS, bias, index=unit, member=0)


def of_networks(regimes: Sequence[str], cut: Sequence[Flow], full: Sequence[Flow], k: int) -> Iterator[Measurement]:
    """Yield each random network's relative bias of dL/dW_hh, and its state gradient at the horizon over that at T."""
    for member, regime in enumerate(regimes, start=1):
        truncated, whole = cut[member], full[member]
        bias = distance(truncated.parameters["weight_hh_l0"], whole.parameters["weight_hh_l0"])
        yield Measurement(laws.BIAS, bias, member=member, note=regime)
        if k < len(whole.states):
            flow = np.linalg.norm(whole.states[-1 - k]) / np.linalg.norm(whole.states[-1])
            yield Measurement(laws.FLOW, float(flow), member=member, note=regime)


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


def unit_claim(claim: Callable[..., Claim], settings: "pd.Series[Any]", trial: "pd.DataFrame") -> Claim:
    """Return the law of linear units, at the unit that is farthest from it."""
    law = LAWS[settings["cell"]]
    factors = law.factors(settings["hidden_size"])
    expected = np.array([law.bias(a, settings["length"], settings["horizon"]) for a in factors])
    biases = values(trial, laws.UNIT_BIAS)
    worst = int(abs(biases - expected).argmax())
    return claim(
        name=f"truncation/units/{settings['cell']}",
        sentence=law.sentence,
        source=laws.EXACT,
        expected=expected[worst],
        measured=biases[worst],
        tolerance=laws.two_gradients(settings),
    )


def definition_claims(
    claim: Callable[..., Claim], settings: "pd.Series[Any]", trial: "pd.DataFrame"
) -> Iterator[Claim]:
    """Yield what truncation means: zero beyond the horizon, and full BPTT within it."""
    claim = partial(claim, source=laws.WILLIAMS, expected=0.0)
    # Rounding of the states grows on its way to T as much as a gradient does on its way back.
    allowed = laws.two_gradients(settings) * value(trial, laws.AMPLIFICATION)
    within = value(trial, laws.WITHIN)
    yield claim(name="truncation/within", sentence=laws.WITHIN_FULL, measured=within, tolerance=allowed)
    if settings["horizon"] < settings["length"]:
        beyond = value(trial, laws.BEYOND)
        yield claim(name="truncation/beyond", sentence=laws.BEYOND_ZERO, measured=beyond, tolerance=0.0)
    else:
        whole = value(trial, laws.WHOLE)
        yield claim(name="truncation/whole", sentence=laws.WHOLE_FULL, measured=whole, tolerance=allowed)


def driven_claims(claim: Callable[..., Claim], settings: "pd.Series[Any]", trial: "pd.DataFrame") -> Iterator[Claim]:
    """Yield each regime's bias of driven tanh RNNs by mean field; where they vanish, it is the state gradient too."""
    claim = partial(claim, source=laws.MEAN_FIELD)
    biases = {regime: root_mean_square(trial, laws.BIAS, regime) for regime in GAINS}
    for regime, gain in GAINS.items():
        yield claim(
            name=f"truncation/share/{regime}",
            sentence=laws.SHARE.format(gain=gain),
            expected=laws.driven_bias(regime, settings["length"], settings["horizon"]),
            measured=biases[regime],
            tolerance=laws.share_tolerance(settings, regime),
        )
    flow = root_mean_square(trial, laws.FLOW, "vanishing")
    yield claim(
        name="truncation/flow",
        sentence=laws.BIAS_IS_FLOW.format(gain=GAINS["vanishing"]),
        expected=flow,
        measured=biases["vanishing"],
        tolerance=laws.flow_tolerance(settings, "vanishing", flow),
    )


def root_mean_square(trial: "pd.DataFrame", metric: str, regime: str) -> float:
    """Return a metric's root mean square over the driven networks of a regime."""
    return float(np.sqrt(np.square(values(trial, metric, along="member", note=regime)).mean()))
