"""What a truncated gradient costs beside a full one: seconds, and the memory that a pass takes."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from gradsuite.backend import Backend, Batch, DeviceBatch, Network
from gradsuite.machine import allocator
from gradsuite.measuring import memory
from gradsuite.measuring.timing import Timer
from gradsuite.model import Model
from gradsuite.parameters import Parameters
from gradsuite.rows import Measurement
from gradsuite.schedule import Schedule


def rounds(
    backend: Backend, model: Model, members: Sequence[Parameters], batch: Batch, horizon: int, count: int, run: Any
) -> Iterator[list[Measurement]]:
    """Yield the memory of one pass, then seconds of forward and backward, `count` samples; full beside truncated."""
    stack = {name: np.stack([member[name] for member in members]) for name in members[0]}
    kinds = {"truncated": Schedule(truncation=(1, horizon)), "full": Schedule()}
    timers, taken = {}, []
    for kind, schedule in kinds.items():
        network = backend.build(model, stack, **run, schedule=schedule)
        timers[kind] = timer(network, network.put(batch))
        with allocator.giving_back():  # or the next pass has in threads what this one's freed
            timers[kind].first()
        # A network that has compiled nothing and kept no buffers, of a program that is compiled.
        fresh = backend.build(model, stack, **run, schedule=schedule)
        _, size = memory.growth(partial(one_pass, fresh, fresh.put(batch)))
        taken.append(Measurement(f"memory_{kind}", size, "B"))
    yield taken
    for index in range(count):
        yield [Measurement(f"seconds_{kind}", t.sample().seconds, "s", index=index) for kind, t in timers.items()]


def timer(network: Network, batch: DeviceBatch) -> Timer:
    """Return the timer of one gradient."""
    return Timer(lambda _: network.backward(network.forward(batch)), network.synchronize)


def one_pass(network: Network, batch: DeviceBatch) -> None:
    """Compute one gradient, and wait for it."""
    network.backward(network.forward(batch))
    network.synchronize()
