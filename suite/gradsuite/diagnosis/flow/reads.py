"""Where the loss reads the layers' outputs, and the batch that is left when it reads the last of them alone."""

from dataclasses import replace

import numpy as np

from gradsuite.backend import Batch
from gradsuite.model import Model


def by_direction(model: Model, targets: np.ndarray) -> np.ndarray:
    """Return the targets (T, B, directions * H) as (T, B, directions, H)."""
    return targets.reshape(*targets.shape[:2], model.directions, model.hidden_size)


def read_steps(model: Model, batch: Batch) -> np.ndarray:
    """Return at which steps of which sequence the loss has a gradient by each direction's output (T, B, directions)."""
    read: np.ndarray = (by_direction(model, batch.targets) != 0).any(axis=-1) & batch.valid[..., np.newaxis]
    return read


def last_reads(model: Model, batch: Batch, *, reverse: bool) -> np.ndarray:
    """Return the step at which a direction is read last in its own order (B), -1 where it is never read."""
    read = read_steps(model, batch)[..., int(reverse)]
    steps = len(read)
    last = np.argmax(read, axis=0) if reverse else steps - 1 - np.argmax(read[::-1], axis=0)
    return np.where(read.any(axis=0), last, -1)


def mixes(model: Model, batch: Batch) -> bool:
    """Whether some sequence is read at several steps: a state's gradient is then a sum over several lags."""
    return bool((read_steps(model, batch).sum(axis=0) > 1).any())


def own_gradient(model: Model, batch: Batch, *, reverse: bool) -> Batch:
    """Return the batch with the targets of one direction's last read step alone: no two lags mix."""
    steps, size = batch.targets.shape[:2]
    last = last_reads(model, batch, reverse=reverse)
    kept = np.zeros((steps, size, model.directions, model.hidden_size), batch.targets.dtype)
    (sequences,) = np.nonzero(last >= 0)
    at = (last[sequences], sequences, int(reverse))
    kept[at] = by_direction(model, batch.targets)[at]
    return replace(batch, targets=kept.reshape(batch.targets.shape))


def first_sequences(batch: Batch, count: int) -> Batch:
    """Return the first `count` sequences of a batch, with the gradient that each has in the whole batch."""
    size = batch.inputs.shape[1]
    if size <= count:
        return batch
    share = batch.valid[:, :count].sum() / batch.valid.sum()  # the loss is a mean over all steps that count
    return Batch(
        batch.inputs[:, :count],
        batch.targets[:, :count] * share,
        lengths=None if batch.lengths is None else batch.lengths[:count],
        state=None if batch.state is None else tuple(one[:, :count] for one in batch.state),
        masks=None if batch.masks is None else batch.masks[:, :, :count],
    )
