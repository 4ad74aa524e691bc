"""Batches of sequences of several lengths: how long each is, and how they are sorted into buckets."""

from dataclasses import replace

import numpy as np
from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.settings import Settings

from gradsuite_experiments.common.seeds import batch_rng

INPUTS, CLASSES = 64, 10


def model_of(settings: Settings) -> Model:
    """Return the model: ten classes, of each sequence or of each of its steps."""
    return Model(
        cell=settings["cell"],
        input_size=INPUTS,
        hidden_size=settings["hidden_size"],
        output_size=CLASSES,
        num_layers=settings["num_layers"],
        readout=settings["readout"],
        loss="cross_entropy",
    )


def batch_of(settings: Settings) -> Batch:
    """Return a batch of random sequences with their lengths: whole numbers, each from (1 - spread) T to T alike.

    One sequence at least has all T steps. What stands past a length is as random as what stands before it: for the same
    batch without lengths it is data.
    """
    rng = batch_rng(settings["seed"])
    T, B = settings["length"], settings["batch_size"]
    inputs = rng.standard_normal((T, B, INPUTS))
    targets = rng.integers(CLASSES, size=model_of(settings).targets_shape(inputs.shape))
    lengths = rng.integers(max(1, round((1.0 - settings["spread"]) * T)), T, size=B, endpoint=True)
    lengths[rng.integers(B)] = T
    return Batch(inputs, targets, lengths=lengths)


def ignored(batch: Batch) -> Batch:
    """Return the batch without its lengths: all of it counts, padding too."""
    return replace(batch, lengths=None)


def buckets(batch: Batch, count: int, readout: str) -> list[Batch]:
    """Return the batch in `count` parts of sequences about equally long, each cut to its own longest."""
    assert batch.lengths is not None
    order = np.argsort(batch.lengths, kind="stable")
    parts = np.array_split(order, min(count, len(order)))
    return [part_of(batch, part, readout) for part in parts]


def part_of(batch: Batch, part: np.ndarray, readout: str) -> Batch:
    """Return these sequences of a batch, as many steps as the longest of them has."""
    assert batch.lengths is not None
    steps = slice(int(batch.lengths[part].max()))
    targets = batch.targets[steps, part] if readout == "all" else batch.targets[part]
    return Batch(batch.inputs[steps, part], targets, lengths=batch.lengths[part])


def share_of(part: Batch, whole: Batch, readout: str) -> float:
    """Return the part's share in the whole batch's loss, which averages over sequences, or over steps that count."""
    if readout == "all":
        return float(part.valid.sum() / whole.valid.sum())
    return part.inputs.shape[1] / whole.inputs.shape[1]
