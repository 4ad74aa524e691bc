"""What each rule of clipping leaves of a gradient, in sentences with their sources, and how far rounding may be off."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gradsuite.claims import Relation, Source
from gradsuite.theory import clipping as theory

from gradsuite_experiments.clipping.one_step import Step, cosine, flat, norms, units

# Of each network, a member of its trial: the gradient and the step that is made of it.
GAIN = "gain"
NORM = "norm"  # of the gradient
LENGTH = "length"  # of the step
COSINE = "cosine"  # of the angle between the two
CHANGE = "change"  # |step - gradient| over |gradient|
ROUNDING = "rounding"  # what a step rounds, as a part of its length
LENGTH_LAW = "length_law"
COSINE_LAW = "cosine_law"
BEYOND = "beyond"  # the gradient, its largest element or its largest unit, in limits
ALL_BEYOND = "all_beyond"  # its smallest element, in limits
SATURATED = "saturated"  # the cosine when all elements are beyond the limit
RATIO = "ratio"  # of the step's unit with the largest |g| / |p|
UNIT_COSINE = "unit_cosine"  # the least cosine of a unit
UNIT_ROUNDING = "unit_rounding"  # the largest |p| over step of a unit
INFINITE_AS_LAW = "infinite_as_law"  # 1 if [inf, 1] becomes what it should, else 0; of the trial

TORCH = Source("torch.nn.utils.clip_grad_norm_; Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1")
OPTAX = Source("optax.clip_by_global_norm, c g / |g|, against torch's c g / (|g| + 1e-6)")
BROCK = Source("Brock, De, Smith & Simonyan 2021, arXiv:2102.06171, eq. 3; optax.adaptive_grad_clip")
VALUE = Source("torch.nn.utils.clip_grad_value_; exact")

SHORTFALL = "A gradient clipped by torch's norm rule is shorter than by optax's, by 1e-6 / (|g| + 1e-6) of its length."

Numbers = Mapping[Any, float]  # one network's, by metric


@dataclass(frozen=True, slots=True)
class Statement:
    """What is claimed of one step: the claim's last name, its sentence and its numbers."""

    name: str
    sentence: str
    expected: float
    measured: float
    tolerance: float
    relation: Relation = "="


def rounding(step: Step, eps: float) -> float:
    """Return what a step rounds: p - g to eps |p|, and a norm over n elements to sqrt(n) eps of its length."""
    p, g, length = flat(step.before), flat(step.gradient), float(norms([flat(step.moved)])[0])
    return eps * (float(np.linalg.norm(p)) / length + math.sqrt(len(g)))


def norm_law(step: Step, limit: float) -> dict[str, float]:
    """Return length and cosine as they should be, and the gradient's norm in limits."""
    norm = float(np.linalg.norm(flat(step.gradient)))
    length, turned = theory.norm(norm, limit)
    return {LENGTH_LAW: length, COSINE_LAW: turned, BEYOND: (norm + theory.EPSILON) / limit}


def value_law(step: Step, limit: float) -> dict[str, float]:
    """Return length and cosine as they should be, largest and smallest element, and the cosine of the signs."""
    g = flat(step.gradient)
    length, turned = theory.value(g, limit)
    sizes = {BEYOND: abs(g).max() / limit, ALL_BEYOND: abs(g).min() / limit}
    return {LENGTH_LAW: length, COSINE_LAW: turned, SATURATED: theory.saturated_cosine(g), **sizes}


def unit_law(step: Step, limit: float) -> dict[str, float]:
    """Return length and cosine as they should be, and of the units the largest ratios, least cosine and rounding."""
    before, gradients, moved = (units(arrays) for arrays in (step.before, step.gradient, step.moved))
    sizes, parts = norms(before), norms(gradients)
    length, turned = theory.unit(sizes, parts, limit)
    return {
        LENGTH_LAW: length,
        COSINE_LAW: turned,
        BEYOND: theory.unit_ratios(sizes, parts).max() / limit,
        RATIO: theory.unit_ratios(sizes, norms(moved)).max(),
        UNIT_COSINE: min(map(cosine, gradients, moved)),
        UNIT_ROUNDING: float((sizes / norms(moved)).max()),
    }


