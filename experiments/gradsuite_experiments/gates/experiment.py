"""Gated cells without recurrent weights: the gradient is the product of the gates that keep the state."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.model import Model
from gradsuite.parameters import KEEP_GATE, Initialisation, initialise
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF, bound
from gradsuite.report import style
from gradsuite.report.palette import ordered_colours
from gradsuite.rows import Measurement
from gradsuite.settings import HIDDEN_SIZE, LENGTH, Presets, Setting, Settings
from gradsuite.theory import gates as theory

from gradsuite_experiments.common.frames import by_backend, places, tally, trials, value, values, where
from gradsuite_experiments.common.networks import kept, silent
from gradsuite_experiments.common.sweep import Flow, sweep

GERS = "exact; the forget bias: Gers, Schmidhuber & Cummins 2000 (from the literature by memory)"
TALLEC = "Tallec & Ollivier 2018, arXiv:1804.11188, sec. 3 (from the literature by memory)"
CHRONO_LAGS = (10, 100)
CHRONO_NETWORKS = 8
LONGEST = 100.0  # T_max of chrono initialisation
DRAWN_LAGS = 100


class Gates(Experiment):
    """Gradient through the state against the lag: by forget bias, driven by inputs, and with chrono initialisation."""

    name = "gates"
    question = "How long does a gradient live behind a forget gate, and what does its bias do?"
    settings = (
        Setting("cell", str, "which gated cell", choices=tuple(KEEP_GATE)),
        Setting("biases", int, "forget biases 0, 1, 2, ...: so many", minimum=1),
        LENGTH,
        HIDDEN_SIZE,
        Setting("dtype", str, "precision", choices=PRECISE),
    )
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
        cell, H, T = str(settings["cell"]), int(settings["hidden_size"]), int(settings["length"])
        model = Model(cell, H, H, readout="none", loss="inner_product")
        biased = [silent(initialise(model, Initialisation(forget_bias=b))) for b in range(int(settings["biases"]))]
        chrono = [silent(initialise(model, Initialisation(chrono=LONGEST), seed=k)) for k in range(CHRONO_NETWORKS)]
        driven = silent(initialise(model, Initialisation("normal", forget_bias=1.0)), "weight_hh")
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((T, 1, H)), rng.standard_normal((1, H)))
        networks = [*biased, *chrono, driven]
        flows = sweep(backend, model, networks, batch, device=device, dtype=str(settings["dtype"]))
        ratios = np.array([through_state(flow) for flow in flows])
        behind_chrono = ratios[len(biased) : -1].mean(axis=(0, 2))
        error = relative_error(ratios[-1], kept(driven, cell, batch.inputs[:, 0]), str(settings["dtype"]))
        yield [
            Measurement("driven_error", error),
            *(Measurement("chrono_ratio", ratio, index=lag) for lag, ratio in enumerate(behind_chrono)),
            *(
                Measurement(f"ratio_{bias}", ratio, index=lag)
                for bias in range(len(biased))
                for lag, ratio in enumerate(ratios[bias].mean(axis=1))
            ),
        ]

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield the factor per step and half-life of each bias, the product of driven gates, and chrono's integral."""
        for backend, at, cell in trials(rows):
            name, steps, H = at["cell"], at["length"] - 1, at["hidden_size"]
            for bias in range(at["biases"]):
                ratios, half = values(cell, f"ratio_{bias}"), theory.half_life(bias)
                # sigma(b) is off by two units in the last place at most, the same way at each step, which rounds once.
                a_step = 6.0 * UNIT_ROUNDOFF[at["dtype"]]
                sentence = f"{name}, forget bias {bias}: the gradient falls by sigma({bias}) a step."
                error = relative_error(ratios, theory.keep(bias) ** np.arange(steps + 1), at["dtype"])
                yield Claim(self.name, backend, sentence, GERS, 0.0, error, steps * a_step)
                # What is left at the half-life is off by so much, and falls by ln 2 / half-life a step.
                allowed = math.ceil(half) * a_step * half / math.log(2.0)
                sentence = f"{name}, forget bias {bias}: half of the gradient is left after {half:.4g} steps."
                if steps > half:
                    yield Claim(self.name, backend, sentence, GERS, half, half_life(ratios), allowed)
            sentence = f"{name}: driven by inputs, the gradient is the product of the gates that keep the state."
            # Each step's gate reads a sum of H products.
            allowed = bound(at["dtype"], steps * H)
            yield Claim(self.name, backend, sentence, GERS, 0.0, value(cell, "driven_error"), allowed)
            for lag in (lag for lag in CHRONO_LAGS if lag <= steps):
                left = theory.chrono_keep(lag, LONGEST)
                # Four standard errors over the units, from the law's own second moment: the integral at 2 k.
                variance = theory.chrono_keep(2 * lag, LONGEST) - left**2
                allowed = 4.0 * math.sqrt(variance / (H * CHRONO_NETWORKS))
                sentence = f"{name}, chrono initialisation for {LONGEST:g} steps: {left:.4f} is left after {lag} steps."
                yield Claim(self.name, backend, sentence, TALLEC, left, value(cell, "chrono_ratio", lag), allowed)

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the gradient against the lag by forget bias, one panel a cell."""
        kinds = [cell for cell in KEEP_GATE if cell in set(rows["cell"])]
        drawn, axes = style.figure(1, len(kinds), height=4.4, sharey=True)
        backends = [backend for backend, _ in by_backend(rows)]
        for ax, kind in zip(axes[0], kinds, strict=True):
            draw_cell(ax, where(rows, cell=kind), backends)
            ax.set_title(f"{kind} without recurrent weights")
        axes[0, 0].set_ylabel("gradient over that at T")
        lines = [style.line_key("sigma(b)^k"), style.line_key("chrono's integral", linestyle="--")]
        style.backend_legend(drawn, backends, extra=lines)
        most = int(rows["biases"].max()) - 1
        finding = f"Half-life is 1 step behind a forget gate of bias 0, {theory.half_life(most):.3g} of bias {most}"
        style.title(drawn, tally(claims, finding, "A gate does not keep what it should"))
        caption = "Gradient through the state (c of the LSTM, h of the GRU) against the lag, for several forget biases "
        caption += f"b and for chrono initialisation over {LONGEST:g} steps; lines are exact."
        yield Figure("gates", caption, drawn)

    def tables(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield the half-lives."""
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for backend, at, cell in trials(rows):
            for bias in range(at["biases"]):
                law = {"cell": at["cell"], "forget bias": bias, "factor a step": round(theory.keep(bias), 6)}
                row = found.setdefault((at["cell"], bias), law | {"half-life": round(theory.half_life(bias), 4)})
                row[backend] = round(half_life(values(cell, f"ratio_{bias}")), 4)
        caption = "Steps after which half of the gradient is left: -ln 2 / ln sigma(b), and what each backend measured."
        yield Table("Half-life of the gradient by forget bias", caption, pd.DataFrame(found.values()))


