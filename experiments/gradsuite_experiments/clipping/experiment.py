"""What clipping does to a gradient that explodes: to its length, to its direction, and to what is not finite."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.optimizers import SGD
from gradsuite.parameters import Initialisation
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF
from gradsuite.rows import Measurement
from gradsuite.settings import HIDDEN_SIZE, LENGTH, Presets, Setting, Settings
from gradsuite.theory import clipping as theory

from gradsuite_experiments.clipping.figures import draw
from gradsuite_experiments.clipping.one_step import Step, cosine, flat, infinite, norms, steps, units
from gradsuite_experiments.common.frames import members, trials, value
from gradsuite_experiments.common.sweep import draws

GAINS = (0.5, 2.5)
INPUTS = 4
BIAS = 0.1
LAST = 1e-4  # length of dL/dh_T: gradients that do not explode are within the limits
TORCH = "torch.nn.utils.clip_grad_norm_; Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1"
OPTAX = "optax.clip_by_global_norm, c g / |g|, against torch's c g / (|g| + 1e-6)"
BROCK = "Brock et al. 2021, arXiv:2102.06171, eq. 3 (from the literature by memory); optax.adaptive_grad_clip"
VALUE = "torch.nn.utils.clip_grad_value_; exact"
SOURCES = {"norm": TORCH, "unit": BROCK, "value": VALUE}


class Clipping(Experiment):
    """One clipped step of gradient descent against the whole gradient, for linear RNNs of growing gain."""

    name = "clipping"
    question = "What does each rule of clipping do to the length and the direction of a gradient that explodes?"
    settings = (
        Setting("rule", str, "clip by global norm, by unit (adaptive) or by value", choices=tuple(SOURCES)),
        Setting("limit", float, "limit of |g|, of |g| / |p| in each unit, or of each element", minimum=0, above=True),
        Setting("gains", int, f"recurrent gains between {GAINS[0]:g} and {GAINS[1]:g}", minimum=2),
        HIDDEN_SIZE,
        LENGTH,
        # p - g is what is measured: a shorter float loses the units that move little.
        Setting("dtype", str, "precision", choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {
            "rule": list(SOURCES),
            "limit": limits,
            "gains": [gains],
            "hidden_size": [N],
            "length": [30],
            "dtype": ["float64"],
        }
        for preset, limits, gains, N in (
            ("quick", [0.01], 9, 16),
            ("standard", [0.01], 25, 32),
            ("full", [0.001, 0.01, 0.1, 1.0], 49, 64),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure one step's length and cosine for every gain, and what becomes of an infinite gradient."""
        rule, limit, N = str(settings["rule"]), float(settings["limit"]), int(settings["hidden_size"])
        model = Model("rnn", INPUTS, N, activation="identity", readout="none", loss="inner_product")
        (drawn,) = draws(model, Initialisation("orthogonal"), 1)
        gains = np.linspace(*GAINS, int(settings["gains"]))
        # Biases that are not zero, so that their units' limits are not the least ones.
        unlike_zero = {name: p + BIAS if "bias" in name else p for name, p in drawn.items()}
        networks = [{**unlike_zero, "weight_hh_l0": gain * drawn["weight_hh_l0"]} for gain in gains]
        rng = np.random.default_rng(0)
        inputs, last = rng.standard_normal((int(settings["length"]), 1, INPUTS)), rng.standard_normal((1, N))
        batch = Batch(inputs, LAST * last / np.linalg.norm(last))
        optimizer = SGD(lr=1.0, **{f"clip_{rule}": limit})
        run = {"device": device, "dtype": str(settings["dtype"])}
        eps, found = 2.0 * UNIT_ROUNDOFF[run["dtype"]], []
        with np.errstate(all="ignore"):
            for k, step in enumerate(steps(backend, model, networks, batch, optimizer, run)):
                measured = {"gain": gains[k], **of_step(step, eps), **LAWS[rule](step, limit)}
                found += [Measurement(metric, number, index=k) for metric, number in measured.items()]
            left = infinite(backend, optimizer, run)
        as_law = np.allclose(left, INFINITE[rule](limit), rtol=4.0 * eps, atol=0.0, equal_nan=True)
        yield [*found, Measurement("infinite_as_law", float(as_law))]

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield what every rule does to length and direction at every gain, and what is its own."""
        for backend, at, cell in trials(rows):
            rule, limit = at["rule"], at["limit"]
            claim = partial(Claim, self.name, backend)
            steps: list[Any] = sorted(members(cell).itertuples(), key=lambda step: step.norm)
            for step in steps:
                for sentence, *numbers in GENERAL[rule](step, limit, 2.0 * UNIT_ROUNDOFF[at["dtype"]]):
                    yield claim(f"Clipping by {rule} {sentence}", SOURCES[rule], *numbers)
                if step.beyond <= 1.0:
                    sentence = f"Clipping by {rule} leaves a gradient within its limit alone."
                    yield claim(sentence, SOURCES[rule], 0.0, step.change, step.rounding)
            for shortest in [step for step in steps if step.beyond > 1.0][: rule == "norm"]:
                sentence = "Clipping by norm, torch's rule is shorter than optax's by the part 1e-6 / (|g| + 1e-6)."
                part = theory.norm_shortfall(shortest.norm)
                yield claim(sentence, OPTAX, part, 1.0 - shortest.length / limit, shortest.rounding)
            sentence = f"Clipping by {rule} turns [inf, 1] into {INFINITE_SAID[rule]}."
            yield claim(sentence, SOURCES[rule], 1.0, value(cell, "infinite_as_law"), 0.0)

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield length and cosine against the gain."""
        yield draw(rows, claims)


