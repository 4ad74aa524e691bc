"""The phase diagram in time: a driven tanh RNN over gain and noise, many networks at once as stacks."""

import math
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution
from gradsuite.experiment import Answer, Experiment, Figure, Table
from gradsuite.model import Model
from gradsuite.parameters import Initialisation
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, NOISE, SEEDS, Presets, Setting, Settings
from gradsuite.theory import driven_rnn
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import members, trials
from gradsuite_experiments.common.networks import BURN_IN, CHEN, driven
from gradsuite_experiments.common.sweep import draws, log_mean_square, orthonormal, sweep
from gradsuite_experiments.phase_time import laws
from gradsuite_experiments.phase_time.laws import BOUND, GAIN, GAINS, LAGS, RATE, SECONDS_ALONE, SECONDS_STACKED, SEED

if TYPE_CHECKING:
    import pandas as pd


class PhaseTime(Experiment):
    """The rate of ln |dL/dh_t|^2 per step back for networks of every gain and seed, at one noise per trial.

    Gains lie between 0.25 and 2.5.
    """

    name = "phase-time"
    question = "At which gain do gradients through time turn from vanishing to exploding, and how does noise move it?"
    topic = Topic.FLOW
    timed = False
    settings = (
        NOISE,
        Setting("gains", int, "recurrent gains, evenly spaced", minimum=2, size=True),
        SEEDS,
        HIDDEN_SIZE,
        LENGTH,
        BATCH_SIZE,
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "noise": noise,
            "gains": [gains],
            "seeds": [seeds],
            "hidden_size": [N],
            "length": [length],
            "batch_size": [size],
            "dtype": ["float64"],
        }
        for preset, noise, gains, seeds, N, length, size in (
            ("quick", [0.05, 0.25], 10, 4, 64, 66, 8),
            ("standard", [0.0, 0.05, 0.25], 19, 5, 128, 100, 16),
            ("full", [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0], 25, 5, 128, 100, 16),
        )
    }

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure every network's rate, and the time that all take as members of stacks and one by one."""
        N, size = settings["hidden_size"], settings["batch_size"]
        model = Model("rnn", N, N, readout="none", loss="inner_product")
        drawn = draws(model, Initialisation("normal"), settings["seeds"])
        points = [(gain, seed) for gain in np.linspace(*GAINS, settings["gains"]) for seed in range(len(drawn))]
        networks = [driven(drawn[seed], gain, settings["noise"]) for gain, seed in points]
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((settings["length"], size, N)), orthonormal(rng, size, N))
        lags = min(LAGS, len(batch.inputs) - BURN_IN)
        run: dict[str, Any] = {"device": device, "dtype": settings["dtype"]}
        largest = [math.log(np.linalg.norm(network["weight_hh_l0"], 2)) for network in drawn]
        rows = []
        for k, flow in enumerate(sweep(backend, model, networks, batch, **run)):
            gain, seed = points[k]
            logs = log_mean_square(flow.states[[-1, -1 - lags], 0])
            rows += [
                Measurement(GAIN, gain, member=k),
                Measurement(SEED, seed, member=k),
                Measurement(RATE, (logs[1] - logs[0]) / lags, "1/step", member=k),
                Measurement(BOUND, 2.0 * (math.log(gain) + largest[seed]), "1/step", member=k),
            ]
        one_by_one = [[network] for network in networks]
        list(sweep(backend, model, one_by_one[0], batch, **run))  # compiles, as the stacks above have
        for metric, parts in ((SECONDS_STACKED, [networks]), (SECONDS_ALONE, one_by_one)):
            started = perf_counter()
            for part in parts:
                list(sweep(backend, model, part, batch, **run))
            rows.append(Measurement(metric, perf_counter() - started, "s"))
        yield rows

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield where the rate crosses zero, and that Pascanu's bound is a bound and not the boundary."""
        for backend, at, trial in trials(rows):
            networks, critical = members(trial), driven_rnn.critical_gain(at["noise"])
            yield Claim(
                name=f"{self.name}/bound",
                backend=backend,
                sentence="No gradient through time grows faster per step than the largest singular value of W.",
                source=laws.PASCANU,
                expected=0.0,
                measured=(networks[RATE] - networks[BOUND]).max(),
                tolerance=laws.ROUNDING,
                resolution=laws.beyond_bound(at),
                relation="<=",
            )
            yield from self._phases(backend, at, networks, critical)
            if at["noise"] > 0.0:
                tolerance = laws.tolerance(at)
                yield Claim(
                    name=f"{self.name}/critical-gain/{at['noise']:g}",
                    backend=backend,
                    sentence=f"Noise of variance {at['noise']:g} moves the critical gain to where ln chi_1 = 0.",
                    source=CHEN,
                    expected=critical,
                    measured=laws.crossing(networks),
                    tolerance=tolerance,
                    resolution=Resolution.linear(critical, tolerance, laws.RECURRENT_GAIN),
                )

    def _phases(self, backend: str, at: "pd.Series[Any]", networks: "pd.DataFrame", critical: float) -> Iterator[Claim]:
        """Yield that all networks well below the critical gain vanish, and all well beyond it explode."""
        below = networks[networks[GAIN].between(driven_rnn.PASCANU_GAIN, laws.SAFELY_BELOW * critical)]
        beyond = networks[networks[GAIN] > laws.SAFELY_BEYOND * critical]
        if len(below):
            yield Claim(
                name=f"{self.name}/vanishing",
                backend=backend,
                sentence=f"Gradients vanish far above the sufficient gain 1/2: in every network up to "
                f"{laws.SAFELY_BELOW:g} g_c the factor of |dL/dh|^2 per step is less than 1.",
                source=CHEN,
                expected=1.0,
                measured=math.exp(below[RATE].max()),
                tolerance=0.0,
                resolution=laws.crossed(at, below[GAIN].max()),
                relation="<=",
            )
        if len(beyond):
            yield Claim(
                name=f"{self.name}/exploding",
                backend=backend,
                sentence=f"Gradients explode in every network beyond {laws.SAFELY_BEYOND:g} g_c: the factor of "
                "|dL/dh|^2 per step is more than 1.",
                source=CHEN,
                expected=1.0,
                measured=math.exp(beyond[RATE].min()),
                tolerance=0.0,
                resolution=laws.crossed(at, beyond[GAIN].min()),
                relation=">=",
            )

    def answers(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Answer]:
        """Yield the critical gains that were measured."""
        from gradsuite_experiments.phase_time.answers import answers

        yield from answers(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the phase diagram."""
        from gradsuite_experiments.phase_time.figures import draw

        yield draw(rows, claims)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield what stacks save."""
        from gradsuite_experiments.phase_time.findings import savings

        yield savings(rows)
