"""The critical gain of gated cells: the Jacobian of one step at the fixed point, its spectrum, and its powers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution
from gradsuite.compared import Compared, Digits
from gradsuite.experiment import Answer, Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import KEEP_GATE, Initialisation, Parameters, initialise
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, HIDDEN_SIZE, LAGS, SEEDS, Presets, Setting, Settings, cell
from gradsuite.theory import gates as theory
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, value, values
from gradsuite_experiments.common.names import number
from gradsuite_experiments.common.sweep import jacobians, scaled, sweep
from gradsuite_experiments.critical_gain import laws
from gradsuite_experiments.critical_gain.laws import GAINS

if TYPE_CHECKING:
    import pandas as pd


class CriticalGain(Experiment):
    """Eigenvalues of the step's Jacobian below, at and above the critical gain, and the gradient after k steps."""

    name = "critical-gain"
    question = "At which gain of the candidate's weights do LSTM and GRU turn from vanishing to exploding?"
    topic = Topic.FLOW
    timed = False
    apart = ("quick",)
    settings = (
        cell(*KEEP_GATE),
        Setting("forget_bias", float, "bias of the gate that keeps the state"),
        HIDDEN_SIZE,
        LAGS,
        SEEDS,
        replace(DTYPE, choices=PRECISE),
    )
    compared: ClassVar[tuple[Compared, ...]] = (Digits(laws.EIGENVALUE_ERROR),)
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
            ("quick", [0.0, 1.0], 64, 6),
            ("standard", [0.0, 1.0], 64, 16),
            ("full", [-1.0, 0.0, 1.0, 2.0, 3.0], 256, 8),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure spectra against their formula, the spectral radius by gain, and the mean squared gradient by lag."""
        N, lags = settings["hidden_size"], settings["lags"]
        model = Model(settings["cell"], 1, N, readout="none", loss="inner_product")
        networks = [*draw_networks(model, settings, "normal", settings["seeds"])]
        networks += draw_networks(model, settings, "orthogonal", 1)
        point = laws.fixed_point(settings)
        members = [scaled(network, gain * point.critical) for network in networks for gain in GAINS]
        batch = Batch(np.zeros((lags + 1, N, 1)), np.eye(N))  # unit vectors: gradients are the rows of the Jacobian
        of_weights = [theory.jacobian_eigenvalues(0.0, 1.0, candidate(network)) for network in networks]
        flows = sweep(backend, model, members, batch, device=device, dtype=settings["dtype"])
        radii, drawn, growth, error, spectrum = [], [], [], 0.0, np.empty(0)
        for k, flow in enumerate(flows):
            gain = GAINS[k % len(GAINS)]
            by_lag = jacobians(flow)
            eigenvalues = np.linalg.eigvals(by_lag[1])
            expected = point.kept + point.pull * gain * point.critical * of_weights[k // len(GAINS)]
            error = max(error, distance(eigenvalues, expected) / abs(expected).max())
            radii.append(abs(eigenvalues).max())
            drawn.append(abs(expected).max())
            growth.append(np.square(by_lag).sum(axis=(1, 2)) / N)
            if k == GAINS.index(1.0):
                spectrum = eigenvalues
        radius = np.reshape(radii, (len(networks), len(GAINS)))
        ratios = np.reshape(growth, (len(networks), len(GAINS), lags + 1))[:-1]
        yield [
            *(Measurement(laws.EIGENVALUE_REAL, e.real, index=i) for i, e in enumerate(spectrum)),
            *(Measurement(laws.EIGENVALUE_IMAG, e.imag, index=i) for i, e in enumerate(spectrum)),
            Measurement(laws.EIGENVALUE_ERROR, error),
            *by_member(laws.RELATIVE_GAIN, GAINS),
            *by_member(laws.RADIUS_ORTHOGONAL, radius[-1]),
            *by_member(laws.RADIUS, radius[:-1].mean(axis=0)),
            *by_member(laws.RADIUS_DRAWN, np.reshape(drawn, radius.shape)[:-1].mean(axis=0)),
            *by_member(laws.RADIUS_LOW, radius[:-1].min(axis=0)),
            *by_member(laws.RADIUS_HIGH, radius[:-1].max(axis=0)),
            *(
                Measurement(laws.RATIO, ratio, index=lag, member=k)
                for k in range(len(GAINS))
                for lag, ratio in enumerate(ratios[:, k].mean(axis=0))
            ),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the eigenvalues, where the spectral radius crosses 1, and the growth over k steps."""
        for backend, at, trial in trials(rows):
            yield self._spectrum(backend, at, trial)
            yield from self._crossings(backend, at, trial)
            yield from self._growth(backend, at, trial)

    def _name(self, claim: str, at: "pd.Series[Any]") -> str:
        return f"{self.name}/{claim}/{at['cell']}/{number(at['forget_bias'])}"

    def _spectrum(self, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame") -> Claim:
        """Return the eigenvalues' claim, the largest error of which is measured."""
        kind, bias = at["cell"], at["forget_bias"]
        tolerance = laws.spectrum_tolerance(at["hidden_size"], at["dtype"])
        return Claim(
            name=self._name("eigenvalues", at),
            backend=backend,
            sentence=laws.SPECTRUM.format(cell=kind, bias=bias, jacobian=laws.JACOBIAN[kind]),
            source=laws.EXACT,
            expected=0.0,
            measured=value(trial, laws.EIGENVALUE_ERROR),
            tolerance=tolerance,
            resolution=Resolution.linear(0.0, tolerance, laws.FACTOR),
        )

    def _crossings(self, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the critical gain of the orthogonal network and of the Gaussian ones."""
        N, point, kind = at["hidden_size"], laws.fixed_point(at), at["cell"]
        subject = {"cell": kind, "bias": at["forget_bias"], "weights": laws.WEIGHTS[kind], "critical": point.critical}

        def crossing(metric: str) -> float:
            return point.critical * laws.crossing(values(trial, metric, along="member"))

        tolerance = laws.orthogonal_tolerance(N, point)
        yield Claim(
            name=self._name("crossing-orthogonal", at),
            backend=backend,
            sentence=laws.CROSSING.format(**subject),
            source=laws.HAAR,
            expected=point.critical,
            measured=crossing(laws.RADIUS_ORTHOGONAL),
            tolerance=tolerance,
            resolution=laws.crossing_resolution(tolerance, point),
        )
        tolerance = laws.gaussian_tolerance(N, point, at["dtype"])
        yield Claim(
            name=self._name("crossing-gaussian", at),
            backend=backend,
            sentence=laws.CROSSING_DRAWN.format(jacobian=laws.JACOBIAN[kind], **subject),
            source=laws.DRAWN,
            expected=crossing(laws.RADIUS_DRAWN),
            measured=crossing(laws.RADIUS),
            tolerance=tolerance,
            resolution=laws.crossing_resolution(tolerance, point),
        )

    def _growth(self, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the finite-k law at every gain and lag."""
        point = laws.fixed_point(at)
        for k, gain in enumerate(GAINS):
            for lag, ratio in list(enumerate(values(trial, laws.RATIO, member=k)))[1:]:
                expected, tolerance = laws.growth(point.power(lag, gain, at["hidden_size"]), at["seeds"])
                yield Claim(
                    name=self._name("growth", at),
                    backend=backend,
                    sentence=laws.GROWTH.format(cell=at["cell"], bias=at["forget_bias"]),
                    source=laws.PAIRINGS,
                    expected=expected,
                    measured=ratio ** (1.0 / lag),
                    tolerance=tolerance,
                    resolution=Resolution.linear(expected, tolerance, laws.SQUARED_FACTOR),
                )

    def answers(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Answer]:
        """Yield the critical gains that were measured."""
        from gradsuite_experiments.critical_gain.answers import answers

        yield from answers(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield spectra, spectral radius by gain, and growth by lag, one row per cell."""
        from gradsuite_experiments.critical_gain.figures import draw

        yield draw(rows, claims)


def by_member(metric: str, numbers: Sequence[float] | np.ndarray) -> Iterator[Measurement]:
    """Yield a metric of every member, one per gain."""
    for member, size in enumerate(numbers):
        yield Measurement(metric, size, member=member)


def draw_networks(model: Model, settings: Settings, weights: str, count: int) -> list[Parameters]:
    """Return networks of gain 1 in every gate."""
    initialisation = Initialisation(weights, forget_bias=settings["forget_bias"])
    return [initialise(model, initialisation, seed=seed) for seed in range(count)]


def candidate(network: Parameters) -> np.ndarray:
    """Return W_g of an LSTM (the third of four blocks) or W_hn of a GRU (the third of three)."""
    H = network["weight_hh_l0"].shape[1]
    return network["weight_hh_l0"][2 * H : 3 * H]


def distance(measured: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest distance from an eigenvalue of one spectrum to the nearest of the other."""
    apart = abs(measured[:, None] - expected)
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))
