"""Truncated backpropagation through time: what gradients lose beyond the horizon, and what that saves."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.comparator import compare
from gradsuite.errors import Unsupported
from gradsuite.experiment import Experiment, Figure
from gradsuite.precision import bound
from gradsuite.rows import Measurement
from gradsuite.schedule import Schedule
from gradsuite.settings import BATCH_SIZE, HIDDEN_SIZE, Presets, Setting, Settings
from gradsuite.theory import driven_rnn

from gradsuite_experiments.common.frames import trials, value, values
from gradsuite_experiments.common.sweep import Flow, sweep
from gradsuite_experiments.truncation import cost as truncation_cost
from gradsuite_experiments.truncation.networks import GAINS, LAWS, NOISE, model, networks

EXACT = "exact: all that is left out reaches h_T through h_(T-k), and dh_T/dh_(T-k) = a^k"
WILLIAMS = "the definition of truncated BPTT: Williams & Peng 1990 (from the literature by memory)"
MEAN_FIELD = "mean field: gradsuite.theory.driven_rnn.truncation_bias, derived there"
BEYOND = "No state gradient crosses the horizon: dL/dh_t is exactly 0 for t <= T - k."
INSIDE = "Up to the horizon, state gradients are those of full BPTT."
WHOLE = "With a horizon of all steps, gradients are those of full BPTT."
COSTED = "lstm"  # the cell whose time and memory are measured: it keeps most for its backward pass


class Truncation(Experiment):
    """Gradients of a loss at T that go back k steps, beside those that go back all the way."""

    name = "truncation"
    question = "How far off is a gradient that goes back only k steps, and what does that save?"
    settings = (
        Setting("cell", str, "network cell", choices=tuple(LAWS)),
        Setting("horizon", int, "steps k that gradients go back", minimum=1),
        Setting("length", int, "time steps T", minimum=2),
        HIDDEN_SIZE,
        BATCH_SIZE,
        Setting("seeds", int, "random networks of each kind", minimum=1),
        Setting("rounds", int, "samples of the time", minimum=1),
        Setting("dtype", str, "precision", choices=("float64", "float32")),
    )
    presets: ClassVar[Presets] = {
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
            ("quick", ["rnn"], [6, 40], 40, 2, 1),
            ("standard", ["rnn", "lstm", "gru"], [4, 16, 128], 128, 4, 3),
            ("full", ["rnn", "lstm", "gru"], [1, 2, 4, 8, 16, 32, 64, 128], 128, 15, 9),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure what the truncated gradients of all networks lack, then time and memory."""
        if "truncation" not in backend.describe().features:
            raise Unsupported(f"{backend.name} has no feature 'truncation'")
        cell, k = str(settings["cell"]), int(settings["horizon"])
        T, B, N = (int(settings[name]) for name in ("length", "batch_size", "hidden_size"))
        asked, members = model(cell, N), networks(cell, N, int(settings["seeds"]))
        batch = Batch(np.random.default_rng(0).standard_normal((T, B, N)), np.ones((B, N)))
        run: dict[str, Any] = {"device": device, "dtype": str(settings["dtype"])}
        names = ("weight_hh_l0", "bias_ih_l0")
        full = list(sweep(backend, asked, members, batch, fetched=names, **run))
        cut = list(sweep(backend, asked, members, batch, fetched=names, schedule=Schedule(truncation=(1, k)), **run))
        yield [*of_units(cell, cut[0], full[0]), *of_networks(cut[1:], full[1:], k), *exactness(cut, full, k)]
        if cell == COSTED:
            yield from truncation_cost.rounds(backend, asked, members, batch, k, int(settings["rounds"]), run)

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield the exact laws, what truncation means, and the bias of random networks."""
        for backend, at, cell in trials(rows):
            for sentence, source, expected, measured, allowed in (*exact_claims(at, cell), *random_claims(at, cell)):
                yield Claim(self.name, backend, sentence, source, expected, measured, allowed)

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the bias against the factor a unit keeps and against the horizon, and what truncation saves."""
        from gradsuite_experiments.truncation.figures import bias_figure, cost_figure

        yield bias_figure(rows, claims)
        yield from cost_figure(rows)


def of_units(cell: str, cut: Flow, full: Flow) -> Iterator[Measurement]:
    """Yield the relative bias of each unit's own gradient, in the network of linear units."""
    law, size = LAWS[cell], full.states.shape[-1]
    truncated, whole = (law.own(f.parameters[law.parameter], size).astype(np.float64) for f in (cut, full))
    for unit, bias in enumerate((whole - truncated) / whole):
        yield Measurement("unit_bias", bias, index=unit)


def of_networks(cut: Sequence[Flow], full: Sequence[Flow], horizon: int) -> Iterator[Measurement]:
    """Yield each random network's relative bias of dL/dW_hh, and its state gradient at the horizon over that at T."""
    for index, (truncated, whole) in enumerate(zip(cut, full, strict=True)):
        bias = distance(truncated.parameters["weight_hh_l0"], whole.parameters["weight_hh_l0"])
        yield Measurement("bias", bias, index=index)
        if horizon < len(whole.states):
            flow = np.linalg.norm(whole.states[-1 - horizon]) / np.linalg.norm(whole.states[-1])
            yield Measurement("flow", float(flow), index=index)


