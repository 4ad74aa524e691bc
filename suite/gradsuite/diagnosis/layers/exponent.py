"""The largest Lyapunov exponent on the patient's data: how fast two nearby states part, or meet again."""

from dataclasses import replace

import numpy as np

from gradsuite.backend import Batch
from gradsuite.diagnosis.flow import Passes, Rate, together
from gradsuite.diagnosis.patient import Patient

FEWEST = 4  # steps that an exponent is read off from


def largest(patient: Patient, batch: Batch, *, reverse: bool = False) -> Rate:
    """Return the largest exponent per step, with its interval over the batch's sequences; NaN for under 4 steps.

    It is the rate at which a random gradient, sent back from the end of every sequence, grows over all layers: the
    product of Jacobians and its transpose have the same norm. The first fifth of the steps is left to the gradient to
    turn into the direction that grows fastest.
    """
    width, valid = patient.model.layer_output_size, batch.valid
    ends = np.zeros(valid.shape[1], int) if reverse else valid.sum(axis=0) - 1
    targets = np.zeros((*valid.shape, width))
    targets[ends, np.arange(len(ends))] = np.random.default_rng(0).standard_normal((len(ends), width))
    flows = Passes.of(patient).flows(replace(batch, targets=targets), reverse=reverse)
    flow = together(flows, "all layers")
    if flow.longest < FEWEST:
        return Rate(np.nan, np.nan, np.nan, "too few steps")
    turned = flow.norms[flow.longest // 5 :]
    return replace(flow, norms=turned).rate


def in_words(found: Rate) -> str:
    """Return what the exponent's sign means."""
    if found.high < 0:
        return "nearby states meet again"
    if found.low > 0:
        return "nearby states part, and the network is chaotic"
    return "nearby states neither part nor meet"
