"""What each rule of clipping leaves of a gradient, in sentences with their sources, and how far rounding may be off."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gradsuite.claims import Relation, Resolution, Source
from gradsuite.precision import UNIT_ROUNDOFF, bound
from gradsuite.theory import clipping as theory

from gradsuite_experiments.clipping.one_step import Step, cosine, flat, norms, units

# Of each network, a member of its trial: the exact gradient and the step that a backend makes of its own.
GAIN = "gain"
NORM = "norm"  # of the gradient
LENGTH = "length"  # of the step
COSINE = "cosine"  # of the angle between the two
CHANGE = "change"  # |step - gradient| over |gradient|
ROUNDING = "rounding"  # what a step rounds, as a part of its length
TURN = "turn"  # 1 - cosine of the gradient with one whose W_hh part is off by s, over s^2
LENGTH_LAW = "length_law"
COSINE_LAW = "cosine_law"
LENGTH_SLOPE = "length_slope"  # by how much ln length and the cosine change with ln limit, by the law
COSINE_SLOPE = "cosine_slope"
BEYOND = "beyond"  # the gradient, its largest element or its largest unit, in limits
ALL_BEYOND = "all_beyond"  # its smallest element, in limits
SATURATED = "saturated"  # the cosine when all elements are beyond the limit
RATIO = "ratio"  # of the step's unit with the largest |g| / |p|
UNIT_COSINE = "unit_cosine"  # the least cosine of a unit
UNIT_ROUNDING = "unit_rounding"  # the largest |p| over step of a unit
UNIT_TURN = "unit_turn"  # that of `TURN` of the unit that turns most, its first element off by s
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
    resolution: Resolution
    relation: Relation = "="


def rounding(step: Step, dtype: str, length: float, T: int) -> float:
    """Return what a step of this length rounds, as a part of it.

    The gradient is of T steps, each a sum of a row's terms; p - g rounds to eps |p|, a norm over n elements to sqrt(n)
    eps.
    """
    eps, p, n = 2.0 * UNIT_ROUNDOFF[dtype], flat(step.before), len(flat(step.gradient))
    width = sum(step.before[name].shape[-1] for name in ("weight_hh_l0", "weight_ih_l0"))
    moved = float(np.linalg.norm(p)) / length if length else math.inf
    return eps * (moved + math.sqrt(n)) + bound(dtype, T * width)


def turn(part: np.ndarray, whole: np.ndarray) -> float:
    """Return 1 - cosine over s^2 if a part of a gradient is off by s: q (1 - q) / 2, q its share of |g|^2."""
    share = float(np.vdot(part, part) / np.vdot(whole, whole))
    return share * (1.0 - share) / 2.0


def slopes(law: Callable[[float], tuple[float, float]], limit: float) -> dict[str, float]:
    """Return by how much the law's ln length and cosine change with ln limit; 0 for what their rounding makes of it."""
    step, noise = 1e-4, 1e-9
    (less, left), (more, right) = law(limit * math.exp(-step)), law(limit * math.exp(step))
    if not (less > 0.0 and math.isfinite(more)):  # a gradient of zeros, or none that is finite, has no length to change
        return {LENGTH_SLOPE: 0.0, COSINE_SLOPE: 0.0}
    found = {LENGTH_SLOPE: math.log(more / less) / (2.0 * step), COSINE_SLOPE: abs(right - left) / (2.0 * step)}
    return {name: slope if slope > noise else 0.0 for name, slope in found.items()}


def off(part: float, slope: float, quantity: str) -> Resolution:
    """Return that of a number that moves by `slope` times a fault's size: it may be off by `part`, twice."""
    return Resolution(2.0 * part / slope if slope > 0.0 else math.inf, quantity)


def of_limit(part: float, slope: float = 1.0) -> Resolution:
    """Return which fault of the limit moves a number two tolerances; without a slope none does."""
    return off(part, slope, "the limit")


def of_turn(allowed: float, turned: float, quantity: str) -> Resolution:
    """Return which fault of a part of the gradient turns it so far that the cosine is two tolerances below 1.

    A part that is zero, or the whole, turns nothing.
    """
    return Resolution(math.sqrt(2.0 * allowed / turned) if turned > 0.0 else math.inf, quantity)


def in_laws(length: float, law: float) -> float:
    """Return a length as a multiple of what the law says: 1 where both are zero."""
    return 1.0 if length == law else length / law if law else math.inf


def norm_law(step: Step, limit: float) -> dict[str, float]:
    """Return length and cosine as they should be, and the gradient's norm in limits."""
    norm = float(np.linalg.norm(flat(step.gradient)))
    length, turned = theory.norm(norm, limit)
    slope = slopes(lambda limit: theory.norm(norm, limit), limit)
    return {LENGTH_LAW: length, COSINE_LAW: turned, BEYOND: (norm + theory.EPSILON) / limit, **slope}


def value_law(step: Step, limit: float) -> dict[str, float]:
    """Return length and cosine as they should be, largest and smallest element, and the cosine of the signs."""
    g = flat(step.gradient)
    length, turned = theory.value(g, limit)
    sizes = {BEYOND: abs(g).max() / limit, ALL_BEYOND: abs(g).min() / limit}
    sizes |= slopes(lambda limit: theory.value(g, limit), limit)
    return {LENGTH_LAW: length, COSINE_LAW: turned, SATURATED: theory.saturated_cosine(g), **sizes}


