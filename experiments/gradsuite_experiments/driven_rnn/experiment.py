"""A wide tanh RNN driven by noise: rate per step and Lyapunov exponents against mean-field theory."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, GAIN, HIDDEN_SIZE, Presets, Setting, Settings
from gradsuite.theory import driven_rnn as theory

from gradsuite_experiments.common.frames import by_backend, levels, places, tally, trials, values
from gradsuite_experiments.common.networks import BURN_IN, CHEN, driven
from gradsuite_experiments.common.sweep import draws, log_mean_square, orthonormal, sweep

DIRECTIONS = 16  # gradients sent back, each along a noise of its own
LEADING = 4  # Lyapunov exponents


class DrivenRnn(Experiment):
    """ln |dL/dh_t|^2 against the lag, and the leading Lyapunov exponents by QR of the same state gradients."""

    name = "driven-rnn"
    question = "Do gradients through time grow by ln chi_1 a step, and Lyapunov exponents by half of it?"
    settings = (
        GAIN,
        Setting("noise", float, "variance s^2 of the noise in every unit", minimum=0),
        HIDDEN_SIZE,
        Setting("lags", int, "steps back in time", minimum=2),
        Setting("seeds", int, "networks drawn", minimum=1),
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "gain": gains,
            "noise": [0.25],
            "hidden_size": [N],
            "lags": [25],
            "seeds": [seeds],
            "dtype": ["float64"],
        }
        for preset, gains, N, seeds in (
            ("quick", [0.5, 1.5, 2.0], 128, 4),
            ("standard", [0.5, 1.0, 1.25, 1.5, 2.0], 512, 4),
            ("full", [0.5, 1.0, 1.25, 1.5, 2.0, 2.5], 512, 16),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure ln of the mean squared state gradient by lag, its slope, and the Lyapunov exponents."""
        N, lags = int(settings["hidden_size"]), int(settings["lags"])
        model = Model("rnn", N, N, readout="none", loss="inner_product")
        drawn = draws(model, Initialisation("normal"), int(settings["seeds"]))
        networks = [driven(network, float(settings["gain"]), float(settings["noise"])) for network in drawn]
        rng = np.random.default_rng(0)
        noise = rng.standard_normal((BURN_IN + lags + 1, DIRECTIONS, N))
        alike = np.repeat(noise[:, :1], LEADING, axis=1)  # exponents are of one trajectory
        targets = orthonormal(rng, DIRECTIONS + LEADING, N)
        batch = Batch(np.concatenate([noise, alike], axis=1), targets)
        flows = sweep(backend, model, networks, batch, device=device, dtype=str(settings["dtype"]))
        gradients = [flow.states[::-1][: lags + 1, 0] for flow in flows]
        logs = np.array([log_mean_square(g[:, :DIRECTIONS]) for g in gradients])
        found = np.array([exponents(g[:, DIRECTIONS:]) for g in gradients])
        ratios = logs - logs[:, :1]
        yield [
            *(Measurement("rate", rate, "per step", index=k) for k, rate in enumerate(ratios[:, -1] / lags)),
            *(Measurement("ln_ratio_mean", mean, index=k) for k, mean in enumerate(ratios.mean(axis=0))),
            *(Measurement("ln_ratio_sd", sd, index=k) for k, sd in enumerate(ratios.std(axis=0))),
            *(Measurement("lyapunov", one[0], "per step", index=k) for k, one in enumerate(found)),
            *(Measurement("exponent", e, "per step", index=k) for k, e in enumerate(found.mean(axis=0))),
        ]

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield the rate and the largest exponent at every gain."""
        for backend, at, cell in trials(rows):
            expected = theory.rate(at["gain"], at["noise"])
            allowed = tolerance(at)
            sentence = f"Driven tanh RNN, gain {at['gain']:g}: ln |dL/dh_t|^2 changes by ln chi_1 a step back."
            yield Claim(self.name, backend, sentence, CHEN, expected, values(cell, "rate").mean(), allowed)
            sentence = f"Driven tanh RNN, gain {at['gain']:g}: the largest Lyapunov exponent is ln(chi_1) / 2."
            largest = values(cell, "lyapunov").mean()
            yield Claim(self.name, backend, sentence, CHEN, expected / 2.0, largest, allowed / 2.0)

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield gradients against the lag, and rates and exponents against the gain."""
        drawn, axes = style.figure(1, 2, height=4.4)
        backends = [backend for backend, _ in by_backend(rows)]
        draw_lags(axes[0, 0], rows, backends)
        draw_gains(axes[0, 1], rows, backends)
        lines = [style.line_key("ln chi_1"), style.line_key("ln(chi_1) / 2", linestyle="--")]
        style.backend_legend(drawn, backends, extra=lines)
        finding = tally(claims, "Gradients through time grow by ln chi_1 a step", "Theory is missed")
        style.title(drawn, finding)
        caption = "Driven tanh RNN: squared state gradient by lag for each gain; rate per step and largest Lyapunov "
        caption += "exponent by gain, mean over seeds with bars of 2 standard deviations; lines are mean-field theory."
        yield Figure("driven-rnn", caption, drawn)


