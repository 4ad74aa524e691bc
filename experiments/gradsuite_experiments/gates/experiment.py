"""Gated cells without recurrent weights: the gradient is the product of the gates that keep the state."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution
from gradsuite.compared import Compared, Digits
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.model import Model
from gradsuite.parameters import KEEP_GATE, Initialisation, initialise
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, HIDDEN_SIZE, LENGTH, Presets, Setting, Settings, cell
from gradsuite.theory import gates as theory
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, value, values, where
from gradsuite_experiments.common.networks import kept, silent
from gradsuite_experiments.common.sweep import sweep
from gradsuite_experiments.gates import laws
from gradsuite_experiments.gates.laws import CHRONO_LAGS, CHRONO_RATIO, DRIVEN_ERROR, LONGEST, OUTPUT_ERROR, RATIO
from gradsuite_experiments.gates.ratios import half_life, output_error, relative_error, through_state

if TYPE_CHECKING:
    import pandas as pd


class Gates(Experiment):
    """Gradient through the state against the lag: by forget bias, driven by inputs, and with chrono initialisation."""

    name = "gates"
    question = "How long does a gradient live behind a forget gate, and what does its bias do?"
    topic = Topic.THEORY
    timed = False
    settings = (
        cell(*KEEP_GATE),
        Setting("biases", int, "forget biases 0, 1, 2, ...: how many", minimum=1, size=True),
        LENGTH,
        HIDDEN_SIZE,
        replace(DTYPE, choices=PRECISE),
    )
    compared: ClassVar[tuple[Compared, ...]] = (Digits(DRIVEN_ERROR), Digits(OUTPUT_ERROR))
    presets: ClassVar[Presets] = {
        preset: {
            "cell": list(KEEP_GATE),
            "biases": [4],
            "length": [201],
            "hidden_size": [hidden],
            "dtype": ["float64"],
        }
        for preset, hidden in (("quick", 32), ("standard", 64), ("full", 256))
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure the gradient by lag behind each bias, chrono's mean, and the error behind driven gates."""
        H, T, dtype = settings["hidden_size"], settings["length"], settings["dtype"]
        model = Model(settings["cell"], H, H, readout="none", loss="inner_product")
        biased = [silent(initialise(model, Initialisation(forget_bias=b))) for b in range(settings["biases"])]
        chrono = [
            silent(initialise(model, Initialisation(chrono=LONGEST), seed=k)) for k in range(laws.chrono_networks(H))
        ]
        driven = silent(initialise(model, Initialisation("normal", forget_bias=1.0)), "weight_hh")
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((T, 1, H)), rng.standard_normal((1, H)))
        flows = list(sweep(backend, model, [*biased, *chrono, driven], batch, device=device, dtype=dtype))
        ratios = np.array([through_state(flow) for flow in flows])
        behind_chrono = ratios[len(biased) : -1].mean(axis=(0, 2))
        error = relative_error(ratios[-1], kept(driven, settings["cell"], batch.inputs[:, 0]), dtype)
        measurements = [
            Measurement(DRIVEN_ERROR, error),
            *(Measurement(CHRONO_RATIO, ratio, index=lag) for lag, ratio in enumerate(behind_chrono)),
            *(
                Measurement(RATIO, ratio, index=lag, member=bias)
                for bias in range(len(biased))
                for lag, ratio in enumerate(ratios[bias].mean(axis=1))
            ),
        ]
        if flows[-1].cell_states is not None:
            measurements.append(Measurement(OUTPUT_ERROR, output_error(flows[-1], driven, batch.inputs[:, 0])))
        yield measurements

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the factor per step and half-life of each bias, the product of driven gates, and chrono's integral."""
        for backend, at, trial in trials(rows):
            kind, steps = at["cell"], at["length"] - 1
            for bias in range(at["biases"]):
                yield from self.bias_claims(backend, at, bias, values(trial, RATIO, member=bias))
            yield Claim(
                name=f"{self.name}/driven/{kind}",
                backend=backend,
                sentence=f"{kind}, driven by inputs: the gradient is the product of the gates that keep the state.",
                source=laws.GERS,
                expected=0.0,
                measured=value(trial, DRIVEN_ERROR),
                tolerance=(allowed := laws.driven_tolerance(at["dtype"], steps, at["hidden_size"])),
                resolution=laws.step_resolution(allowed, laws.compared_steps(at["dtype"], 0.0, steps)),
            )
            if len(where(trial, metric=OUTPUT_ERROR)):
                allowed = laws.output_tolerance(at["dtype"], at["hidden_size"])
                yield Claim(
                    name=f"{self.name}/output/{kind}",
                    backend=backend,
                    sentence=f"{kind}, driven by inputs: c_T gets o (1 - tanh(c_T)^2) of the gradient by h_T.",
                    source=laws.GERS,
                    expected=0.0,
                    measured=value(trial, OUTPUT_ERROR),
                    tolerance=allowed,
                    resolution=Resolution.linear(0.0, allowed, "dL/dc"),
                )
            for lag in (lag for lag in CHRONO_LAGS if lag <= steps):
                left = theory.chrono_keep(lag, LONGEST)
                average = f"{left:.4f} of the gradient is left after {lag} steps on average"
                yield Claim(
                    name=f"{self.name}/chrono/{kind}/{lag}",
                    backend=backend,
                    sentence=f"{kind}, chrono initialisation for {LONGEST:g} steps: {average}.",
                    source=laws.TALLEC,
                    expected=left,
                    measured=value(trial, CHRONO_RATIO, index=lag),
                    tolerance=(allowed := laws.chrono_tolerance(lag, at["hidden_size"])),
                    resolution=laws.step_resolution(allowed / left, lag),
                )

    def bias_claims(self, backend: str, at: "pd.Series[Any]", bias: int, ratios: np.ndarray) -> Iterator[Claim]:
        """Yield the factor per step and the half-life of one forget bias, from its ratios by lag."""
        steps, half = at["length"] - 1, theory.half_life(bias)
        yield Claim(
            name=f"{self.name}/factor/{at['cell']}/{bias}",
            backend=backend,
            sentence=f"{at['cell']}, forget bias {bias}: every step multiplies the gradient by sigma({bias}).",
            source=laws.GERS,
            expected=0.0,
            measured=relative_error(ratios, theory.keep(bias) ** np.arange(steps + 1), at["dtype"]),
            tolerance=(allowed := laws.factor_tolerance(at["dtype"], steps)),
            resolution=laws.step_resolution(allowed, laws.compared_steps(at["dtype"], bias, steps)),
        )
        if steps > half:
            yield Claim(
                name=f"{self.name}/half-life/{at['cell']}/{bias}",
                backend=backend,
                sentence=f"{at['cell']}, forget bias {bias}: half of the gradient is left after {half:.4g} steps.",
                source=laws.GERS,
                expected=half,
                measured=half_life(ratios),
                tolerance=(allowed := laws.half_life_tolerance(at["dtype"], half)),
                resolution=laws.half_life_resolution(allowed, half),
            )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the gradient against the lag by forget bias, one panel per cell."""
        from gradsuite_experiments.gates.figures import draw

        yield draw(rows, claims)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield the half-lives."""
        from gradsuite_experiments.gates.findings import half_lives

        yield half_lives(rows)
