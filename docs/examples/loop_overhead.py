"""What the training loop costs beside the steps that it takes, as paired ratios with their interval.

python docs/examples/loop_overhead.py [ROUNDS]

A round is a number of steps of a training session, which draws batches in a thread, hands them to the backend and keeps
the losses, and as many of the backend's own steps on one batch that it has already, in random order.
"""

import random
import sys
import time
from collections.abc import Callable
from itertools import islice

import numpy as np
from gradsuite.batch import Batch
from gradsuite.measuring.intervals import ratio_interval
from gradsuite.model import Model
from gradsuite.optimizers import Adam
from gradsuite.parameters import Initialisation, initialise
from gradsuite.plugins import load
from gradsuite.tasks.task import Task
from gradsuite.training.recipe import Recipe
from gradsuite.training.session import Session
from gradsuite_experiments.speed.workloads import CLASSES, NAMED
from gradsuite_experiments.speed.workloads import model as model_of

STEPS = {"W1": 10, "W3": 300}  # of a round
BACKENDS = ("numpy", "torch", "jax")
EPOCH, FOR_EVER = 32, 10**6  # batches; steps


class Numbers(Task):
    """Random numbers and classes, as many as an epoch has, made once as data from a file are."""

    name, summary, source = "numbers", "random numbers", "this project"
    output_size, loss, readout = CLASSES, "cross_entropy", "last"

    def __init__(self, model: Model, length: int, size: int) -> None:
        """Make the numbers of an epoch."""
        self.input_size = model.input_size
        rng = np.random.default_rng(0)
        self.inputs = rng.standard_normal((length, EPOCH * size, model.input_size))
        self.targets = rng.integers(CLASSES, size=EPOCH * size)

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return examples that are drawn."""
        chosen = rng.integers(len(self.targets), size=size)
        return Batch(self.inputs[:length, chosen], self.targets[chosen])


def sides(backend_name: str, workload: str) -> dict[str, Callable[[int], float]]:
    """Return, by name, what takes so many steps and returns the seconds they took."""
    sizes = NAMED[workload]
    model = model_of({**sizes, "workload": workload})
    length, size = sizes["length"], sizes["batch_size"]
    backend = load().find("backend", backend_name).load()()
    parameters, task = initialise(model, Initialisation(), seed=0), Numbers(model, length, size)
    optimizer = Adam(lr=1e-3)
    recipe = Recipe(
        optimizer=optimizer, batch_size=size, length=length, steps=FOR_EVER, evaluate_every=FOR_EVER, seed=0
    )
    session = Session(backend, task, model, parameters, recipe)
    walk = session.walk()
    network = backend.build(model, parameters, device="cpu", dtype="float32")
    batch = network.put(task.training_batch(0, 0, model, size=size, length=length))

    def loop(steps: int) -> float:
        began = time.perf_counter()
        for _ in islice(walk, steps):
            pass
        session.read()
        return time.perf_counter() - began

    def own(steps: int) -> float:
        began = time.perf_counter()
        losses = [network.step(batch, optimizer) for _ in range(steps)]
        network.fetch(losses[-1])
        return time.perf_counter() - began

    return {"loop": loop, "own": own}


def main(rounds: int) -> None:
    """Print what the loop adds to a step, for each workload and backend."""
    for workload, steps in STEPS.items():
        for backend in BACKENDS:
            both = sides(backend, workload)
            for take in both.values():  # compiles and warms up
                take(steps)
            pairs = []
            for _ in range(rounds):
                turns = list(both.items())
                random.shuffle(turns)
                pairs.append({which: take(steps) for which, take in turns})
            ratio = ratio_interval([pair["loop"] for pair in pairs], [pair["own"] for pair in pairs])
            step = min(pair["own"] for pair in pairs) / steps
            print(
                f"{workload} {backend:<6} {1000 * step:.2f} ms a step: {ratio.median - 1:+.1%} "
                f"({ratio.low - 1:+.1%} to {ratio.high - 1:+.1%}, {rounds} rounds)",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
