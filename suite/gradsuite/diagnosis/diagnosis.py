"""The diagnosis of a patient: six answers in order, what is wrong from the most important cause on, and a page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gradsuite.diagnosis.answers import (
    Answer,
    Cause,
    causes,
    clipping,
    gradient,
    precision,
    reference,
    remedies,
    truncation,
)
from gradsuite.diagnosis.flow import NOTHING, Passes, mixes, of_layers, of_traced, to_explain
from gradsuite.diagnosis.layers import layers
from gradsuite.diagnosis.patient import Patient, Traced

if TYPE_CHECKING:
    import pandas as pd

Say = Callable[[str], object]
NOT_FINITE = f"Not told: inputs, parameters or the loss's gradient are not finite. {precision.QUESTION} says more."


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
        return [answer.advice for answer in self.answers if answer.advice]

    @property
    def frames(self) -> dict[str, "pd.DataFrame"]:
        """All numbers, as tidy frames by name."""
        return {name: frame for answer in self.answers for name, frame in answer.frames.items()}

    def report(self, path: Path | str) -> Path:
        """Write the page, one file that needs no other, and return its path. Raises UserError if it cannot be."""
        from gradsuite.report.diagnosis.page import write_page

        return write_page(self, Path(path))

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
    answers = _answers(patient, say) if patient.is_finite else _not_finite(patient)
    return Diagnosis(patient.title, tuple(answers), (*patient.notes, *_swapped(patient)))


def _of_traced(traced: Traced) -> Iterator[Answer]:
    """Yield the answers that norms alone can give."""
    flow = of_traced(traced)
    yield gradient.answer([flow], flow)
    yield clipping.answer(traced.gradient_norms, None)
    yield precision.answer([flow], flow, traced.dtype, traced.trouble)


def _not_finite(patient: Patient) -> Iterator[Answer]:
    """Yield the six answers where inputs, parameters or the loss's gradient are not finite, and no pass can be made."""
    for module in (gradient, causes, truncation):
        yield Answer(module.QUESTION, (NOT_FINITE,))
    yield clipping.answer(patient.gradient_norms, None)
    yield precision.answer((), NOTHING, patient.dtype, patient.trouble)
    yield Answer(remedies.QUESTION, ("Find where the number comes from first.",))


def _answers(patient: Patient, say: Say) -> Iterator[Answer]:
    """Yield the six answers in their order."""
    batch = patient.seen[0].batch
    say(gradient.QUESTION)
    flows = of_layers(patient, batch)
    whole = to_explain(flows)
    seen = list(layers(patient, batch))
    lines = reference.lines(patient.model, batch, seen, whole.longest)
    yield gradient.answer(flows, whole, lines, steps=len(batch.inputs), mixed=mixes(patient.model, batch))
    say(causes.QUESTION)
    why = causes.answer(patient, batch, seen, whole)
    yield why
    say(truncation.QUESTION)
    yield truncation.answer(patient, batch)
    say(clipping.QUESTION)
    yield clipping.answer(patient.gradient_norms, Passes.of(patient).gradient_by_layers(batch))
    say(precision.QUESTION)
    yield precision.answer(flows, whole, patient.dtype, patient.trouble)
    say(remedies.QUESTION)
    sick = whole.verdict != "stable" or bool(why.causes)
    yield remedies.answer(patient, batch, reverse=whole.reverse, sick=sick)


def _swapped(patient: Patient) -> Iterator[str]:
    """Yield how far the suite's layers were found to be from the original's."""
    if (swap := patient.swap) is not None:
        yield (
            f"The layers were computed by {swap.backend} in {swap.dtype} with the same weights: outputs differ by "
            f"{swap.outputs:.1e} and gradients of parameters by {swap.parameters:.1e}, relative to their norms."
        )
