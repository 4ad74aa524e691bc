"""A remedy tried out: what it does to the flow of a patient's model at initialisation, over seeds."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradsuite.backend import Batch
from gradsuite.cells import find
from gradsuite.diagnosis.flow import Flow, Passes, distance, together
from gradsuite.diagnosis.patient import Patient, with_identity
from gradsuite.diagnosis.remedies.remedy import Remedy
from gradsuite.diagnosis.thresholds import LONGER
from gradsuite.errors import Unsupported
from gradsuite.model import Model
from gradsuite.parameters import Parameters

SEEDS = 5


class Tried(NamedTuple):
    """What one remedy did: the median over seeds of the horizon, in steps, with both ends, and what is `left` with it.

    `left` is that at the longest lag. `note` says why the remedy could not be tried.
    """

    remedy: str
    horizon: float
    horizon_low: float
    horizon_high: float
    left: float
    verdict: str
    helps: bool
    note: str
    code: str


def try_out(patient: Patient, remedy: Remedy, before: Flow, batch: Batch, *, reverse: bool) -> Tried:
    """Return what a remedy does to the flow over seeds, or why the backend cannot tell."""
    try:
        flows = [
            flow_in_place(patient, remedy.model, remedy.draw(seed), batch, reverse=reverse) for seed in range(SEEDS)
        ]
    except Unsupported as error:
        nothing = (math.nan,) * 4
        return Tried(remedy.name, *nothing, "", False, f"not tried: {error}", remedy.code)
    horizons = [flow.horizon for flow in flows]
    middle = flows[int(np.argsort(horizons)[len(flows) // 2])]
    helps = all(is_better(flow, before) for flow in flows)
    ends = float(min(horizons)), float(max(horizons))
    return Tried(remedy.name, middle.horizon, *ends, float(middle.left[-1]), middle.verdict, helps, "", remedy.code)


def flow_in_place(patient: Patient, model: Model, parameters: Parameters, batch: Batch, *, reverse: bool) -> Flow:
    """Return the flow over all layers of a model in a patient's place."""
    suited = replace(batch, state=state_of(model, batch))
    flows = Passes(patient, model, with_identity(model, parameters)).flows(suited, reverse=reverse)
    return together(flows, "all layers")


def state_of(model: Model, batch: Batch) -> tuple[np.ndarray, ...] | None:
    """Return the states to begin with, as many as this model's cell has: a second one is zero if there was none."""
    if batch.state is None:
        return None
    kinds = len(find(model.cell).states)
    return (*batch.state, np.zeros_like(batch.state[0]))[:kinds]


def is_better(flow: Flow, before: Flow) -> bool:
    """Whether a flow is that of a network in better health: one that does not explode, its horizon a tenth longer.

    Where the gradient exploded before, what is left of it must be nearer to a whole gradient.
    """
    if flow.verdict == "exploding" or np.isnan(flow.horizon):
        return False
    if before.verdict == "exploding":
        return distance(float(flow.left[-1])) < distance(float(before.left[-1]))
    return not flow.horizon < LONGER * before.horizon
