"""Answer 6: what would help: every remedy on this model and batch at initialisation, ranked by what it does."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gradsuite.backend import Batch
from gradsuite.cells import find
from gradsuite.diagnosis.answers import words
from gradsuite.diagnosis.answers.answer import Answer
from gradsuite.diagnosis.flow import Flow, Passes, reading, together
from gradsuite.diagnosis.patient import Patient, with_identity
from gradsuite.diagnosis.remedies import Remedy, default, remedies
from gradsuite.diagnosis.thresholds import LONGER
from gradsuite.errors import Unsupported
from gradsuite.model import Model

QUESTION = "What would help?"
SEEDS = 5
SEQUENCES = 32  # of the batch, at most: a horizon is a median over them
AS_IT_IS = "as it is"


class Tried(NamedTuple):
    """What one remedy did over seeds: medians and ends; `left` is that at the longest lag."""

    remedy: str
    horizon: float
    horizon_low: float
    horizon_high: float
    left: float
    verdict: str
    helps: bool
    note: str
    code: str


def answer(patient: Patient, batch: Batch, *, reverse: bool, sick: bool) -> Answer:
    """Return the answer for one direction of the patient; `sick` is whether it needs any help.

    Every remedy is given the same gradient from above: the batch's targets.
    """
    few = reading.first(batch, SEQUENCES)
    before = flow_of(patient, patient.model, patient.parameters, few, reverse=reverse)
    if not sick:
        return Answer(QUESTION, ("Nothing is wrong with the network itself: no remedy was tried.",))
    tried = [try_out(patient, default(patient.model), before, few, reverse=reverse)]
    longest = int(batch.valid.sum(axis=0).max())
    tried += [try_out(patient, one, before, few, reverse=reverse) for one in remedies(patient.model, longest)]
    if len(tried) == 1:
        return Answer(QUESTION, (f"Not told: there is no remedy to try on the cell {patient.model.cell!r}.",))
    found = ranked(tried, before)
    return Answer(QUESTION, tuple(sentences(found, before.longest)), {"remedies": found}, table="remedies")


def try_out(patient: Patient, remedy: Remedy, before: Flow, batch: Batch, *, reverse: bool) -> Tried:
    """Return what a remedy does to the flow over seeds, or why the backend cannot tell."""
    try:
        flows = [flow_of(patient, remedy.model, remedy.draw(seed), batch, reverse=reverse) for seed in range(SEEDS)]
    except Unsupported as error:
        nothing = (math.nan,) * 4
        return Tried(remedy.name, *nothing, "", False, f"not tried: {error}", remedy.code)
    horizons = [flow.horizon for flow in flows]
    middle = flows[int(np.argsort(horizons)[len(flows) // 2])]
    helps = all(better(flow, before) for flow in flows)
    ends = float(min(horizons)), float(max(horizons))
    return Tried(remedy.name, middle.horizon, *ends, float(middle.left[-1]), middle.verdict, helps, "", remedy.code)


def flow_of(patient: Patient, model: Model, parameters: dict[str, np.ndarray], batch: Batch, *, reverse: bool) -> Flow:
    """Return the flow over all layers of a model in a patient's place."""
    suited = replace(batch, state=state_of(model, batch))
    flows = Passes(patient, model, with_identity(model, parameters)).flows(suited, reverse=reverse)
    return together(flows, "all layers")


def state_of(model: Model, batch: Batch) -> tuple[np.ndarray, ...] | None:
    """Return the states to begin with as this model's cell has them: a second one is zero if there was none."""
    if batch.state is None:
        return None
    kinds = len(find(model.cell).states)
    return (*batch.state, np.zeros_like(batch.state[0]))[:kinds]


def better(flow: Flow, before: Flow) -> bool:
    """Whether a flow is that of a network in better health: one that does not explode, its horizon a tenth longer.

    Where the gradient exploded before, more must be left of it, or less, than was then too much.
    """
    if flow.verdict == "exploding" or np.isnan(flow.horizon):
        return False
    if before.verdict == "exploding":
        return distance(float(flow.left[-1])) < distance(float(before.left[-1]))
    return not flow.horizon < LONGER * before.horizon


def ranked(tried: Sequence[Tried], before: Flow) -> pd.DataFrame:
    """Return a row for each remedy, what helps first, and of that the gradient first that is nearest to whole.

    The first row is the patient as it is.
    """
    best_first = sorted(tried, key=lambda one: (bool(one.note), not one.helps, distance(one.left)))
    horizon = before.horizon
    own = Tried(AS_IT_IS, horizon, horizon, horizon, float(before.left[-1]), before.verdict, False, "", "")
    return pd.DataFrame([own, *best_first])


def distance(left: float) -> float:
    """Return how far what is left is from a whole gradient: |ln left|."""
    return abs(math.log(left)) if left > 0 and math.isfinite(left) else math.inf


def sentences(found: pd.DataFrame, longest: int) -> list[str]:
    """Return what helps, best first, what does not, and what was not tried."""
    before, rest = found.iloc[0], found.iloc[1:]
    said = [in_words(row, before, longest) for _, row in rest[rest["helps"]].iterrows()]
    if not said:
        said = ["None of the remedies tried helps at initialisation."]
    useless = list(rest.loc[~rest["helps"] & (rest["note"] == ""), "remedy"])
    if useless:
        said.append(f"{beginning(words.listed(useless))} {'does' if len(useless) == 1 else 'do'} not help here.")
    return [*said, *(f"{beginning(row['remedy'])}: {row['note']}." for _, row in rest[rest["note"] != ""].iterrows())]


def in_words(row: Any, before: Any, longest: int) -> str:
    """Return a remedy with its measured numbers."""
    now, low, high, then = (
        lag(one, longest) for one in (row["horizon"], row["horizon_low"], row["horizon_high"], before["horizon"])
    )
    spread = "with" if low == high else f"({low} to {high}) over"
    instead = "" if before["verdict"] == "exploding" else f" instead of {then}"
    return (
        f"{beginning(row['remedy'])}: the horizon is {now} steps {spread} {SEEDS} seeds{instead}, and "
        f"{words.share(row['left'])} of the gradient is left {longest} steps back instead of "
        f"{words.share(before['left'])}."
    )


def lag(horizon: float, longest: int) -> str:
    """Return a horizon in steps; beyond the longest lag it was not seen."""
    return f"over {longest}" if horizon > longest else f"{horizon:.0f}" if horizon >= 20 else f"{horizon:.1f}"


def beginning(text: str) -> str:
    """Return a text as a sentence begins."""
    return text[:1].upper() + text[1:]