def of_norm(step: Numbers, limit: float, eps: float) -> Iterator[Statement]:
    """Yield what clipping by norm does to every gradient."""
    allowed = step[ROUNDING]
    yield Statement("direction", "Clipping by norm keeps the gradient's direction.", 1.0, step[COSINE], allowed)
    sentence = "Clipping by norm leaves the length |g| min(1, c / (|g| + 1e-6))."
    yield Statement("length", sentence, 1.0, step[LENGTH] / step[LENGTH_LAW], allowed)


def of_unit(step: Numbers, limit: float, eps: float) -> Iterator[Statement]:
    """Yield what clipping by unit does to every gradient."""
    allowed = step[ROUNDING]
    # A unit's p - g rounds to eps |p| too, which is more of a unit that moves little, and eps of its ratio to |p|.
    unit_allowed = allowed + eps * step[UNIT_ROUNDING]
    sentence = "Clipping by unit keeps the direction of each unit's gradient."
    yield Statement("unit-direction", sentence, 1.0, step[UNIT_COSINE], unit_allowed)
    sentence = "Clipping by unit turns the whole gradient as far as scaling its units does."
    yield Statement("direction", sentence, step[COSINE_LAW], step[COSINE], allowed)
    sentence = "Clipping by unit leaves the length that the scaled units have together."
    yield Statement("length", sentence, 1.0, step[LENGTH] / step[LENGTH_LAW], allowed)
    sentence = "Clipping by unit moves no unit by more than c of its own norm."
    yield Statement("limit", sentence, limit, step[RATIO], eps + limit * allowed, "<=")


def of_value(step: Numbers, limit: float, eps: float) -> Iterator[Statement]:
    """Yield what clipping by value does to every gradient."""
    allowed = step[ROUNDING]
    sentence = "Clipping by value turns the gradient to the cosine <g, clip g> / (|g| |clip g|)."
    yield Statement("direction", sentence, step[COSINE_LAW], step[COSINE], allowed)
    sentence = "Clipping by value leaves the length of the elements within the limit, and c for each of the rest."
    yield Statement("length", sentence, 1.0, step[LENGTH] / step[LENGTH_LAW], allowed)
    if step[ALL_BEYOND] > 1.0:
        sentence = "Far beyond the limit, clipping by value leaves signs alone, at the cosine |g|_1 / (sqrt(n) |g|_2)."
        yield Statement("signs", sentence, step[SATURATED], step[COSINE], allowed)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of clipping: its laws at one step, what is claimed of that, and what becomes of the gradient [inf, 1].

    Each element of that gradient is a unit with zero weights. `infinite_sentence` continues "Clipping by RULE turns".
    """

    source: Source
    law: Callable[[Step, float], dict[str, float]]
    statements: Callable[[Numbers, float, float], Iterator[Statement]]
    infinite: Callable[[float], list[float]]
    infinite_sentence: str


RULES: dict[str, Rule] = {
    "norm": Rule(TORCH, norm_law, of_norm, lambda limit: [math.nan, 0.0], "[inf, 1] into [nan, 0]."),
    "unit": Rule(
        BROCK,
        unit_law,
        of_unit,
        lambda limit: [math.nan, min(1.0, limit * theory.LEAST)],
        "[inf, 1] into nan in the infinite unit alone.",
    ),
    "value": Rule(
        VALUE,
        value_law,
        of_value,
        lambda limit: [limit, min(1.0, limit)],
        "[inf, 1] into [c, min(1, c)].",
    ),
}


def of_step(rule: str, step: Numbers, limit: float, eps: float) -> Iterator[Statement]:
    """Yield what a rule does to every gradient, and to one within its limit."""
    yield from RULES[rule].statements(step, limit, eps)
    if step[BEYOND] <= 1.0:
        sentence = f"Clipping by {rule} leaves a gradient within its limit unchanged."
        yield Statement("within-limit", sentence, 0.0, step[CHANGE], step[ROUNDING])


def shortfall(steps: Sequence[Numbers], limit: float) -> Iterator[Statement]:
    """Yield by what part torch's rule is shorter than optax's, of the shortest gradient beyond the limit."""
    for shortest in [step for step in steps if step[BEYOND] > 1.0][:1]:
        part = theory.norm_shortfall(shortest[NORM])
        yield Statement("shortfall", SHORTFALL, part, 1.0 - shortest[LENGTH] / limit, shortest[ROUNDING])
