"""One tanh unit that is to store one bit, h_t = tanh(w h_(t-1)): where it keeps the bit, and what its gradient does."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import initialise
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.report import style
from gradsuite.report.palette import MUTED, STABLE
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, Presets, Setting, Settings
from gradsuite.theory import latch as theory

from gradsuite_experiments.common.frames import by_backend, tally, trials, value
from gradsuite_experiments.common.sweep import sweep

BENGIO = "Bengio, Simard & Frasconi 1994, sec. III (from the literature by memory); h = tanh(w h) is exact"
RATE = 20  # last steps that the factor per step is taken over, when the state has settled
AT_ZERO = {"color": MUTED, "linestyle": "--", "linewidth": 1.1}


class Latch(Experiment):
    """The bit that is left after so many silent steps, and the factor of the gradient per step."""

    name = "latch"
    question = "Can one tanh unit keep a bit and a gradient at the same time?"
    settings = (
        Setting("weight", float, "recurrent weight w"),
        Setting("steps", int, "silent steps after the bit was read", minimum=2 * RATE),
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {"weight": weights, "steps": [steps], "dtype": ["float64"]}
        for preset, weights, steps in (
            ("quick", [-1.25, 0.5, 0.9, 1.25, 2.0], 200),
            ("standard", [-2.0, -1.25, -0.75, -0.25, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2.0, 2.5], 200),
            ("full", [float(w) for w in np.round(np.linspace(-2.95, 2.95, 60), 2)], 2000),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure half the distance between the states after a bit and after its opposite, and the factor per step."""
        model = Model("rnn", 1, 1, readout="none", loss="inner_product")
        unit = {name: np.zeros_like(p) for name, p in initialise(model).items()}
        unit["weight_ih_l0"][:], unit["weight_hh_l0"][:] = 1.0, settings["weight"]
        inputs = np.zeros((int(settings["steps"]) + 1, 2, 1))
        inputs[0] = [[1.0], [-1.0]]
        batch = Batch(inputs, np.ones((2, 1)))
        (flow,) = sweep(backend, model, [unit], batch, device=device, dtype=str(settings["dtype"]))
        kept = abs(flow.outputs[0, 0] - flow.outputs[1, 0]) / 2.0
        gradient = flow.states[:, 0, 0, 0].astype(np.float64)
        yield [
            Measurement("kept", kept),
            Measurement("factor", abs(gradient[-1 - RATE] / gradient[-1]) ** (1.0 / RATE), "per step"),
        ]

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield what is kept, what is forgotten, and what the gradient is scaled by in either case."""
        for backend, at, cell in trials(rows):
            claim = partial(Claim, self.name, backend)
            weight, steps, eps = abs(at["weight"]), at["steps"], 2.0 * UNIT_ROUNDOFF[at["dtype"]]
            kept, factor = value(cell, "kept"), value(cell, "factor")
            state, slope = theory.fixed_point(weight), theory.slope(weight)
            # A step's rounding shrinks by the slope with every step that follows; so does the way from the start.
            settled = 8.0 * eps / (1.0 - slope) + slope ** (steps - RATE) if slope < 1.0 else 1.0
            if weight > 1.0:
                sentence = "One tanh unit with |w| > 1 keeps its bit: |h| is the fixed point of h = tanh(|w| h)."
                yield claim(sentence, BENGIO, state, kept, settled)
            elif weight < 1.0:
                sentence = "One tanh unit with |w| < 1 forgets its bit: |h_T| is at most |w|^T."
                most = weight**steps
                yield claim(sentence, BENGIO, most, kept, steps * eps * most, "<=")
            sentence = "One tanh unit, settled: its gradient changes by |w| (1 - h^2) a step."
            # d slope / dh = -2 |w| h; and each of the steps rounds the gradient a few times.
            yield claim(sentence, BENGIO, slope, factor, 2.0 * weight * settled + 8.0 * eps)
            sentence = "One tanh unit loses its gradient whatever its weight: the factor per step is below 1."
            yield claim(sentence, BENGIO, 1.0, factor, 0.0, "<=")

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the bit that is kept and the factor per step, against the weight."""
        drawn, axes = style.figure(1, 2, height=4.2, sharex=True)
        most = 1.1 * abs(rows["weight"]).max()
        weights = np.linspace(-most, most, 601)
        curves = {"kept": theory.fixed_point, "factor": theory.slope}
        for ax, (metric, curve) in zip(axes[0], curves.items(), strict=True):
            style.theory(ax, weights, [curve(abs(w)) for w in weights])
            draw_points(ax, rows, metric)
            ax.set_xlabel("recurrent weight w")
        axes[0, 1].plot(weights, abs(weights), zorder=1, **AT_ZERO)
        axes[0, 1].set(ylim=(-0.12, 1.5), ylabel="factor of the gradient per step", title="below 1 at every weight")
        style.regions(axes[0, 1], (1.0, 1.0))
        axes[0, 0].set(ylabel="state left after the last step", title="keeps its bit beyond |w| = 1")
        for side in (-1.0, 1.0):
            axes[0, 0].axvspan(side, side * most, color=STABLE, alpha=0.07, linewidth=0, zorder=0)
        axes[0, 0].set_xlim(-most, most)
        keys = [style.line_key("fixed point of h = tanh(|w| h)"), style.line_key("at h = 0: |w|", **AT_ZERO)]
        style.backend_legend(drawn, [backend for backend, _ in by_backend(rows)], extra=keys)
        style.title(drawn, tally(claims, "One unit keeps a bit but not its gradient", "The latch's laws are broken"))
        caption = "One tanh unit that has read a bit, after many silent steps. Left: what is left of it, zero where "
        caption += "it is forgotten. Right: the factor of the gradient per step there."
        yield Figure("latch", caption, drawn)


def draw_points(ax: Any, rows: pd.DataFrame, metric: str) -> None:
    """Draw a metric against the weight, each backend a little aside."""
    backends = [backend for backend, _ in by_backend(rows)]
    aside = 0.015 * abs(rows["weight"]).max()
    for backend, at, cell in trials(rows):
        x = at["weight"] + aside * (backends.index(backend) - (len(backends) - 1) / 2)
        style.measured(ax, x, value(cell, metric), backend)