def unit_law(step: Step, limit: float) -> dict[str, float]:
    """Return length and cosine as they should be, and of the units the largest ratios, least cosine and rounding."""
    before, gradients, moved = (units(arrays) for arrays in (step.before, step.gradient, step.moved))
    sizes, parts = norms(before), norms(gradients)
    turning = [unit for unit in gradients if unit.any()]  # one of zeros has no direction, nor a first weight to be off
    length, turned = theory.unit(sizes, parts, limit)
    return {
        LENGTH_LAW: length,
        COSINE_LAW: turned,
        BEYOND: theory.unit_ratios(sizes, parts).max() / limit,
        RATIO: theory.unit_ratios(sizes, norms(moved)).max(),
        UNIT_COSINE: min(map(cosine, gradients, moved)),
        UNIT_ROUNDING: float((sizes / norms(moved))[parts > 0.0].max(initial=0.0)),
        UNIT_TURN: max((turn(unit[:1], unit) for unit in turning), default=0.0),
        **slopes(lambda limit: theory.unit(sizes, parts, limit), limit),
    }


def of_norm(step: Numbers, limit: float, eps: float) -> Iterator[Statement]:
    """Yield what clipping by norm does to every gradient."""
    allowed = step[ROUNDING]
    sentence = "Clipping by norm keeps the gradient's direction."
    seen = of_turn(allowed, step[TURN], "the gradient of W_hh alone")
    yield Statement("direction", sentence, 1.0, step[COSINE], allowed, seen)
    sentence = "Clipping by norm leaves the length |g| min(1, c / (|g| + 1e-6))."
    seen = of_limit(allowed, step[LENGTH_SLOPE])
    yield Statement("length", sentence, 1.0, in_laws(step[LENGTH], step[LENGTH_LAW]), allowed, seen)


def of_unit(step: Numbers, limit: float, eps: float) -> Iterator[Statement]:
    """Yield what clipping by unit does to every gradient."""
    allowed = step[ROUNDING]
    # A unit's p - g rounds to eps |p| too, which is more of a unit that moves little, and eps of its ratio to |p|.
    unit_allowed = allowed + eps * step[UNIT_ROUNDING]
    sentence = "Clipping by unit keeps the direction of each unit's gradient."
    seen = of_turn(unit_allowed, step[UNIT_TURN], "the gradient of each unit's first weight")
    yield Statement("unit-direction", sentence, 1.0, step[UNIT_COSINE], unit_allowed, seen)
    sentence = "Clipping by unit turns the whole gradient as far as scaling its units does."
    seen = of_limit(allowed, step[COSINE_SLOPE])  # where some units are clipped; where none are, that of `of_norm`
    if step[BEYOND] <= 1.0:
        seen = of_turn(allowed, step[TURN], "the gradient of W_hh alone")
    yield Statement("direction", sentence, step[COSINE_LAW], step[COSINE], allowed, seen)
    sentence = "Clipping by unit leaves the length that the scaled units have together."
    seen = of_limit(allowed, step[LENGTH_SLOPE])
    yield Statement("length", sentence, 1.0, in_laws(step[LENGTH], step[LENGTH_LAW]), allowed, seen)
    if step[BEYOND] > 1.0:
        sentence = "Clipping by unit moves a unit beyond the limit by c of its own norm, and none by more."
        unit_allowed = eps + limit * allowed
        yield Statement("limit", sentence, limit, step[RATIO], unit_allowed, of_limit(unit_allowed, limit))


def of_value(step: Numbers, limit: float, eps: float) -> Iterator[Statement]:
    """Yield what clipping by value does to every gradient."""
    allowed = step[ROUNDING]
    sentence = "Clipping by value turns the gradient to the cosine <g, clip g> / (|g| |clip g|)."
    seen = of_limit(allowed, step[COSINE_SLOPE])
    yield Statement("direction", sentence, step[COSINE_LAW], step[COSINE], allowed, seen)
    sentence = "Clipping by value leaves the length of the elements within the limit, and c for each of the rest."
    seen = of_limit(allowed, step[LENGTH_SLOPE])
    yield Statement("length", sentence, 1.0, in_laws(step[LENGTH], step[LENGTH_LAW]), allowed, seen)
    if step[ALL_BEYOND] > 1.0:  # of the exact gradient: one that a backend leaves zero does not silence the claim
        sentence = "Far beyond the limit, clipping by value leaves signs alone, at the cosine |g|_1 / (sqrt(n) |g|_2)."
        seen = Resolution(1.01 * step[ALL_BEYOND] - 1.0, "the limit, grown beyond the smallest element")
        yield Statement("signs", sentence, step[SATURATED], step[COSINE], allowed, seen)


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
        seen = Resolution.linear(0.0, step[ROUNDING], "the gradient")
        yield Statement("within-limit", sentence, 0.0, step[CHANGE], step[ROUNDING], seen)


def shortfall(steps: Sequence[Numbers], limit: float) -> Iterator[Statement]:
    """Yield by what part torch's rule is shorter than optax's, of the shortest gradient beyond the limit."""
    for shortest in [step for step in steps if step[BEYOND] > 1.0][:1]:
        part = theory.norm_shortfall(shortest[NORM])
        allowed = shortest[ROUNDING]
        yield Statement(
            "shortfall", SHORTFALL, part, 1.0 - shortest[LENGTH] / limit, allowed, of_limit(allowed, 1.0 - part)
        )


def infinite(rule: str, as_law: float, eps: float) -> Statement:
    """Return what becomes of an infinite gradient; by value it is the limit, to 4 eps."""
    sentence = f"Clipping by {rule} turns {RULES[rule].infinite_sentence}"
    lost = Resolution(1.0, "the infinite elements: one that is finite")
    return Statement("infinite", sentence, 1.0, as_law, 0.0, of_limit(4.0 * eps) if rule == "value" else lost)
