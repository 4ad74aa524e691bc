"""One tanh unit that is to store one bit, h_t = tanh(w h_(t-1)): where it keeps the bit, and what its gradient does."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution
from gradsuite.experiment import Experiment, Figure
from gradsuite.footprint import least_memory
from gradsuite.model import Model
from gradsuite.parameters import initialise
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, Presets, Setting, Settings
from gradsuite.theory import latch as theory
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, value
from gradsuite_experiments.common.sweep import sweep
from gradsuite_experiments.latch import laws
from gradsuite_experiments.latch.laws import FACTOR, KEPT, RATE

if TYPE_CHECKING:
    import pandas as pd


class Latch(Experiment):
    """The bit that is left after many silent steps, and the factor of the gradient per step."""

    name = "latch"
    question = "Can one tanh unit keep a bit and a gradient at the same time?"
    topic = Topic.THEORY
    timed = False
    settings = (
        Setting("weight", float, "recurrent weight w"),
        Setting("silent_steps", int, "silent steps after the bit was read", minimum=2 * RATE, size=True),
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {"weight": weights, "silent_steps": [steps], "dtype": ["float64"]}
        for preset, weights, steps in (
            ("quick", [-1.25, 0.5, 0.9, 1.25, 2.0], 200),
            ("standard", [-2.0, -1.25, -0.75, -0.25, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2.0, 2.5], 200),
            ("full", [float(w) for w in np.round(np.linspace(-2.95, 2.95, 60), 2)], 2000),
        )
    }

    def memory(self, settings: Settings) -> int:
        """Return what one unit takes over that many steps."""
        return least_memory({**settings, "length": settings["silent_steps"]})

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure half the distance between the states after a bit and after its opposite, and the factor per step."""
        model = Model("rnn", 1, 1, readout="none", loss="inner_product")
        unit = {name: np.zeros_like(p) for name, p in initialise(model).items()}
        unit["weight_ih_l0"][:], unit["weight_hh_l0"][:] = 1.0, settings["weight"]
        inputs = np.zeros((settings["silent_steps"] + 1, 2, 1))
        inputs[0] = [[1.0], [-1.0]]
        batch = Batch(inputs, np.ones((2, 1)))
        (flow,) = sweep(backend, model, [unit], batch, device=device, dtype=settings["dtype"])
        kept = abs(flow.outputs[0, 0] - flow.outputs[1, 0]) / 2.0
        gradient = flow.states[:, 0, 0, 0].astype(np.float64)
        yield [
            Measurement(KEPT, kept),
            Measurement(FACTOR, abs(gradient[-1 - RATE] / gradient[-1]) ** (1.0 / RATE)),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what is kept, what is forgotten, and what the gradient is scaled by in either case."""
        for backend, at, trial in trials(rows):
            weight = abs(at["weight"])
            kept, factor, slope = value(trial, KEPT), value(trial, FACTOR), theory.slope(weight)
            if weight > 1.0:
                yield Claim(
                    name=f"{self.name}/keeps",
                    backend=backend,
                    sentence="One tanh unit with |w| > 1 keeps its bit: |h| is the fixed point of h = tanh(|w| h).",
                    source=laws.BENGIO,
                    expected=theory.fixed_point(weight),
                    measured=kept,
                    tolerance=(allowed := laws.settled(at)),
                    resolution=laws.kept_resolution(at, allowed),
                )
            elif weight < 1.0:
                most = weight ** at["silent_steps"]
                yield Claim(
                    name=f"{self.name}/forgets",
                    backend=backend,
                    sentence="One tanh unit with |w| < 1 forgets its bit: |h_T| is at most |w|^T.",
                    source=laws.BENGIO,
                    expected=most,
                    measured=kept,
                    tolerance=(allowed := laws.forgotten_tolerance(at, most)),
                    resolution=laws.forgotten_resolution(at, most, allowed),
                    relation="<=",
                )
            yield Claim(
                name=f"{self.name}/factor",
                backend=backend,
                sentence="One tanh unit, settled: its gradient changes by |w| (1 - h^2) per step.",
                source=laws.BENGIO,
                expected=slope,
                measured=factor,
                tolerance=(allowed := laws.factor_tolerance(at)),
                resolution=Resolution.linear(slope, allowed, "the state gradient's factor per step"),
            )
            yield Claim(
                name=f"{self.name}/vanishes",
                backend=backend,
                sentence="One tanh unit loses its gradient whatever its weight: the factor per step is below 1.",
                source=laws.BENGIO,
                expected=1.0,
                measured=factor,
                tolerance=0.0,
                resolution=laws.vanishing_resolution(slope, allowed),
                relation="<=",
            )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the bit that is kept and the factor per step, against the weight."""
        from gradsuite_experiments.latch.figures import draw

        yield draw(rows, claims)
