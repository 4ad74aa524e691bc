"""The diagnosis of a patient: six answers in order, what is wrong from the most important cause on, and a page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gradsuite.diagnosis import causes, clipping, gradient, places, precision, reference, remedies, truncation
from gradsuite.diagnosis.answer import Answer, Cause
from gradsuite.diagnosis.flow import Flow, together
from gradsuite.diagnosis.layers import layers
from gradsuite.diagnosis.passes import Passes
from gradsuite.diagnosis.patient import Patient
from gradsuite.diagnosis.reading import last_reads, mixes
from gradsuite.diagnosis.traced import Traced

if TYPE_CHECKING:
    import pandas as pd

Say = Callable[[str], object]
NOT_FINITE = f"Not told: inputs, parameters or the loss's gradient are not finite. {precision.QUESTION} says more."
NOTHING = Flow("the layer", np.full((1, 1), np.nan), 1)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a network, why, and what would help; `answers` are in the order of their questions.

    `notes` are what was assumed and compared, in whole sentences.
    """

    title: str
    answers: tuple[Answer, ...]
    notes: tuple[str, ...] = ()

    @property
    def causes(self) -> list[Cause]:
        """What is wrong, the most important first."""
        return sorted((cause for answer in self.answers for cause in answer.causes), key=lambda cause: cause.rank)

    @property
    def findings(self) -> list[str]:
        """What is wrong in sentences, the most important cause first, and what helps most; or that nothing is."""
        if not self.causes:
            return [f"Nothing to treat. {self.answers[0].sentences[0]}"]
        return [*(cause.sentence for cause in self.causes), *self.advice]

    @property
    def advice(self) -> list[str]:
        """What helps most of the remedies that were tried, with its measured number; nothing if none does."""
        tried = self.frames.get("remedies")
        if tried is None or not tried["helps"].any():
            return []
        sentences = next(answer.sentences for answer in self.answers if "remedies" in answer.frames)
        return [f"What helps most: {sentences[0][0].lower()}{sentences[0][1:]}"]

    @property
    def frames(self) -> dict[str, "pd.DataFrame"]:
        """All numbers, as tidy frames by name."""
        return {name: frame for answer in self.answers for name, frame in answer.frames.items()}

    def report(self, path: Path | str) -> Path:
        """Write the page, one file that needs no other, and return its path. Raises UserError if it cannot be."""
        from gradsuite.report.diagnosis.page import write_page

        write_page(self, Path(path))
        return Path(path)

    def __str__(self) -> str:
        """Return findings, answers and notes as a terminal has them."""
        from gradsuite.report.diagnosis.text import as_terminal

        return as_terminal(self)


def diagnose_patient(patient: Patient | Traced, *, say: Say = lambda line: None) -> Diagnosis:
    """Return the diagnosis of recurrent layers on their data; `say` is told what is being looked at.

    All but the gradient norms is seen on the first batch. Of a network that was only traced, and that the suite cannot
    compute, it says where the gradient goes, and what there is to say of clipping and precision. Raises Unsupported
    where the backend has no state gradients.
    """
    if isinstance(patient, Traced):
        return Diagnosis(patient.title, tuple(_of_traced(patient)), patient.notes)
    return Diagnosis(patient.title, tuple(_answers(patient, say)), (*patient.notes, *_swapped(patient)))


def _of_traced(traced: Traced) -> Iterator[Answer]:
    """Yield the answers that norms alone can give."""
    flow = places.flow(traced) if np.isfinite(traced.gradients).any() else NOTHING
    yield gradient.answer([flow], flow)
    yield clipping.answer(traced.gradient_norms, None)
    yield precision.answer([flow], flow, traced.dtype, traced.trouble)


def _answers(patient: Patient, say: Say) -> Iterator[Answer]:
    """Yield the six answers in their order."""
    batch, norms = patient.seen[0].batch, [seen.gradient_norm for seen in patient.seen]
    if not is_finite(patient):
        for module in (gradient, causes, truncation):
            yield Answer(module.QUESTION, (NOT_FINITE,))
        yield clipping.answer(norms, None)
        yield precision.answer((), NOTHING, patient.dtype, patient.trouble)
        yield Answer(remedies.QUESTION, ("Find where the number comes from first.",))
        return
    say(gradient.QUESTION)
    by_direction = [flows for flows in map(patient_flows, [patient] * 2, (False, True)) if flows]
    flows = [flow for one in by_direction for flow in one]
    whole = worst([whole_of(one) for one in by_direction])
    seen = list(layers(patient, batch))
    lines = reference.lines(patient.model, batch, seen, whole.longest)
    first = gradient.answer(flows, whole, lines, steps=len(batch.inputs), mixed=mixes(patient.model, batch))
    yield first
    say(causes.QUESTION)
    why = causes.answer(patient, batch, seen, whole)
    yield why
    say(truncation.QUESTION)
    yield truncation.answer(patient, batch)
    say(clipping.QUESTION)
    parameters = Passes.of(patient).gradients(batch).parameters
    of_layers = np.concatenate([p.ravel() for name, p in parameters.items() if not name.startswith("readout.")])
    yield clipping.answer(norms, of_layers)
    say(precision.QUESTION)
    yield precision.answer(flows, whole, patient.dtype, patient.trouble)
    say(remedies.QUESTION)
    sick = whole.verdict != "stable" or bool(why.causes)
    yield remedies.answer(patient, batch, reverse=whole.place.endswith("backward"), sick=sick)


def patient_flows(patient: Patient, reverse: bool) -> list[Flow]:
    """Return the flow of every layer in one direction on the first batch; none if the loss never reads it."""
    batch = patient.seen[0].batch
    if reverse and not patient.model.bidirectional:
        return []
    if (last_reads(patient.model, batch, reverse=reverse) < 0).all():
        return []
    return Passes.of(patient).flows(batch, reverse=reverse)


def whole_of(flows: Sequence[Flow]) -> Flow:
    """Return the flow over all layers of one direction."""
    if len(flows) == 1:
        return flows[0]
    return together(flows, "all layers, backward" if flows[0].place.endswith("backward") else "all layers")


def worst(flows: Sequence[Flow]) -> Flow:
    """Return the flow of the direction that is to be explained: the one of which least, or most by far, is left."""
    return max(flows, key=lambda flow: remedies.distance(float(flow.left[-1])), default=NOTHING)


def is_finite(patient: Patient) -> bool:
    """Whether all numbers that a pass begins with are finite: parameters, and what counts of the first batch."""
    batch = patient.seen[0].batch
    counted = (batch.inputs[batch.valid], batch.targets[batch.valid], *patient.parameters.values())
    return all(np.isfinite(one).all() for one in counted)


def _swapped(patient: Patient) -> Iterator[str]:
    """Yield how far the suite's layers were found to be from the original's."""
    if (swap := patient.swap) is not None:
        yield (
            f"The layers were computed by {swap.backend} in {swap.dtype} with the same weights: outputs differ by "
            f"{swap.outputs:.1e} and gradients of parameters by {swap.parameters:.1e}, relative to their norms."
        )
