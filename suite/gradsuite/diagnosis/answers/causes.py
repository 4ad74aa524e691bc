"""Answer 2: why: the weights, the gates and the units on this data, and how fast nearby states part."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gradsuite.backend import Batch
from gradsuite.diagnosis.answers import words
from gradsuite.diagnosis.answers.answer import Answer, Cause
from gradsuite.diagnosis.flow import Flow, Rate
from gradsuite.diagnosis.layers import LayerSeen, exponent, gates, units, weights
from gradsuite.diagnosis.patient import Patient
from gradsuite.diagnosis.thresholds import CLOSED, DEFAULT_GAIN, MOSTLY, SATURATED, SMALL_RADIUS

QUESTION = "Why?"


def answer(patient: Patient, batch: Batch, seen: Sequence[LayerSeen], whole: Flow) -> Answer:
    """Return the answer: `whole` is the flow that is to be explained."""
    found = weights.frame(patient), gates.frame(patient.model.cell, seen), units.frame(patient.model, seen)
    largest = exponent.largest(patient, batch, reverse=whole.reverse)
    said = [*of_weights(found[0]), *of_gates(patient.model.cell, found[1]), *of_units(found[2])]
    if not np.isnan(largest.value):
        said.append(
            f"The largest Lyapunov exponent on this data is {words.interval(largest)} a step: "
            f"{exponent.in_words(largest)}."
        )
    named = zip(("weights", "gates", "units"), found, strict=True)
    frames = {name: frame.dropna(axis=1, how="all") for name, frame in named if len(frame)}
    frames["exponent"] = pd.DataFrame([largest._asdict()])
    return Answer(QUESTION, tuple(said), frames, tuple(causes(patient, whole, *found, largest)), "weights")


def of_weights(found: pd.DataFrame) -> Iterator[str]:
    """Yield what is said of the weights that states return through: the block with the largest radius."""
    if found.empty:
        return
    top = through(found)
    of = "The recurrent weights" if top["block"] == weights.WHOLE else f"The {top['block']}'s recurrent weights"
    where = "" if top["layer"] == "the layer" else f" of {top['layer']}"
    radius, norm = words.number(top["radius"]), words.number(top["norm"])
    yield f"{of}{where} have the spectral radius {radius} and the norm {norm}."


def through(found: pd.DataFrame) -> "pd.Series[Any]":
    """Return the row of the candidate's block with the largest radius, or of all blocks where there is no candidate."""
    candidates = found[found["block"] == gates.CANDIDATE]
    chosen = found if candidates.empty else candidates
    return chosen.nlargest(1, "radius").iloc[0]


def of_gates(cell: str, found: pd.DataFrame) -> Iterator[str]:
    """Yield what is said of the gate that keeps the state, in the layer where it keeps the least."""
    keeps = found[found["gate"] == gates.KEEPS.get(cell)]
    if keeps.empty:
        return
    row = keeps.nsmallest(1, "mean").iloc[0]
    low, middle, high = (words.number(row[f"time_constant{end}"]) for end in ("_low", "", "_high"))
    yield (
        f"The {row['gate']} gate keeps {words.number(row['mean'])} of the state in a step on average, and "
        f"{words.share(row['saturated'])} of its values are saturated; its time constants -1 / ln f are {low}, "
        f"{middle} and {high} steps (10, 50 and 90% of units)."
    )


def of_units(found: pd.DataFrame) -> Iterator[str]:
    """Yield what is said of dead and of saturated units, in the layer that has most of them."""
    for name, sentence in (
        ("dead", "{} of the units are dead: zero at every step of every sequence."),
        ("saturated", f"{{}} of the states are beyond {1 - SATURATED:g}, where tanh is saturated."),
    ):
        if not found[name].dropna().empty:
            yield sentence.format(words.share(found[name].max()))


def causes(
    patient: Patient,
    whole: Flow,
    of_weights: pd.DataFrame,
    of_gates: pd.DataFrame,
    of_units: pd.DataFrame,
    largest: Rate,
) -> Iterator[Cause]:
    """Yield the causes that these numbers show, if the flow needs one."""
    dead, saturated = of_units["dead"].max(), of_units["saturated"].max()
    radius = math.nan if of_weights.empty else through(of_weights)["radius"]
    if whole.verdict == "exploding":
        parts = f", and the largest Lyapunov exponent is {words.interval(largest)}" if largest.low > 0 else ""
        yield Cause(
            "recurrent-weights",
            f"The recurrent weights are too large: their spectral radius is {words.number(radius)}{parts}; going back, "
            f"the gradient grows to {words.number(np.nanmax(whole.left))} times its size.",
        )
    if dead > MOSTLY:
        yield Cause(
            "dead-units",
            f"{words.share(dead)} of the relu units are dead: they are zero at every step of every sequence, pass "
            "nothing on and cannot learn.",
        )
    if whole.verdict != "vanishing":
        return
    keeps = of_gates[of_gates["gate"] == gates.KEEPS.get(patient.model.cell)]
    if keeps["mean"].min() < CLOSED:
        row = keeps.nsmallest(1, "mean").iloc[0]
        yield Cause(
            "forget-gate",
            f"The {row['gate']} gate is closed: it keeps {words.number(row['mean'])} of the state in a step, and half "
            f"of the units have a time constant of {words.number(row['time_constant'])} steps or less.",
        )
    if saturated > MOSTLY:
        yield Cause(
            "saturation",
            f"{words.share(saturated)} of the states are saturated: beyond {1 - SATURATED:g} tanh passes less than a "
            "tenth of the gradient on.",
        )
    if patient.model.cell == "rnn" and radius < SMALL_RADIUS:
        yield Cause(
            "small-weights",
            f"The recurrent weights are too small: their spectral radius is {words.number(radius)}, where PyTorch's "
            f"default gives {words.number(DEFAULT_GAIN)}.",
        )
