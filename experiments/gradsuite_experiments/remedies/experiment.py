"""Remedies against vanishing gradients side by side: how far back each one's gradient reaches, and what a step costs.

Residual and normalised recurrent networks are not among them: `gradsuite.model` has none.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, DeviceBatch, Network
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.measuring.timing import Timer
from gradsuite.optimizers import Adam
from gradsuite.parameters import Initialisation, initialise
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, Presets, Setting, Settings
from gradsuite.theory import gates

from gradsuite_experiments.common.frames import trials, value, values
from gradsuite_experiments.common.sweep import fetch
from gradsuite_experiments.remedies import figures
from gradsuite_experiments.remedies.laws import BIASES, curve_law, reach, theory, tolerance

CLIP_NORM = 1.0
MEAN_FIELD = "mean field, ln chi_1 a step: Chen, Pennington & Schoenholz 2018, arXiv:1806.05394 (by memory)"
PASCANU = "exact; clipping: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1"
LE = "exact; Le, Jaitly & Hinton 2015, arXiv:1504.00941 (from the literature by memory)"
POWERS = "powers of kept + pull W at the fixed point, by Wick's theorem, with its next order in 1 / H"
BARE = "exact for the forget gate alone; its bias: Jozefowicz, Zaremba & Sutskever 2015 (from the literature by memory)"
TALLEC = "Tallec & Ollivier 2018, arXiv:1804.11188, sec. 3 (from the literature by memory)"
DEFAULT = Initialisation()  # PyTorch's


@dataclass(frozen=True, slots=True)
class Remedy:
    """One remedy: the network's cell and activation, how it is initialised, and the limit of its gradient's norm."""

    title: str
    cell: str
    initialisation: Initialisation = DEFAULT
    activation: str = "tanh"
    clip_norm: float | None = None


REMEDIES = {
    "tanh": Remedy("plain tanh", "rnn"),
    "clipping": Remedy("clipped tanh", "rnn", clip_norm=CLIP_NORM),
    "orthogonal": Remedy("orthogonal tanh", "rnn", Initialisation("orthogonal")),
    "identity": Remedy("identity relu", "rnn", Initialisation("identity"), "relu"),
    "lstm-0": Remedy("lstm of bias 0", "lstm", Initialisation(forget_bias=0.0)),
    "lstm-1": Remedy("lstm of bias 1", "lstm", Initialisation(forget_bias=1.0)),
    "lstm-5": Remedy("lstm of bias 5", "lstm", Initialisation(forget_bias=5.0)),
    "chrono": Remedy("chrono lstm", "lstm"),  # for as many steps as the sequences have
    "gru": Remedy("gru of bias 0", "gru", Initialisation(forget_bias=0.0)),
}
TITLES = {name: remedy.title for name, remedy in REMEDIES.items()}


class Remedies(Experiment):
    """The gradient's horizon on one task before and after training, and seconds a step, for each remedy."""

    name = "remedies"
    question = "Which remedy against vanishing gradients reaches how far back, and what does it cost a step?"
    settings = (
        Setting("remedy", str, "what is done against vanishing gradients", choices=tuple(REMEDIES)),
        Setting("hidden_size", int, "units", minimum=16),  # the laws are those of wide networks
        Setting("length", int, "time steps T of the temporal order task", minimum=20),
        BATCH_SIZE,
        Setting("seeds", int, "networks and batches drawn", minimum=1),
        Setting("steps", int, "training steps of the first network; 0 leaves training and timing out", minimum=0),
        Setting("samples", int, "timings of a training step", minimum=1),
        Setting("dtype", str, "precision", choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {
            "remedy": list(REMEDIES),
            "hidden_size": [N],
            "length": [T],
            "batch_size": [16],
            "seeds": [seeds],
            "steps": [steps],
            "samples": [samples],
            "dtype": ["float32"],
        }
        for preset, N, T, seeds, steps, samples in (
            ("quick", 48, 100, 4, 0, 1),
            ("standard", 48, 100, 8, 25, 3),
            ("full", 128, 200, 16, 500, 9),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure gradients by lag at initialisation, those of the first network once trained, and its steps' time."""
        drawn = [build(backend, device, settings, seed) for seed in range(int(settings["seeds"]))]
        gradients = [by_lag(*each) for each in drawn]  # (T, B, H) each
        squares = np.array([mean_square(g) for g in gradients])
        found = [Measurement("gradient", g, index=lag) for lag, g in enumerate(np.sqrt(squares.mean(axis=0)))]
        found += [Measurement("horizon", reach(np.sqrt(square)), "steps", k) for k, square in enumerate(squares)]
        if settings["remedy"] == "identity":
            # What is neither zero nor what it is at T, over that at T.
            error = max(float(abs(g * (g - g[0])).max() / np.square(g[0]).max()) for g in gradients)
            found.append(Measurement("error", error))
        yield found + (train(*drawn[0], settings) if int(settings["steps"]) else [])

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield each remedy's horizon at initialisation: laws, exact ones where there are; nothing of training."""
        reached: dict[tuple[str, str], float] = {}
        curves: dict[tuple[str, str], np.ndarray] = {}
        for backend, at, cell in trials(rows):
            remedy, T = at["remedy"], at["length"]
            claim, curve = partial(Claim, self.name, backend), values(cell, "gradient")
            found = reached[backend, remedy] = float(values(cell, "horizon").mean())
            curves[backend, remedy] = curve
            if remedy in SENTENCES:
                sentence, source = SENTENCES[remedy]
                yield claim(sentence, source, theory(remedy, at), found, tolerance(remedy, at))
            if remedy in BIASES:
                bias = BIASES[remedy]
                # Recurrent weights add paths, which are orthogonal to the gate's at leading order: none is lost.
                bare = reach(gates.keep(bias) ** np.arange(T))
                sentence = (
                    f"LSTM, forget bias {bias}: the horizon is no nearer than that of sigma({bias})^k, or the start."
                )
                yield claim(sentence, BARE, bare, found, 0.0, ">=")
            if remedy == "identity":
                sentence = "Identity-ReLU: a unit's gradient is at every lag exactly what it is at T, or zero."
                yield claim(sentence, LE, 0.0, value(cell, "error"), 0.0)
            if remedy in ("identity", "chrono"):
                sentence = f"{NAMED[remedy]}: the horizon is beyond the start of the sequence."
                yield claim(sentence, LE if remedy == "identity" else TALLEC, T - 1, found, 0.0, ">=")
            if remedy == "chrono":
                left, fourth = (gates.chrono_keep(n * (T - 1), T) for n in (2, 4))
                # Four standard errors over units, each weighted by the square of its gradient at T, normal at worst:
                # these weights have a second moment of 3. Recurrent weights only add.
                allowed = 4.0 * math.sqrt(3.0 * (fourth - left**2) / (at["hidden_size"] * at["seeds"]))
                sentence = (
                    "Chrono: at the start is left at least what the forget gates keep, E f^(2 (T-1)) of the square."
                )
                yield claim(sentence, TALLEC, left, curve[-1] ** 2, allowed, ">=")
        yield from self.compared(reached, curves)

    def compared(
        self, reached: Mapping[tuple[str, str], float], curves: Mapping[tuple[str, str], np.ndarray]
    ) -> Iterator[Claim]:
        """Yield what one remedy does more or less than another; cells that were not measured say nothing."""
        for backend in dict.fromkeys(backend for backend, _ in reached):
            claim = partial(Claim, self.name, backend)
            of = {remedy: far for (who, remedy), far in reached.items() if who == backend}
            if {"tanh", "clipping"} <= of.keys():
                sentence = "Clipping: gradients through time are those of plain tanh, bit for bit."
                apart = float(abs(curves[backend, "tanh"] - curves[backend, "clipping"]).max())
                yield claim(sentence, PASCANU, 0.0, apart, 0.0)
            if {"tanh", "orthogonal"} <= of.keys():
                # Mean field has a ratio of 6 here; three standard errors of both horizons leave 3.
                sentence = "Orthogonal tanh: the horizon is at least three times that of plain tanh."
                yield claim(sentence, MEAN_FIELD, 3.0, of["orthogonal"] / of["tanh"], 0.0, ">=")
            measured = [of[remedy] for remedy in BIASES if remedy in of]
            for nearer, farther in pairwise(measured):
                yield claim("LSTM: a larger forget bias reaches farther.", BARE, nearer, farther, 0.0, ">=")

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield horizons beside costs, and gradients against the lag."""
        claims = claims
        yield figures.horizons(rows, claims, TITLES, theory)
        yield figures.curves(rows, claims, TITLES, curve_law)

    def tables(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield the loss before and after training."""
        found = [
            {
                "remedy": TITLES[at["remedy"]],
                "backend": backend,
                "horizon": round(float(values(cell, "horizon")[0]), 1),
                "trained": round(value(cell, "horizon_trained"), 1),
                "loss": round(value(cell, "loss"), 4),
                "loss trained": round(value(cell, "loss_trained"), 4),
                "seconds a step": float(f"{np.median(values(cell, 'seconds')):.3g}"),
            }
            for backend, at, cell in trials(rows)
            if at["steps"]
        ]
        if found:
            caption = (
                f"The first network before and after {rows['steps'].max():g} steps of Adam; chance is ln 4 = 1.3863."
            )
            yield Table("What training does to the horizon", caption, pd.DataFrame(found))


NAMED = {"identity": "Identity-ReLU", "chrono": "Chrono"}
SENTENCES = {
    "tanh": ("Plain tanh: the horizon is that of mean field at gain 1 / sqrt(3).", MEAN_FIELD),
    "orthogonal": ("Orthogonal tanh: the horizon is that of mean field at gain 1.", MEAN_FIELD),
    "lstm-0": ("LSTM, forget bias 0: the horizon is that of powers of f0 + i0 o0 W_g.", POWERS),
    "lstm-1": ("LSTM, forget bias 1: the horizon is that of powers of f0 + i0 o0 W_g.", POWERS),
    "gru": ("GRU: the horizon is that of powers of z0 + (1 - z0) r0 W_n.", POWERS),
}


def build(backend: Backend, device: str, settings: Settings, seed: int) -> tuple[Network, DeviceBatch]:
    """Return one network with one batch of its own."""
    name, T, size = str(settings["remedy"]), int(settings["length"]), int(settings["batch_size"])
    remedy, task = REMEDIES[name], self.task("temporal-order")
    model = task.model(remedy.cell, int(settings["hidden_size"]), activation=remedy.activation)
    initialisation = Initialisation(chrono=float(T)) if name == "chrono" else remedy.initialisation
    parameters = initialise(model, initialisation, seed=seed)
    network = backend.build(model, parameters, device=device, dtype=str(settings["dtype"]))
    return network, network.put(task.batch(np.random.default_rng(seed), model, size=size, length=T))


def by_lag(network: Network, batch: DeviceBatch) -> np.ndarray:
    """Return the state gradients by lag, (T, B, H): of the cell state where there is one."""
    tape = network.forward(batch, states=True)
    flow = fetch(network, tape, network.backward(tape))
    states = flow.states if flow.cell_states is None else flow.cell_states
    return states[::-1, 0].astype(np.float64)


def mean_square(gradients: np.ndarray) -> np.ndarray:
    """Return the squared norm over units and batch by lag, over that at T."""
    squares = np.square(gradients).sum(axis=(1, 2))
    return squares / squares[0]


def train(network: Network, batch: DeviceBatch, settings: Settings) -> list[Measurement]:
    """Train one network on its batch; return horizon and loss after it, the loss before, and seconds of more steps."""
    optimizer = Adam(lr=0.005, clip_norm=REMEDIES[str(settings["remedy"])].clip_norm)
    losses = [network.step(batch, optimizer) for _ in range(int(settings["steps"]))]
    trained = reach(np.sqrt(mean_square(by_lag(network, batch))))
    after = network.fetch(network.forward(batch, states=True).loss)
    timer = Timer(lambda _: network.step(batch, optimizer), network.synchronize)
    timer.warm_up()
    seconds = [timer.sample().seconds for _ in range(int(settings["samples"]))]
    return [
        Measurement("horizon_trained", trained, "steps"),
        Measurement("loss", float(network.fetch(losses[0]))),
        Measurement("loss_trained", float(after)),
        *(Measurement("seconds", s, "s", index=k) for k, s in enumerate(seconds)),
    ]