def exactness(cut: Sequence[Flow], full: Sequence[Flow], horizon: int) -> Iterator[Measurement]:
    """Yield how far gradients are from zero beyond the horizon and from full BPTT's within it: the worst network's."""
    both = list(zip(cut, full, strict=True))
    pairs = [pair for truncated, whole in both for pair in state_pairs(truncated, whole)]
    yield Measurement("inside", max(distance(c[-horizon:], f[-horizon:]) for c, f in pairs))
    if horizon < len(full[0].states):
        yield Measurement("beyond", max(abs(c[:-horizon]).max() for c, _ in pairs))
    else:
        yield Measurement(
            "whole", max(distance(c.parameters[n], f.parameters[n]) for c, f in both for n in c.parameters)
        )
    sizes = [np.linalg.norm(f.states.reshape(len(f.states), -1), axis=1) for f in full]
    yield Measurement("amplification", max(size.max() / size[-1] for size in sizes))


def state_pairs(cut: Flow, full: Flow) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the state gradients of a truncated and of a full pass by h, and by c if there is one."""
    yield cut.states, full.states
    if cut.cell_states is not None and full.cell_states is not None:
        yield cut.cell_states, full.cell_states


def distance(truncated: np.ndarray, full: np.ndarray) -> float:
    """Return |truncated - full| / |full|."""
    return compare(truncated, full).error


Found = tuple[str, str, float, float, float]  # sentence, source, expected, measured, tolerance


def exact_claims(at: "pd.Series[Any]", cell: pd.DataFrame) -> Iterator[Found]:
    """Yield the law of linear units at the unit that strays most, and what truncation means."""
    T, k, law = at["length"], at["horizon"], LAWS[at["cell"]]
    expected = np.array([law.bias(a, T, k) for a in law.factors(at["hidden_size"])])
    found = values(cell, "unit_bias")
    worst = int(abs(found - expected).argmax())
    yield law.sentence, EXACT, expected[worst], found[worst], two_gradients(at)
    if k < T:
        yield BEYOND, WILLIAMS, 0.0, value(cell, "beyond"), 0.0
    # Rounding of the states grows on its way to T as much as a gradient does on its way back.
    allowed = two_gradients(at) * value(cell, "amplification")
    yield INSIDE, WILLIAMS, 0.0, value(cell, "inside"), allowed
    if k >= T:
        yield WHOLE, WILLIAMS, 0.0, value(cell, "whole"), allowed


def random_claims(at: "pd.Series[Any]", cell: pd.DataFrame) -> Iterator[Found]:
    """Yield the bias of driven tanh RNNs against mean field, for each gain, and below criticality their gradients."""
    T, k = at["length"], at["horizon"]
    if at["cell"] != "rnn" or k >= T:
        return
    biases, flows = (np.sqrt(np.square(by_gain(cell, metric)).mean(axis=1)) for metric in ("bias", "flow"))
    for gain, found in zip(GAINS, biases, strict=True):
        sentence = f"Driven tanh RNN, gain {gain:.3g}: the bias squared is the share of steps before the horizon."
        law = driven_rnn.truncation_bias(gain, NOISE, T, k)
        yield sentence, MEAN_FIELD, law, found, tolerance(at, gain, law)
    # Shares of the same gradients: they differ by the few steps, about 1 / (1 - chi_1), that make up each sum.
    field = driven_rnn.mean_field(GAINS[0], NOISE)
    variance = 2.0 * field.log_variance(at["hidden_size"], field.fixed_point()) / (1.0 - field.chi_1)
    allowed = flows[0] * math.expm1(1.5 * math.sqrt(variance / at["seeds"])) + two_gradients(at)
    sentence = f"Driven tanh RNN, gain {GAINS[0]:g}: the bias is the state gradient at the horizon over that at T."
    yield sentence, MEAN_FIELD, flows[0], biases[0], allowed


def by_gain(cell: pd.DataFrame, metric: str) -> np.ndarray:
    """Return a metric of the driven networks: a row for each gain."""
    return values(cell, metric).reshape(len(GAINS), -1)


def two_gradients(at: "pd.Series[Any]") -> float:
    """Return what rounding leaves of the difference of two gradients, over one of them.

    Each sums T B products after T steps, each step a sum of N terms.
    """
    return 2.0 * bound(at["dtype"], at["length"] * (at["batch_size"] + at["hidden_size"]))


def tolerance(at: "pd.Series[Any]", gain: float, law: float) -> float:
    """Return three standard errors of a bias: mean field's own fluctuations at this width, over the seeds.

    ln |dL/dh|^2 gains a variance of `log_variance` a step, and so does the logarithm of what is before the horizon over
    what is within it, in k steps. The two are orthogonal up to a cosine of 1 / sqrt(N), which changes |g|.
    """
    N = at["hidden_size"]
    field = driven_rnn.mean_field(gain, NOISE)
    sd = math.sqrt(at["horizon"] * field.log_variance(N, field.fixed_point()) / at["seeds"])
    within = 1.0 - law**2
    ends = [law / math.sqrt(law**2 + within * math.exp(3.0 * sign * sd)) for sign in (-1.0, 1.0)]
    return max(abs(end - law) for end in ends) + 3.0 * law**2 * math.sqrt(within / N) + two_gradients(at)
