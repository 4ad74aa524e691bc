"""How far a backend drifts from exact arithmetic: rounding stays rounding, or grows at the Lyapunov rate."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.comparator import compare
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, Parameters
from gradsuite.precision import UNIT_ROUNDOFF, bound, rounded
from gradsuite.report import style
from gradsuite.report.palette import INK, MUTED, ordered_colours
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, HIDDEN_SIZE, Presets, Setting, Settings
from gradsuite.theory import driven_rnn as theory

from gradsuite_experiments.common.frames import by_backend, levels, places, tally, trials, values, where
from gradsuite_experiments.common.networks import CHEN, driven
from gradsuite_experiments.common.sweep import draws, sweep

NOISE = 0.05
GAINS = (0.5, 0.9, 2.0, 3.0)  # the critical one is 1.327
SETTLED = 30.0  # times the unit roundoff: from here distances have turned to the direction that grows fastest
SATURATED = 1e-2  # and here two trajectories begin to be two different ones
ROUNDING = "every step rounds, and shrinks what came before (Higham & Mary 2019 for the constant)"


class Agreement(Experiment):
    """Distances of states and state gradients from a twin in extended precision, by time and by lag."""

    name = "agreement"
    question = "How far do backends drift apart over time: by rounding alone, or as trajectories of chaos do?"
    settings = (
        HIDDEN_SIZE,
        Setting("length", int, "time steps T: enough for chaos to show over rounding", minimum=40),
        BATCH_SIZE,
        Setting("dtype", str, "precision", choices=("float64", "float32")),
    )
    presets: ClassVar[Presets] = {
        preset: {"hidden_size": [N], "length": [T], "batch_size": [B], "dtype": ["float64", "float32"]}
        for preset, N, T, B in (("quick", 64, 80, 4), ("standard", 128, 120, 4), ("full", 256, 200, 8))
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure both distances at every step for every gain."""
        T, B, N = (int(settings[name]) for name in ("length", "batch_size", "hidden_size"))
        dtype = str(settings["dtype"])
        # Read out by the identity at every step, the outputs are the states, in every bit.
        model = Model("rnn", N, N, N, readout="all", loss="inner_product")
        (drawn,) = draws(model, Initialisation("normal"), 1)
        drawn = {**drawn, "readout.weight": np.eye(N), "readout.bias": np.zeros(N)}
        networks = [{name: rounded(p, dtype) for name, p in driven(drawn, gain, NOISE).items()} for gain in GAINS]
        targets = np.zeros((T, B, N))
        targets[-1] = 1.0
        batch = Batch(rounded(np.random.default_rng(0).standard_normal((T, B, N)), dtype), targets)
        found = []
        for gain, network, flow in zip(
            GAINS, networks, sweep(backend, model, networks, batch, device=device, dtype=dtype), strict=True
        ):
            states, gradients = twin(network, batch)
            for t in range(T):
                drift = compare(flow.outputs[t], states[t]).error
                found.append(Measurement(f"states_{gain:g}", drift, index=t))
                # Where a rounding error would be no normal number, some flush it to zero: another law, not this one.
                if np.linalg.norm(gradients[t]) * UNIT_ROUNDOFF[dtype] > np.finfo(dtype).tiny:
                    drift = compare(flow.states[t, 0], gradients[t]).error
                    found.append(Measurement(f"gradients_{gain:g}", drift, index=T - 1 - t))
        yield found

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield that rounding stays rounding below criticality, and grows at the Lyapunov rate above it."""
        for backend, at, cell in trials(rows):
            for gain in GAINS:
                states, gradients = values(cell, f"states_{gain:g}"), values(cell, f"gradients_{gain:g}")
                rate = theory.lyapunov_exponent(gain, NOISE)
                if rate < 0.0:
                    # A state sums N products; what it inherits is e^rate as large a step later: a geometric series.
                    allowed = bound(at["dtype"], at["hidden_size"]) / -math.expm1(rate)
                    sentence = "Below criticality states differ from exact ones by rounding, however long the sequence."
                    yield Claim(self.name, backend, sentence, ROUNDING, 0.0, states.max(), allowed)
                    # A gradient's relative error is not forgotten: each step back adds a product and a state's error.
                    steps = np.arange(1, len(gradients) + 1)
                    strain = float((gradients / np.sqrt(steps)).max())
                    sentence = "Below criticality state gradients differ by at most sqrt(lag) times a step's rounding."
                    yield Claim(self.name, backend, sentence, ROUNDING, 0.0, strain, 2.0 * allowed)
                else:
                    sentence = f"Above criticality, gain {gain:g}: the distance of states grows at the Lyapunov rate."
                    found = growth(states, at["dtype"])
                    yield Claim(self.name, backend, sentence, CHEN, rate, found, tolerance(at, gain))

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield distances of states against time and of state gradients against the lag, a row for each precision."""
        dtypes = [dtype for dtype in ("float64", "float32") if dtype in levels(rows, "dtype")]
        drawn, axes = style.figure(len(dtypes), 2, height=3.6)
        for line, dtype in zip(axes, dtypes, strict=True):
            for ax, metric in zip(line, ("states", "gradients"), strict=True):
                draw(ax, where(rows, dtype=dtype), metric, dtype)
        keys = [style.line_key("Lyapunov rate"), style.line_key("unit roundoff", color=MUTED, linestyle=":")]
        style.backend_legend(drawn, [b for b, _ in by_backend(rows)], extra=keys)
        finding = "Backends agree to rounding below criticality, and drift apart at the Lyapunov rate above it"
        style.title(drawn, tally(claims, finding, "Distances are not those of rounding"))
        caption = "Relative distance of each backend from a twin in extended precision, driven tanh RNN: states "
        caption += "against time, state gradients against the lag. Lines: e^(rate t) from the unit roundoff to 1."
        yield Figure("agreement", caption, drawn)


