"""Norms of carries and of the gradients by them, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from gradsuite.diagnosis.patient import Traced, Trouble


@dataclass(frozen=True, slots=True)
class Seen:
    """One batch: `states` and `gradients` are (T, B, H), all arrays of the carry side by side, in float64."""

    states: np.ndarray
    gradients: np.ndarray
    loss: float
    norm: float
    dtype: str
    device: str
    trouble: Trouble | None = None

    @classmethod
    def of(cls, states: Sequence[Any], by_carry: Sequence[Any], by_params: Any, loss: float, size: int) -> "Seen":
        """Return what was seen, of arrays (T, B, ...) or, of a batch of size 1, (T, ...)."""
        squares = [np.square(np.asarray(leaf, np.float64)).sum() for leaf in jax.tree.leaves(by_params)]
        first = states[0]
        return cls(
            _together(states, size),
            _together(by_carry, size),
            loss,
            float(np.sqrt(sum(squares))),
            str(first.dtype),
            "cuda" if next(iter(first.devices())).platform == "gpu" else "cpu",
        )

    def with_trouble(self, trouble: Trouble | None) -> "Seen":
        """Return the same with its trouble."""
        return replace(self, trouble=trouble)


def traced(title: str, seen: Sequence[Seen]) -> Traced:
    """Return the norms of all batches side by side, NaN where one has fewer steps."""
    steps = max(len(one.states) for one in seen)
    return Traced(
        title,
        "time step",
        tuple(map(str, range(steps))),
        np.concatenate([_norms(one.states, steps) for one in seen], axis=1),
        np.concatenate([_norms(one.gradients, steps) for one in seen], axis=1),
        tuple(one.loss for one in seen),
        tuple(one.norm for one in seen),
        device=seen[0].device,
        dtype=seen[0].dtype,
        trouble=next((one.trouble for one in seen if one.trouble), None),
    )


def _together(leaves: Sequence[Any], size: int) -> np.ndarray:
    """Return arrays (T, B, ...) as one (T, B, H), in float64: squares of what is small in float32 would be zero."""
    return np.concatenate([np.asarray(leaf, np.float64).reshape(len(leaf), size, -1) for leaf in leaves], axis=-1)


def _norms(values: np.ndarray, steps: int) -> np.ndarray:
    norms = np.linalg.norm(values, axis=-1)
    return np.concatenate([norms, np.full((steps - len(norms), norms.shape[1]), np.nan)])
