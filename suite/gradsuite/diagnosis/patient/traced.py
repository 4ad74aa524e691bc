"""What is seen of a network that the suite cannot compute itself: its activations and the gradients by them."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from gradsuite.diagnosis.patient.trouble import Trouble

Axis = Literal["time step", "layer"]


@dataclass(frozen=True, slots=True)
class Traced:
    """Norms at each place of a network, of all batches together: P places, B sequences or examples.

    A place is a time step of a recurrent network, or one of its blocks, in the order in which they are computed: `axis`
    says which. `gradients` are those of the loss by what `states` are the norms of; losses average over a batch, so
    that each is that of one sequence times the batch's share. What a place does not have (a step past a sequence's end)
    is NaN in both, unless `trouble` says that numbers were not finite.
    """

    title: str
    axis: Axis
    places: tuple[str, ...]  # P names: "0", "1", ... or "blocks.0", "blocks.1", ...
    states: np.ndarray  # (P, B)
    gradients: np.ndarray  # (P, B)
    losses: tuple[float, ...]  # of each batch
    gradient_norms: tuple[float, ...]  # of each batch, over all parameters, before any clipping
    device: str = "cpu"
    dtype: str = "float64"
    trouble: Trouble | None = None
    notes: tuple[str, ...] = field(default=(), kw_only=True)
