"""Answer 6: what would help: every remedy on this model and batch at initialisation, ranked by what it does."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from gradsuite.backend import Batch
from gradsuite.diagnosis.answers import words
from gradsuite.diagnosis.answers.answer import Answer
from gradsuite.diagnosis.flow import Flow, distance, first_sequences
from gradsuite.diagnosis.patient import Patient
from gradsuite.diagnosis.remedies import SEEDS, Tried, default, flow_in_place, remedies, try_out

QUESTION = "What would help?"
SEQUENCES = 32  # of the batch, at most: a horizon is a median over them
AS_IT_IS = "as it is"


def answer(patient: Patient, batch: Batch, *, reverse: bool, sick: bool) -> Answer:
    """Return the answer for one direction of the patient; `sick` is whether it needs any help.

    Every remedy is given the same gradient from above: the batch's targets.
    """
    if not sick:
        return Answer(QUESTION, ("Nothing is wrong with the network itself: no remedy was tried.",))
    few = first_sequences(batch, SEQUENCES)
    before = flow_in_place(patient, patient.model, patient.parameters, few, reverse=reverse)
    tried = [try_out(patient, default(patient.model), before, few, reverse=reverse)]
    longest = int(batch.valid.sum(axis=0).max())
    tried += [try_out(patient, one, before, few, reverse=reverse) for one in remedies(patient.model, longest)]
    if len(tried) == 1:
        return Answer(QUESTION, (f"Not told: there is no remedy to try on the cell {patient.model.cell!r}.",))
    found = ranked(tried, before)
    said, most = sentences(found, before.longest), advice(found, before.longest)
    return Answer(QUESTION, tuple(said), {"remedies": found}, table="remedies", advice=most)


def ranked(tried: Sequence[Tried], before: Flow) -> pd.DataFrame:
    """Return a row for each remedy, what helps first, and of that the gradient first that is nearest to whole.

    The first row is the patient as it is.
    """
    best_first = sorted(tried, key=lambda one: (bool(one.note), not one.helps, distance(one.left)))
    horizon = before.horizon
    own = Tried(AS_IT_IS, horizon, horizon, horizon, float(before.left[-1]), before.verdict, False, "", "")
    return pd.DataFrame([own, *best_first])


def sentences(found: pd.DataFrame, longest: int) -> list[str]:
    """Return what helps, best first, what does not, and what was not tried."""
    before, rest = found.iloc[0], found.iloc[1:]
    said = [words.beginning(in_words(row, before, longest)) for _, row in rest[rest["helps"]].iterrows()]
    if not said:
        said = ["None of the remedies tried helps at initialisation."]
    useless = list(rest.loc[~rest["helps"] & (rest["note"] == ""), "remedy"])
    if useless:
        said.append(f"{words.beginning(words.listed(useless))} {'does' if len(useless) == 1 else 'do'} not help here.")
    return [
        *said,
        *(f"{words.beginning(row['remedy'])}: {row['note']}." for _, row in rest[rest["note"] != ""].iterrows()),
    ]


def advice(found: pd.DataFrame, longest: int) -> str:
    """Return what helps most; nothing where nothing does."""
    helping = found[found["helps"]]
    return "" if helping.empty else f"What helps most: {in_words(helping.iloc[0], found.iloc[0], longest)}"


def in_words(row: Any, before: Any, longest: int) -> str:
    """Return a row's remedy with its measured numbers, beside those of the patient as it is."""
    now, low, high, then = (
        lag(one, longest) for one in (row["horizon"], row["horizon_low"], row["horizon_high"], before["horizon"])
    )
    spread = "with" if low == high else f"({low} to {high}) over"
    instead = "" if before["verdict"] == "exploding" else f" instead of {then}"
    return (
        f"{row['remedy']}: the horizon is {now} steps {spread} {SEEDS} seeds{instead}, and "
        f"{words.share(row['left'])} of the gradient is left {longest} steps back instead of "
        f"{words.share(before['left'])}."
    )


def lag(horizon: float, longest: int) -> str:
    """Return a horizon in steps; beyond the longest lag it was not seen."""
    return f"over {longest}" if horizon > longest else f"{horizon:.0f}" if horizon >= 20 else f"{horizon:.1f}"
