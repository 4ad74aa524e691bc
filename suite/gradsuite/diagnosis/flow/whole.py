"""The flow of a whole patient: that of each layer, and of all layers in the direction that is to be explained."""

from collections.abc import Sequence

from gradsuite.backend import Batch
from gradsuite.diagnosis.flow.flow import NOTHING, Flow, distance, together
from gradsuite.diagnosis.flow.passes import Passes
from gradsuite.diagnosis.flow.reads import last_reads
from gradsuite.diagnosis.patient import Patient


def of_layers(patient: Patient, batch: Batch) -> list[Flow]:
    """Return the flow of every layer in each direction that the loss reads."""
    ways = [way for way in (False, True)[: patient.model.directions] if _is_read(patient, batch, reverse=way)]
    return [flow for way in ways for flow in Passes.of(patient).flows(batch, reverse=way)]


def to_explain(flows: Sequence[Flow]) -> Flow:
    """Return the flow over all layers of one direction: the one of which least, or most by far, is left."""
    directions = [[flow for flow in flows if flow.reverse == way] for way in (False, True)]
    whole = [_all_layers(direction) for direction in directions if direction]
    return max(whole, key=lambda flow: distance(float(flow.left[-1])), default=NOTHING)


def _is_read(patient: Patient, batch: Batch, *, reverse: bool) -> bool:
    return bool((last_reads(patient.model, batch, reverse=reverse) >= 0).any())


def _all_layers(flows: Sequence[Flow]) -> Flow:
    if len(flows) == 1:
        return flows[0]
    return together(flows, "all layers, backward" if flows[0].reverse else "all layers")
