"""Answers that are right for another batch than the one asked for: its lengths, states or masks were misread."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradsuite.backend import Batch
from gradsuite.comparator import compare
from gradsuite.conformance.case import expected_of
from gradsuite.conformance.hints.evidence import Evidence, listed
from gradsuite.oracle import differentiate


def padding_read(cases: Sequence[Evidence]) -> Iterator[str]:
    """Yield that NaN came out of a batch which has it in the padding alone."""
    for case in cases:
        padded = case.case is not None and case.case.lengths is not None
        if spoilt := [name for name in case.wrong if padded and _spoilt(case, name)]:
            reached = listed(case, spoilt)
            yield f"NaN stands in the padding alone: what is past a length is read, and reaches {reached}"


def another_batch(case: Evidence) -> Iterator[str]:
    """Yield the misreadings of a batch that give exactly what came back, in everything that is wrong."""
    asked = case.asked
    if asked is None:
        return
    parameters, batch = asked.parameters(case.dtype), asked.batch(case.dtype)
    where = "right" if "outputs" in case.wrong else "outputs are right, and what is wrong is right"
    for text, other in _misread(batch):
        arrays = expected_of(differentiate(asked.model, parameters, other))
        bounds = {name: case.findings[name].bound for name in case.wrong}
        if all(compare(arrays[name], case.value(name)).within(bound) for name, bound in bounds.items()):
            yield f"{where} {text}"


def _misread(batch: Batch) -> Iterator[tuple[str, Batch]]:
    """Yield each misreading with what is read."""
    if batch.lengths is not None:
        yield "for lengths that are one less", replace(batch, lengths=np.maximum(batch.lengths - 1, 1))
    if batch.state is not None:
        nothing = tuple(np.zeros_like(kind) for kind in batch.state)
        yield "for states of zeros before the first step: the batch's are left out", replace(batch, state=nothing)
        upside_down = tuple(kind[::-1] for kind in batch.state)
        yield "for the states before the first step with layers in reverse order", replace(batch, state=upside_down)
        if len(batch.state) > 1:
            yield "for h and c before the first step swapped", replace(batch, state=batch.state[::-1])
    if batch.masks is not None:
        yield "without the masks: they are left out", replace(batch, masks=np.ones_like(batch.masks))
        yield "for masks of ones and zeros: masks are to be multiplied by", replace(batch, masks=np.sign(batch.masks))
        if batch.masks.ndim == 4 and len(batch.masks) > 1:  # (T, layers, B, H)
            yield "for the first step's mask at every step", replace(batch, masks=batch.masks[:1])


def _spoilt(case: Evidence, name: str) -> bool:
    value, expected = case.findings[name].value, case.findings[name].expected
    return value is not None and expected is not None and bool(np.isnan(value).any() and np.isfinite(expected).all())
