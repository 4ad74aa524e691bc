"""Cells that are linear in their state: what is left of a gradient, how large states are, and how they depend on it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend
from gradsuite.claims import Claim, Resolution
from gradsuite.compared import Compared, Digits
from gradsuite.errors import UserError
from gradsuite.experiment import Answer, Experiment, Figure, Table
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, HIDDEN_SIZE, LENGTH, SEEDS, Grid, Presets, Setting, Settings, cell
from gradsuite.theory import linear_recurrence as theory
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, value
from gradsuite_experiments.common.names import number
from gradsuite_experiments.common.sweep import sweep
from gradsuite_experiments.linear_recurrence import laws, networks
from gradsuite_experiments.linear_recurrence.laws import EIGENVALUES, LAGS

if TYPE_CHECKING:
    import pandas as pd


class LinearRecurrence(Experiment):
    """State gradients, states and their sensitivity to an eigenvalue: of an LRU on a ring, and of gates by inputs."""

    name = "linear-recurrence"
    question = "Do linear recurrences keep gradients, and states of a size, as their eigenvalues and gates say?"
    topic = Topic.THEORY
    timed = False
    apart = ("quick",)
    settings = (
        cell(*LAGS),
        Setting("r_min", float, "least modulus of an eigenvalue", minimum=0),
        Setting("r_max", float, "largest modulus of an eigenvalue, below 1", minimum=0, above=True),
        HIDDEN_SIZE,
        replace(LENGTH, minimum=1 + max(map(max, LAGS.values()))),
        SEEDS,
        replace(DTYPE, choices=PRECISE),
    )
    compared: ClassVar[tuple[Compared, ...]] = tuple(
        map(Digits, (laws.SIZE_ERROR, laws.NORMALISED_ERROR, laws.ENERGY_ERROR))
    )
    presets: ClassVar[Presets] = {
        preset: {
            "cell": list(LAGS),
            "r_min": [0.4],
            "r_max": r_max,
            "hidden_size": [N],
            "length": [T],
            "seeds": [seeds],
            "dtype": ["float64"],
        }
        for preset, r_max, N, T, seeds in (
            ("quick", [0.9], 64, 64, 8),
            ("standard", [0.9], 128, 128, 16),
            ("full", [0.7, 0.8, 0.9, 0.95], 256, 256, 32),
        )
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield every ring of an lru, and each gated cell once for the rest. Raises UserError for what is no ring."""
        for settings in super().trials(grid):
            r_min, r_max = settings["r_min"], settings["r_max"]
            if not r_min < r_max < 1.0:
                raise UserError(f"r_min < r_max < 1 is a ring, not r_min={r_min:g} and r_max={r_max:g}")
            if settings["cell"] == "lru" or (r_min, r_max) == (grid["r_min"][0], grid["r_max"][0]):
                yield settings

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure the units of a ring and those of one eigenvalue, or gates driven by noise."""
        run: dict[str, Any] = {"device": device, "dtype": settings["dtype"]}
        if settings["cell"] == "lru":
            yield [*of_ring(backend, settings, run), *of_eigenvalues(backend, settings, run)]
            return
        biases = laws.BIASES[settings["cell"]]
        model, network, batch = networks.driven_gates(settings, biases, laws.GATE_NOISE)
        (flow,) = sweep(backend, model, [network], batch, **run)
        ratios = (flow.states[::-1, 0] / flow.states[-1, 0]).astype(np.float64)  # (T, B, H)
        yield [
            *(Measurement(laws.SQUARE, square, index=k) for k, square in enumerate((ratios**2).mean(axis=(1, 2)))),
            Measurement(laws.LN_SQUARE, 2.0 * np.log(abs(ratios[-1])).mean()),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what adds up over the steps, the laws of the ring and of one eigenvalue, and those of gates."""
        for backend, at, trial in trials(rows):
            claim = partial(Claim, backend=backend)
            for lag in LAGS[at["cell"]]:
                expected, tolerance = laws.mean_square(at, lag)
                of_lru = "the mean squared gradient a step back is (r_min^2 + r_max^2) / 2 of the last one"
                of_gates = "the mean squared gradient k steps back is the k-th power of what a step's gates keep"
                yield claim(
                    name=f"{self.name}/mean-square/{at['cell']}",
                    sentence=f"{at['cell']}: {of_lru if at['cell'] == 'lru' else of_gates}.",
                    source=laws.RING_POWERS if at["cell"] == "lru" else laws.INDEPENDENT,
                    expected=expected,
                    measured=value(trial, laws.SQUARE, index=lag),
                    tolerance=tolerance,
                    resolution=laws.per_step(expected, tolerance, lag),
                )
            if at["cell"] == "lru":
                yield from self.of_lru(claim, at, trial)
                continue
            expected, tolerance = laws.typical(at)
            yield claim(
                name=f"{self.name}/typical/{at['cell']}",
                sentence=f"{at['cell']}: a typical gradient changes by e^(E ln kept) per step, less than the mean one.",
                source=laws.INDEPENDENT,
                expected=expected,
                measured=math.exp(value(trial, laws.LN_SQUARE) / 2.0 / (at["length"] - 1)),
                tolerance=tolerance,
                resolution=Resolution.linear(expected, tolerance, laws.FACTOR),
            )

    def of_lru(self, claim: "partial[Claim]", at: "pd.Series[Any]", trial: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what is said of an LRU's states and their gradients, unit by unit, on the ring and by eigenvalue."""
        allowed = laws.exact_tolerance(at)
        yield claim(
            name=f"{self.name}/energy/lru",
            sentence="lru: a unit's squared gradients add up to (1 - |lambda|^2T) / (1 - |lambda|^2) times the last.",
            source=laws.BACKWARD,
            expected=0.0,
            measured=value(trial, laws.ENERGY_ERROR),
            tolerance=allowed,
            resolution=laws.energy_resolution(at),
        )
        yield claim(
            name=f"{self.name}/size/lru",
            sentence="lru without gamma: E |s_T|^2 / E |Bu|^2 = (1 - |lambda|^2T) / (1 - |lambda|^2), unit by unit.",
            source=laws.ORVIETO,
            expected=0.0,
            measured=value(trial, laws.SIZE_ERROR),
            tolerance=allowed,
            resolution=laws.read_resolution(allowed),
        )
        expected, tolerance = laws.ring(at)
        yield claim(
            name=f"{self.name}/ring/lru/{number(at['r_max'])}",
            sentence=f"lru without gamma, r_max = {at['r_max']:g}: E |s|^2 / E |Bu|^2 = "
            "ln[(1 - r_min^2) / (1 - r_max^2)] / (r_max^2 - r_min^2).",
            source=laws.ORVIETO,
            expected=expected,
            measured=value(trial, laws.RING),
            tolerance=tolerance,
            resolution=laws.read_resolution(tolerance / expected),
        )
        yield claim(
            name=f"{self.name}/normalised/lru",
            sentence="lru with gamma: E |s_T|^2 / E |Bu|^2 = 1 - |lambda|^2T, unit by unit.",
            source=laws.GAMMA,
            expected=0.0,
            measured=value(trial, laws.NORMALISED_ERROR),
            tolerance=allowed,
            resolution=laws.read_resolution(allowed),
        )
        for member, eigenvalue in enumerate(EIGENVALUES):
            expected, tolerance = laws.sensitivity(at, eigenvalue)
            yield claim(
                name=f"{self.name}/sensitivity/{number(eigenvalue)}",
                sentence=f"lru, real lambda = {eigenvalue:g}: E (ds/dlambda)^2 = (1 + lambda^2) / (1 - lambda^2)^3, "
                "but for what T steps leave out.",
                source=laws.ZUCCHET,
                expected=expected,
                measured=value(trial, laws.SENSITIVITY, member=member),
                tolerance=tolerance,
                resolution=Resolution.logarithmic(tolerance / expected, laws.BY_NU, power=2.0),
            )

    def answers(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Answer]:
        """Yield nothing: its claims are the answer."""
        return iter(())

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield states, gradients and sensitivity by eigenvalue, and gradients by lag."""
        from gradsuite_experiments.linear_recurrence.figures import draw

        yield draw(rows, claims)

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield by how much a sensitivity outgrows its gradients."""
        from gradsuite_experiments.linear_recurrence.findings import sensitivity

        yield from sensitivity(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield what an eigenvalue near 1 costs."""
        from gradsuite_experiments.linear_recurrence.findings import by_eigenvalue

        yield from by_eigenvalue(rows)


def of_ring(backend: Backend, settings: Settings, run: dict[str, Any]) -> Iterator[Measurement]:
    """Yield what is measured of networks on a ring: of each unit's states, without gamma and with it, and gradients."""
    T, seeds = settings["length"], range(settings["seeds"])
    model, batch = networks.noise_for_all(settings)
    sizes: dict[bool, list[np.ndarray]] = {False: [], True: []}
    squares = []
    for gamma in (False, True):
        for seed in seeds:
            re, im = sweep(backend, model, networks.ring(settings, seed, gamma=gamma), batch, **run)
            outputs = re.outputs.astype(np.float64), im.outputs.astype(np.float64)
            sizes[gamma].append((outputs[0] ** 2 + outputs[1] ** 2).mean(axis=0))
            if not gamma:
                assert re.cell_states is not None
                parts = re.states[::-1, 0, 0].astype(np.float64), re.cell_states[::-1, 0, 0].astype(np.float64)
                square = parts[0] ** 2 + parts[1] ** 2
                squares.append(square / square[0])
    moduli = np.concatenate([networks.moduli(settings, seed) for seed in seeds])
    square = np.concatenate(squares, axis=1)  # (T, units)
    size, normalised = (np.concatenate(sizes[gamma]) for gamma in (False, True))
    energy, exact = square.sum(axis=0), theory.energy(moduli, T)
    yield Measurement(laws.SIZE_ERROR, abs(size / exact - 1.0).max())
    yield Measurement(laws.NORMALISED_ERROR, abs(normalised / -np.expm1(2 * T * np.log(moduli)) - 1.0).max())
    yield Measurement(laws.ENERGY_ERROR, abs(energy / exact - 1.0).max())
    yield Measurement(laws.RING, size.mean())
    for lag, mean in enumerate(square.mean(axis=1)):
        yield Measurement(laws.SQUARE, mean, index=lag)
    by_metric = {laws.MODULUS: moduli, laws.SIZE: size, laws.NORMALISED: normalised, laws.ENERGY: energy}
    chosen = np.argsort(moduli)[np.linspace(0, len(moduli) - 1, min(laws.SHOWN, len(moduli))).astype(int)]
    for metric, numbers in by_metric.items():
        for rank, unit in enumerate(chosen):
            yield Measurement(metric, numbers[unit], index=rank)


def of_eigenvalues(backend: Backend, settings: Settings, run: dict[str, Any]) -> Iterator[Measurement]:
    """Yield the mean square of ds/dlambda for each eigenvalue, from dL/dnu with lambda = exp(-exp(nu))."""
    T = settings["length"]
    model, batch = networks.noise_for_each(T)
    alike = [networks.alike(eigenvalue, T) for eigenvalue in EIGENVALUES]
    flows = sweep(backend, model, alike, batch, **run, fetched=["nu_log_l0"])
    for member, (eigenvalue, flow) in enumerate(zip(EIGENVALUES, flows, strict=True)):
        slopes = flow.parameters["nu_log_l0"].astype(np.float64) / (eigenvalue * math.log(eigenvalue))
        yield Measurement(laws.SENSITIVITY, (slopes**2).mean(), member=member)
