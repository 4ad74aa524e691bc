"""The phase diagram in time: a driven tanh RNN over gain and noise, many networks at once as stacks."""

import math
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.model import Model
from gradsuite.parameters import Initialisation
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, Presets, Setting, Settings
from gradsuite.theory import driven_rnn as theory

from gradsuite_experiments.common.frames import members, trials, value
from gradsuite_experiments.common.networks import BURN_IN, CHEN, driven
from gradsuite_experiments.common.sweep import draws, log_mean_square, orthonormal, sweep
from gradsuite_experiments.phase_time.figures import draw

PASCANU = "Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, sec. 2.1: sufficient, not necessary"
GAINS = (0.25, 2.5)
LAGS = 40  # the rate is taken over so many: fewer are noisier, more meet the float's end where gradients vanish fast


class PhaseTime(Experiment):
    """The rate of ln |dL/dh_t|^2 per step back for networks of every gain and seed, at one noise a cell."""

    name = "phase-time"
    question = "At which gain do gradients through time turn from vanishing to exploding, and how does noise move it?"
    settings = (
        Setting("noise", float, "variance s^2 of the noise in every unit", minimum=0),
        Setting("gains", int, f"gains between {GAINS[0]:g} and {GAINS[1]:g}", minimum=2),
        Setting("seeds", int, "networks of each gain", minimum=1),
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
            "length": [100],
            "batch_size": [4],
            "dtype": ["float64"],
        }
        for preset, noise, gains, seeds, N in (
            ("quick", [0.05, 0.25], 10, 1, 64),
            ("standard", [0.0, 0.05, 0.25, 0.5], 19, 2, 128),
            ("full", [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0], 25, 5, 128),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure every network's rate, and the time of one as a member of a stack and alone."""
        N, size, noise = int(settings["hidden_size"]), int(settings["batch_size"]), float(settings["noise"])
        model = Model("rnn", N, N, readout="none", loss="inner_product")
        drawn = draws(model, Initialisation("normal"), int(settings["seeds"]))
        places = [(gain, seed) for gain in np.linspace(*GAINS, int(settings["gains"])) for seed in range(len(drawn))]
        networks = [driven(drawn[seed], gain, noise) for gain, seed in places]
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((int(settings["length"]), size, N)), orthonormal(rng, size, N))
        lags = min(LAGS, len(batch.inputs) - BURN_IN)
        run: dict[str, Any] = {"device": device, "dtype": str(settings["dtype"])}
        largest = [math.log(np.linalg.norm(network["weight_hh_l0"], 2)) for network in drawn]
        found = []
        for k, flow in enumerate(sweep(backend, model, networks, batch, **run)):
            gain, seed = places[k]
            logs = log_mean_square(flow.states[[-1, -1 - lags], 0])
            found += [
                Measurement("gain", gain, index=k),
                Measurement("seed", seed, index=k),
                Measurement("rate", (logs[1] - logs[0]) / lags, "per step", index=k),
                Measurement("bound", 2.0 * (math.log(gain) + largest[seed]), "per step", index=k),
            ]
        one_by_one = [[network] for network in networks]
        list(sweep(backend, model, one_by_one[0], batch, **run))  # compiles, as the stacks above have
        for metric, parts in (("seconds_stacked", [networks]), ("seconds_alone", one_by_one)):
            started = perf_counter()
            for part in parts:
                list(sweep(backend, model, part, batch, **run))
            found.append(Measurement(metric, perf_counter() - started, "s"))
        yield found

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield where the rate crosses zero, and that Pascanu's bound is a bound and not the boundary."""
        for backend, at, cell in trials(rows):
            networks, critical = members(cell), theory.critical_gain(at["noise"])
            above = (networks["rate"] - networks["bound"]).max()
            sentence = "No gradient through time grows faster a step than the largest singular value of W."
            yield Claim(self.name, backend, sentence, PASCANU, 0.0, above, 1e-9, "<=")
            between = networks[networks["gain"].between(theory.PASCANU_GAIN, 0.8 * critical)]
            sentence = "Gradients vanish far above the sufficient gain 1/2: in every network up to 0.8 g_c."
            yield Claim(self.name, backend, sentence, CHEN, 1.0, (between["rate"] < 0.0).mean(), 0.0)
            beyond = networks[networks["gain"] > 1.3 * critical]
            sentence = "Gradients explode in every network beyond 1.3 g_c."
            yield Claim(self.name, backend, sentence, CHEN, 1.0, (beyond["rate"] > 0.0).mean(), 0.0)
            if at["noise"] > 0.0:
                sentence = f"Noise of variance {at['noise']:g} moves the critical gain to where ln chi_1 = 0."
                yield Claim(self.name, backend, sentence, CHEN, critical, crossing(networks), tolerance(at))

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the phase diagram."""
        yield draw(rows, claims, crossing)

    def tables(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield what stacks save, over all cells."""
        found = [
            {
                "backend": backend,
                "networks": len(members(cell)),
                "stacked, s": value(cell, "seconds_stacked"),
                "one by one, s": value(cell, "seconds_alone"),
            }
            for backend, _, cell in trials(rows)
        ]
        table = pd.DataFrame(found).groupby("backend", sort=False).sum().reset_index()
        table["times faster"] = table["one by one, s"] / table["stacked, s"]
        caption = "Time of the whole phase diagram, every network with its state gradients on the host at the end: as "
        caption += "members of stacks, and one by one; compiled before."
        yield Table("What stacks save", caption, table.round(2))


def crossing(networks: pd.DataFrame) -> float:
    """Return the first gain at which the rate, averaged over seeds, crosses zero upwards; NaN if it never does."""
    rates = networks.groupby("gain")["rate"].mean()
    gains, rate = rates.index.to_numpy(), rates.to_numpy()
    for k in np.flatnonzero((rate[:-1] < 0.0) & (rate[1:] >= 0.0))[:1]:
        return float(gains[k] - rate[k] * (gains[k + 1] - gains[k]) / (rate[k + 1] - rate[k]))
    return math.nan


def tolerance(at: "pd.Series[Any]") -> float:
    """Return the gain's tolerance: that of the rate, 0.02 for 4 networks of width 512, over the slope of ln chi_1.

    A rate is that of driven-rnn, and its standard error shrinks as 1 / sqrt(N seeds); 0.02 is three of them.
    """
    critical, h = theory.critical_gain(at["noise"]), 1e-3
    below, above = (theory.rate_from_zero(critical + step, at["noise"]) for step in (-h, h))
    slope = (above - below) / (2.0 * h)
    return 0.02 * math.sqrt(512 / at["hidden_size"] * 4 / at["seeds"]) / slope