def through_state(flow: Flow) -> np.ndarray:
    """Return the gradient by lag over that at T, (T, H): of the cell state where there is one."""
    states = flow.states if flow.cell_states is None else flow.cell_states
    return states[::-1, 0, 0] / states[-1, 0, 0]


def relative_error(found: np.ndarray, expected: np.ndarray, dtype: str) -> float:
    """Return the largest relative error, as far as the dtype has numbers so small, with room for the gradient at T."""
    present = expected > 1e6 * np.finfo(dtype).tiny
    return float(abs(found[present] / expected[present] - 1.0).max())


def half_life(ratios: np.ndarray) -> float:
    """Return the lag at which half is left, its logarithm interpolated; NaN if more is left at the last one."""
    with np.errstate(divide="ignore"):  # what vanished
        fallen = -np.log(ratios)
    return float(np.interp(math.log(2.0), fallen, np.arange(len(ratios)), right=math.nan))


def draw_cell(ax: Any, rows: pd.DataFrame, backends: Sequence[str]) -> None:
    """Draw one cell's gradients, theory as lines, each backend's points at lags of its own."""
    biases = range(int(rows["biases"].max()))
    lags = np.arange(min(DRAWN_LAGS, int(rows["length"].max()) - 1) + 1)
    for bias, colour in zip(biases, ordered_colours(len(biases)), strict=True):
        style.theory(ax, lags, theory.keep(bias) ** lags, color=colour)
    chrono = [theory.chrono_keep(int(lag), LONGEST) for lag in lags]
    style.theory(ax, lags, chrono, linestyle="--")
    for backend, _, cell in trials(rows):
        own = slice(4 * (1 + backends.index(backend)), len(lags), 4 * (len(backends) + 1))
        for metric in ("chrono_ratio", *(f"ratio_{bias}" for bias in biases)):
            style.measured(ax, places(cell, metric)[own], values(cell, metric)[own], backend)
    style.log_axis(ax, "y", "")
    ax.set_ylim(1e-7, 30.0)
    style.regions(ax, (0.1, 10.0))
    ends = [(theory.keep(bias) ** lags[-1], f"b = {bias}") for bias in biases]
    style.label_ends(ax, [*ends, (chrono[-1], "chrono")])
    ax.set_xlabel("lag T - t in steps")
