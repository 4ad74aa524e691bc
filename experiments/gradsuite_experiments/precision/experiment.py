"""Where a vanishing gradient becomes zero and an exploding one infinite, by precision; and what loss scaling moves."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, initialise
from gradsuite.precision import LIMITS
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, Presets, Setting, Settings
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import by_backend, trials, value, where
from gradsuite_experiments.common.sweep import sweep
from gradsuite_experiments.precision.laws import EXPONENT, FLOWS, IEEE, LAST_LAG, SIGNS, ends, resolution

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 24  # points along a curve that are stored


class Precision(Experiment):
    """One linear unit whose gradient is halved or doubled in every step, exactly, until no number is left for it."""

    name = "precision"
    question = "At which lag does a gradient underflow to zero or overflow, and does scaling the loss help?"
    topic = Topic.FLOW
    timed = False
    settings = (
        DTYPE,
        Setting("loss_scale", int, "exponent of the power of two that the loss is multiplied by", minimum=0),
    )
    presets: ClassVar[Presets] = {
        preset: {"dtype": dtypes, "loss_scale": [0, 10]}
        for preset, dtypes in (
            ("quick", ["float32", "float16"]),
            ("standard", list(LIMITS)),
            ("full", list(LIMITS)),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure the gradient by lag, and the last lag at which it is the power of two that it should be.

        Raises UserError for a loss scale that is itself infinite in this precision.
        """
        dtype, scale = settings["dtype"], settings["loss_scale"]
        _, subnormal, over = LIMITS[dtype]
        if scale >= over:
            raise UserError(f"loss_scale must be less than {over}, for 2^{over} is infinite in {dtype}, not {scale}")
        T = -subnormal + 16 * (scale // 16 + 1)  # past every end, and one length for all usual scales to compile
        model = Model("rnn", 1, 1, activation="identity", readout="none", loss="inner_product")
        networks = [initialise(model, Initialisation("identity", gain=2.0**sign)) for sign in SIGNS]
        batch = Batch(np.zeros((T, 1, 1)), np.full((1, 1), 2.0**scale))
        measurements = []
        for k, flow in enumerate(sweep(backend, model, networks, batch, device=device, dtype=dtype)):
            # frexp: a power of two has the mantissa 1/2, zero and infinity have not.
            mantissa, exponent = np.frexp(flow.states[::-1, 0, 0, 0].astype(np.float64))
            exponent -= 1
            exact = (mantissa == 0.5) & (exponent == scale + SIGNS[k] * np.arange(T))
            last = int(np.argmin(exact)) - 1
            measurements.append(Measurement(LAST_LAG, last, "steps", member=k, note=FLOWS[k]))
            for lag in sorted({round(max(last, 0) * j / SHOWN) for j in range(SHOWN + 1)}):
                measurements.append(Measurement(EXPONENT, exponent[lag], index=lag, member=k, note=FLOWS[k]))
        yield measurements

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the last lag of each precision, exact to the step, and that scaling the loss moves it."""
        for backend, at, trial in trials(rows):
            dtype, scale = at["dtype"], at["loss_scale"]
            scaled = f" with the loss scaled by 2^{scale}" if scale else ""
            suffix = f"{dtype}/scale-{scale}" if scale else dtype
            last = value(trial, LAST_LAG, note="halved")
            flushed, kept = ends("halved", dtype, scale)
            steps = f"{flushed} steps, or for {kept} with subnormal numbers"
            yield Claim(
                name=f"{self.name}/halved/{suffix}",
                backend=backend,
                sentence=f"{dtype}: a gradient halved in every step is exact{scaled} for {steps}.",
                source=IEEE,
                # Whether subnormal numbers are kept or flushed is the backend's choice; between the two is neither.
                expected=min(flushed, kept, key=lambda end: abs(last - end)),
                measured=last,
                tolerance=0.0,
                resolution=resolution(dtype),
            )
            (over,) = ends("doubled", dtype, scale)
            yield Claim(
                name=f"{self.name}/doubled/{suffix}",
                backend=backend,
                sentence=f"{dtype}: a gradient doubled in every step is exact{scaled} for {over} steps.",
                source=IEEE,
                expected=over,
                measured=value(trial, LAST_LAG, note="doubled"),
                tolerance=0.0,
                resolution=resolution(dtype),
            )

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield which backends flush subnormal numbers to zero, and what that costs."""
        for backend, unscaled in by_backend(where(rows, loss_scale=0)):
            losses = []
            for _, at, trial in trials(unscaled):
                flushed, kept = ends("halved", at["dtype"], 0)
                if value(trial, LAST_LAG, note="halved") == flushed:
                    losses.append(f"{kept - flushed} steps in {at['dtype']}")
            if losses:
                finding = f"{backend} flushes subnormal numbers to zero, and loses a gradient that is halved in every"
                yield f"{finding} step earlier: by {', '.join(losses)}."

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the gradient against the lag to the limits of every precision."""
        from gradsuite_experiments.precision.figures import draw

        yield draw(rows, claims)