def of_step(step: Step, eps: float) -> dict[str, float]:
    """Return the gradient's norm, the step's length and cosine, how much it changed, and what a step rounds.

    p - g rounds to eps |p|, and a norm over n elements to sqrt(n) eps, both as parts of the step's length.
    """
    p, g, moved = flat(step.before), flat(step.gradient), flat(step.moved)
    norm, length, change = norms([g, moved, moved - g])
    return {
        "norm": norm,
        "length": length,
        "cosine": cosine(g, moved),
        "change": change / norm,
        "rounding": eps * (float(np.linalg.norm(p)) / length + math.sqrt(len(g))),
    }


def norm_law(step: Step, limit: float) -> dict[str, float]:
    """Return length and cosine as they should be, and how many limits the gradient is long."""
    norm = float(np.linalg.norm(flat(step.gradient)))
    length, turned = theory.norm(norm, limit)
    return {"length_law": length, "cosine_law": turned, "beyond": (norm + theory.EPSILON) / limit}


def value_law(step: Step, limit: float) -> dict[str, float]:
    """Return the same, beyond by the largest element, and by the smallest; and the cosine when all are beyond."""
    g = flat(step.gradient)
    length, turned = theory.value(g, limit)
    sizes = {"beyond": abs(g).max() / limit, "all_beyond": abs(g).min() / limit}
    return {"length_law": length, "cosine_law": turned, "saturated": theory.saturated_cosine(g), **sizes}


def unit_law(step: Step, limit: float) -> dict[str, float]:
    """Return the same, beyond by the unit with the largest ratio; that of the step, and the least cosine of a unit."""
    before, gradients, moved = (units(arrays) for arrays in (step.before, step.gradient, step.moved))
    sizes, parts = norms(before), norms(gradients)
    length, turned = theory.unit(sizes, parts, limit)
    return {
        "length_law": length,
        "cosine_law": turned,
        "beyond": theory.unit_ratios(sizes, parts).max() / limit,
        "ratio": theory.unit_ratios(sizes, norms(moved)).max(),
        "unit_cosine": min(map(cosine, gradients, moved)),
        "unit_rounding": float((sizes / norms(moved)).max()),
    }


LAWS: dict[str, Callable[[Step, float], dict[str, float]]] = {"norm": norm_law, "unit": unit_law, "value": value_law}
Said = Iterator[tuple[Any, ...]]  # what is claimed of one step: sentence, expected, measured, tolerance, relation


def said_of_norm(step: Any, limit: float, eps: float) -> Said:
    """Yield what clipping by norm does to every gradient."""
    yield "keeps the gradient's direction.", 1.0, step.cosine, step.rounding
    yield "leaves the length |g| min(1, c / (|g| + 1e-6)).", 1.0, step.length / step.length_law, step.rounding


def said_of_unit(step: Any, limit: float, eps: float) -> Said:
    """Yield what clipping by unit does to every gradient."""
    # A unit's p - g rounds to eps |p| too, which is more of a unit that moves little, and eps of its ratio to |p|.
    unit_rounding = step.rounding + eps * step.unit_rounding
    yield "keeps the direction of each unit's gradient.", 1.0, step.unit_cosine, unit_rounding
    yield "turns the whole gradient as its units are scaled.", step.cosine_law, step.cosine, step.rounding
    yield "leaves the length that its units have left.", 1.0, step.length / step.length_law, step.rounding
    yield "moves no unit by more than c of its own norm.", limit, step.ratio, eps + limit * step.rounding, "<="


def said_of_value(step: Any, limit: float, eps: float) -> Said:
    """Yield what clipping by value does to every gradient."""
    yield "turns the gradient to the cosine <g, clip g> / (|g| |clip g|).", step.cosine_law, step.cosine, step.rounding
    yield "leaves of the length what is within, and c of the rest.", 1.0, step.length / step.length_law, step.rounding
    if step.all_beyond > 1.0:
        yield "turns it to its signs in the end: |g|_1 / (sqrt(n) |g|_2).", step.saturated, step.cosine, step.rounding


GENERAL: dict[str, Callable[[Any, float, float], Said]] = {
    "norm": said_of_norm,
    "unit": said_of_unit,
    "value": said_of_value,
}
# What [inf, 1] becomes, each element a unit with zero weights.
INFINITE: dict[str, Callable[[float], list[float]]] = {
    "norm": lambda limit: [math.nan, 0.0],
    "unit": lambda limit: [math.nan, min(1.0, limit * theory.LEAST)],
    "value": lambda limit: [limit, min(1.0, limit)],
}
INFINITE_SAID = {"norm": "[nan, 0]", "unit": "nan in its own unit alone", "value": "numbers as if it were finite"}
