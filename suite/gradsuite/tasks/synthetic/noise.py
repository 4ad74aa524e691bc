"""Gaussian noise in, a random direction out: the backward pass is a vector-Jacobian product."""

import numpy as np

from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.tasks.task import Task


class Noise(Task):
    """Inputs x ~ N(0, 1); L = mean over the batch of <v, h_T>, each v a random unit vector, no readout."""

    name = "noise"
    summary = "Gaussian noise; the loss projects the last state on a random unit vector"
    source = "synthetic"
    input_size = 8
    output_size = 0
    loss = "inner_product"
    readout = "none"

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return inputs (T, B, 8) and unit vectors (B, H), uniform over the sphere."""
        inputs = rng.standard_normal((length, size, self.input_size))
        directions = rng.standard_normal((size, model.output_width))
        return Batch(inputs, directions / np.linalg.norm(directions, axis=-1, keepdims=True))
