"""The critical gain of gated cells: the Jacobian of one step at the fixed point, its spectrum, and its powers."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import KEEP_GATE, Initialisation, Parameters, initialise
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF
from gradsuite.rows import Measurement
from gradsuite.settings import HIDDEN_SIZE, Presets, Setting, Settings
from gradsuite.theory import gates as theory
from gradsuite.theory import gaussian_powers as powers

from gradsuite_experiments.common.frames import trials, value, values
from gradsuite_experiments.common.sweep import jacobians, scaled, sweep
from gradsuite_experiments.critical_gain.figures import draw

EXACT = "exact: at zero input and states every gate is sigma of its bias, and its weights are multiplied by zero"
CIRCULAR = "circular law (Girko 1984; from the literature by memory): eigenvalues of W fill the unit disc as N grows"
HAAR = "exact but for the spacing 2 pi / N of a Haar-orthogonal W's eigenvalues on the unit circle"
PAIRINGS = "finite-k law: sum_j C(k, j)^2 f0^(2(k-j)) (i0 o0 g)^(2j) and its term of order 1 / N, by Wick's theorem"
GAINS = (0.7, 1.0, 1.3)  # over the critical one


class CriticalGain(Experiment):
    """Eigenvalues of the step's Jacobian below, at and above the critical gain, and the gradient after k steps."""

    name = "critical-gain"
    question = "At which gain of the candidate's weights do LSTM and GRU turn from vanishing to exploding?"
    settings = (
        Setting("cell", str, "which gated cell", choices=tuple(KEEP_GATE)),
        Setting("forget_bias", float, "bias of the gate that keeps the state"),
        HIDDEN_SIZE,
        Setting("lags", int, "steps back in time", minimum=1),
        Setting("seeds", int, "Gaussian networks of each gain", minimum=1),
        Setting("dtype", str, "precision", choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {
            "cell": list(KEEP_GATE),
            "forget_bias": biases,
            "hidden_size": [N],
            "lags": [10],
            "seeds": [seeds],
            "dtype": ["float64"],
        }
        for preset, biases, N, seeds in (
            ("quick", [0.0, 1.0], 40, 3),
            ("standard", [0.0, 1.0], 64, 4),
            ("full", [-1.0, 0.0, 1.0, 2.0, 3.0], 256, 8),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure spectra against their formula, the spectral radius by gain, and the mean squared gradient by lag."""
        N, lags = int(settings["hidden_size"]), int(settings["lags"])
        model = Model(str(settings["cell"]), 1, N, readout="none", loss="inner_product")
        networks = [*draw_networks(model, settings, "normal", int(settings["seeds"]))]
        networks += draw_networks(model, settings, "orthogonal", 1)
        kept, critical, pull = law(settings)
        members = [scaled(network, gain * critical) for network in networks for gain in GAINS]
        batch = Batch(np.zeros((lags + 1, N, 1)), np.eye(N))  # unit vectors: gradients are the rows of the Jacobian
        flows = sweep(backend, model, members, batch, device=device, dtype=str(settings["dtype"]))
        radii, growth, error, found = [], [], 0.0, []
        for k, flow in enumerate(flows):
            network, gain = networks[k // len(GAINS)], GAINS[k % len(GAINS)]
            powers_of_one = jacobians(flow)
            eigenvalues = np.linalg.eigvals(powers_of_one[1])
            expected = theory.jacobian_eigenvalues(kept, pull * gain * critical, candidate(network))
            error = max(error, distance(eigenvalues, expected) / abs(expected).max())
            radii.append(abs(eigenvalues).max())
            growth.append(np.square(powers_of_one).sum(axis=(1, 2)) / N)
            if k == GAINS.index(1.0):
                found = [
                    *(Measurement("eigenvalue_real", e.real, index=i) for i, e in enumerate(eigenvalues)),
                    *(Measurement("eigenvalue_imag", e.imag, index=i) for i, e in enumerate(eigenvalues)),
                ]
        radius = np.reshape(radii, (len(networks), len(GAINS)))
        ratios = np.reshape(growth, (len(networks), len(GAINS), lags + 1))[:-1]
        yield [
            *found,
            Measurement("eigenvalue_error", error),
            *(Measurement("radius_orthogonal", r, index=i) for i, r in enumerate(radius[-1])),
            *(Measurement("radius", r, index=i) for i, r in enumerate(radius[:-1].mean(axis=0))),
            *(Measurement("radius_low", r, index=i) for i, r in enumerate(radius[:-1].min(axis=0))),
            *(Measurement("radius_high", r, index=i) for i, r in enumerate(radius[:-1].max(axis=0))),
            *(
                Measurement(f"ratio_{i}", ratio, index=lag)
                for i in range(len(GAINS))
                for lag, ratio in enumerate(ratios[:, i].mean(axis=0))
            ),
        ]

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield the eigenvalues, where the spectral radius crosses 1, and the growth over k steps."""
        for backend, at, cell in trials(rows):
            N, (kept, critical, pull) = at["hidden_size"], law(at)
            subject = f"{at['cell']}, forget bias {at['forget_bias']:g}"
            kept_by, weights = ("f0 + i0 o0", "W_g") if at["cell"] == "lstm" else ("z0 + (1 - z0) r0", "W_n")
            sentence = f"{subject}: the eigenvalues of the step's Jacobian are {kept_by} eig({weights})."
            # An eigenvalue moves by its condition number times the rounding: sqrt(N) for most of a Gaussian matrix, N
            # for the worst (Chalker & Mehlig 1998, by memory), of N roundings a product and as many in the solver.
            allowed = N**2 * UNIT_ROUNDOFF[at["dtype"]]
            yield Claim(self.name, backend, sentence, EXACT, 0.0, value(cell, "eigenvalue_error"), allowed)
            sentence = f"{subject}, orthogonal {weights}: the spectral radius crosses 1 at gain {critical:.6g}."
            # |f0 + (1 - f0) g e^(i theta)| = 1 at g = 1 + f0 theta^2 / 2, for theta of two spacings 2 pi / N.
            allowed = kept * (4.0 * math.pi / N) ** 2 / 2.0 * critical
            found = critical * crossing(values(cell, "radius_orthogonal"))
            yield Claim(self.name, backend, sentence, HAAR, critical, found, allowed)
            sentence = f"{subject}, Gaussian {weights}: the spectral radius crosses 1 at gain {critical:.6g}."
            # The disc's edge is blurred over 1 / sqrt(N): beyond two of them there is an eigenvalue once in a thousand.
            allowed = 2.0 / math.sqrt(N) * critical
            found = critical * crossing(values(cell, "radius"))
            yield Claim(self.name, backend, sentence, CIRCULAR, critical, found, allowed)
            sentence = f"{subject}: the mean squared gradient changes by the finite-k law over 1 to {at['lags']} steps."
            for i, gain in enumerate(GAINS):
                for lag, ratio in list(enumerate(values(cell, f"ratio_{i}")))[1:]:
                    power = (lag, kept, pull * gain * critical, N)
                    expected = powers.mean_square(*power)
                    # Four standard errors from the law's own variance over W; sampled are the seeds.
                    allowed = 4.0 * powers.mean_square_sd(*power) / math.sqrt(at["seeds"])
                    yield Claim(self.name, backend, sentence, PAIRINGS, expected, ratio, allowed)

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield spectra, spectral radius by gain, and growth by lag, one row a cell."""
        yield draw(rows, claims, GAINS, law)


def law(at: "Mapping[str, Any] | pd.Series[Any]") -> tuple[float, float, float]:
    """Return f0, the critical gain and i0 o0 of the LSTM, or z0, the critical gain and (1 - z0) r0 of the GRU."""
    bias = float(at["forget_bias"])
    if at["cell"] == "lstm":
        return theory.keep(bias), theory.lstm_critical_gain(bias), theory.lstm_pull()
    return theory.keep(bias), theory.gru_critical_gain(), theory.gru_pull(bias)


def draw_networks(model: Model, settings: Settings, weights: str, count: int) -> list[Parameters]:
    """Return networks of gain 1 in every gate."""
    initialisation = Initialisation(weights, forget_bias=float(settings["forget_bias"]))
    return [initialise(model, initialisation, seed=seed) for seed in range(count)]


def candidate(network: Parameters) -> np.ndarray:
    """Return W_g of an LSTM (the third of four blocks) or W_hn of a GRU (the third of three)."""
    H = network["weight_hh_l0"].shape[1]
    return network["weight_hh_l0"][2 * H : 3 * H]


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest distance from an eigenvalue of one spectrum to the nearest of the other."""
    apart = abs(found[:, None] - expected)
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))


def crossing(radii: np.ndarray) -> float:
    """Return the gain, over the critical one, at which the spectral radius is 1; NaN if it is outside the gains'."""
    return float(np.interp(1.0, radii, GAINS, left=math.nan, right=math.nan))
