"""The flow through a network that was only traced: norms at its time steps or blocks, from the end back."""

from collections.abc import Mapping

import numpy as np

from gradsuite.diagnosis.flow.flow import NOTHING, Along, Flow, by_lag
from gradsuite.diagnosis.patient import Axis, Traced

ALONG: Mapping[Axis, Along] = {"time step": "steps", "layer": "layers"}


def of_traced(traced: Traced) -> Flow:
    """Return the flow back from the last place that each sequence has; lags count places.

    How many numbers a place has is not known: a norm stands for the largest of them.
    """
    if not np.isfinite(traced.gradients).any():
        return NOTHING
    there = ~np.isnan(traced.gradients)
    places = np.arange(len(there))[:, np.newaxis]
    last = np.where(there, places, -1).max(axis=0)
    along = ALONG[traced.axis]
    return Flow(f"all {along}", by_lag(traced.gradients, last, last + 1), 1, along)