def exponents(gradients: np.ndarray) -> np.ndarray:
    """Return the leading Lyapunov exponents, largest first, of gradients (lags + 1, B, H) on one trajectory.

    The QR method (Benettin et al. 1980): J^T Q = Q' R, and ln R_ii grows by the i-th exponent a step. One R for all
    steps is the product of the single ones; a spread of e^-30 over the lags is far above rounding. The first third is
    left out, while the directions still turn towards the Lyapunov vectors.
    """
    first, last = len(gradients) // 3, len(gradients) - 1
    stretch = [np.log(abs(np.diag(np.linalg.qr(gradients[k].T)[1]))) for k in (first, last)]
    return (stretch[1] - stretch[0]) / (last - first)


def tolerance(at: "pd.Series[Any]") -> float:
    """Return 0.02 for 4 networks of width 512, for the rate of the squared norm.

    A seed's rate has a standard deviation of up to 0.012 there; a mean of four, half of that: three standard errors.
    They shrink as 1 / sqrt(N seeds).
    """
    return 0.02 * math.sqrt(512 / at["hidden_size"] * 4 / at["seeds"])


def draw_lags(ax: Any, rows: pd.DataFrame, backends: Sequence[str]) -> None:
    """Draw the squared gradient against the lag, a line of theory for each gain."""
    gains = levels(rows, "gain")
    colours = dict(zip(gains, ordered_colours(len(gains)), strict=True))
    ends = {}
    for backend, at, cell in trials(rows):
        lag = places(cell, "ln_ratio_mean")
        line = np.exp(theory.rate(at["gain"], at["noise"]) * lag)
        if at["gain"] not in ends:
            style.theory(ax, lag, line, color=colours[at["gain"]])
            ends[at["gain"]] = line[-1]
        own = slice(1 + backends.index(backend), None, len(backends) + 1)
        mean, sd = values(cell, "ln_ratio_mean")[own], values(cell, "ln_ratio_sd")[own]
        style.measured(ax, lag[own], np.exp(mean), backend, low=np.exp(mean - 2 * sd), high=np.exp(mean + 2 * sd))
    style.log_axis(ax, "y", "|dL/dh|² over that at T")
    style.regions(ax, (0.1, 10.0))
    style.label_ends(ax, [(end, f"g = {gain:g}") for gain, end in ends.items()])
    ax.set(
        xlabel="lag T - t in steps",
        title=f"noise variance {rows['noise'].iloc[0]:g}, N = {rows['hidden_size'].iloc[0]}",
    )


def draw_gains(ax: Any, rows: pd.DataFrame, backends: Sequence[str]) -> None:
    """Draw rate and largest exponent against the gain."""
    noise = float(rows["noise"].iloc[0])
    gains = np.linspace(min(levels(rows, "gain")), max(levels(rows, "gain")), 60)
    line = np.array([theory.rate(gain, noise) for gain in gains])
    style.theory(ax, gains, line)
    style.theory(ax, gains, line / 2.0, linestyle="--")
    for backend, at, cell in trials(rows):
        x = at["gain"] + 0.03 * (backends.index(backend) - (len(backends) - 1) / 2)
        for metric in ("rate", "lyapunov"):
            found = values(cell, metric)
            spread = 2.0 * found.std()
            style.measured(ax, x, found.mean(), backend, low=found.mean() - spread, high=found.mean() + spread)
    style.regions(ax, (0.0, 0.0))
    ax.set(xlabel="gain g", ylabel="per step", title=f"critical gain {theory.critical_gain(noise):.3f}")
    ax.axvline(theory.critical_gain(noise), color=MUTED, linewidth=1.0, linestyle=":")
