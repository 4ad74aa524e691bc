"""How fast a backend multiplies matrices: one large linear layer and its gradient, through the interface."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradsuite.backend import Backend, Batch
from gradsuite.measuring import cost
from gradsuite.measuring.timing import Budget, Timer
from gradsuite.model import Model
from gradsuite.parameters import initialise
from gradsuite.rows import Measurement
from gradsuite.settings import Settings

PROBE = "@products"  # under this name a worker measures products for the host; no plugin can register it
RATE = "rate"
CORES = "cores"
NUMBERS = NORMAL, SUBNORMAL = ("normal", "subnormal")
DEEP = 2.0**-8  # of the smallest normal number: no Gaussian one is large enough to make up for it


@dataclass(frozen=True, slots=True)
class Products:
    """Which products to measure, and how often: N x N matrices, of normal numbers or with one subnormal factor.

    A linear layer of N units on N examples of N inputs is two such products: its outputs, and the gradient of its
    weight. What is elementwise takes its share of the time too, of order 1/N.
    """

    size: int = 1024
    dtype: str = "float32"
    numbers: str = NORMAL
    rounds: int = 15
    seed: int = 0

    def batch(self) -> Batch:
        """Return the layer's inputs, and the targets, which are the other factor of the gradient."""
        rng = np.random.default_rng([self.seed, 1])  # [.., 1]: the parameters are drawn from the seed itself
        inputs, targets = rng.standard_normal((2, self.size, self.size))
        if self.numbers == SUBNORMAL:
            inputs *= DEEP * np.finfo(self.dtype).tiny
        return Batch(inputs, targets)

    def measure(self, backend: Backend, device: str) -> Iterator[list[Measurement]]:
        """Yield nothing once warm, then the rate (FLOP/s) and the cores kept busy, a sample per round."""
        model, host_batch = linear(self.size), self.batch()
        network = backend.build(model, initialise(model, seed=self.seed), device=device, dtype=self.dtype)
        batch = network.put(host_batch)
        timer = Timer(lambda _: network.backward(network.forward(batch)), network.synchronize)
        timer.warm_up()
        yield []
        flops = cost.flops(model, host_batch.inputs.shape)
        budget = Budget()
        for index in range(self.rounds):
            sample = timer.sample(budget)
            yield [
                Measurement(RATE, flops / sample.seconds, "FLOP/s", index=index),
                Measurement(CORES, sample.conditions.cpu / sample.conditions.wall, index=index),
            ]


def probe(backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
    """Measure the products with these settings, as an experiment measures a trial."""
    return Products(**settings).measure(backend, device)


def linear(size: int) -> Model:
    """Return one linear layer, whose loss is the inner product of its outputs with the targets."""
    return Model(
        cell="mlp",
        input_size=size,
        hidden_size=size,
        num_layers=1,
        activation="identity",
        readout="none",
        loss="inner_product",
    )