def twin(network: Parameters, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Return states and state gradients (T, B, N) in extended precision, of no backend's code.

    The textbook's recursions: h_t = tanh(W h_(t-1) + U x_t), dL/dh_(t-1) = W^T (1 - h_t^2) dL/dh_t, with L the mean
    over time and batch of the last state's sum.
    """
    W, U = (network[name].astype(np.longdouble) for name in ("weight_hh_l0", "weight_ih_l0"))
    T, B, _ = batch.inputs.shape
    h = np.zeros(batch.inputs.shape[1:], np.longdouble)
    # U is diagonal: each unit reads a noise of its own.
    drive = batch.inputs.astype(np.longdouble) * np.diag(U)
    states = np.stack([h := np.tanh(h @ W.T + drive[t]) for t in range(T)])
    delta = np.ones_like(h) / (T * B)
    gradients = [delta]
    for t in range(T - 1, 0, -1):
        delta = ((1.0 - states[t] ** 2) * delta) @ W
        gradients.append(delta)
    return states, np.stack(gradients[::-1])


def growth(distances: np.ndarray, dtype: str) -> float:
    """Return the slope of ln distance per step, by least squares while it is neither rounding nor saturated."""
    growing = (distances > SETTLED * UNIT_ROUNDOFF[dtype]) & (np.maximum.accumulate(distances) < SATURATED)
    if growing.sum() < 3:
        return math.nan
    return float(np.polyfit(np.flatnonzero(growing), np.log(distances[growing]), 1)[0])


def tolerance(at: "pd.Series[Any]", gain: float) -> float:
    """Return three standard errors of a growth rate: ln |d|^2 gains the mean field's variance in each step.

    Over as many steps as the distance takes from rounding to saturation; sequences share the weights, and so count as
    one. Half, for the norm is not squared.
    """
    field = theory.mean_field(gain, NOISE)
    steps = math.log(SATURATED / (SETTLED * UNIT_ROUNDOFF[at["dtype"]])) / theory.lyapunov_exponent(gain, NOISE)
    steps = min(steps, float(at["length"]))
    return 1.5 * math.sqrt(field.log_variance(at["hidden_size"], field.fixed_point()) / steps)


def draw(ax: Any, rows: pd.DataFrame, metric: str, dtype: str) -> None:
    """Draw one metric's distances for every gain, each backend's points at steps of its own."""
    backends = [backend for backend, _ in by_backend(rows)]
    unit, T = UNIT_ROUNDOFF[dtype], int(rows["length"].max())
    ends = []
    for gain, colour in zip(GAINS, ordered_colours(len(GAINS)), strict=True):
        rate = theory.lyapunov_exponent(gain, NOISE)
        if rate > 0.0 and metric == "states":
            style.theory(ax, range(T), np.minimum(unit * np.exp(rate * np.arange(T)), 1.0), color=colour)
        for backend, _, cell in trials(rows):
            found, steps = (of(cell, f"{metric}_{gain:g}") for of in (values, places))
            own = slice(3 * backends.index(backend), None, 3 * len(backends))
            style.measured(ax, steps[own], np.where(found > 0, found, np.nan)[own], backend)
        ends.append((found[-1], f"g = {gain:g}"))
    ax.axhline(unit, color=MUTED, linestyle=":", linewidth=1.3)
    style.log_axis(ax, "y", "relative distance")
    style.label_ends(ax, ends)
    ax.set_xlabel("time t in steps" if metric == "states" else "lag T - t in steps")
    ax.set_title(f"{'states' if metric == 'states' else 'state gradients'}, {dtype}", color=INK)
