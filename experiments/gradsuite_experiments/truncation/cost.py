"""What a truncated gradient costs beside a full one: seconds, and the memory of a pass."""

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

from gradsuite_experiments.truncation.laws import MEMORY_FULL, MEMORY_TRUNCATED, SECONDS_FULL, SECONDS_TRUNCATED

MEMORY = {"truncated": MEMORY_TRUNCATED, "full": MEMORY_FULL}
SECONDS = {"truncated": SECONDS_TRUNCATED, "full": SECONDS_FULL}


def rounds(
    backend: Backend, model: Model, members: Sequence[Parameters], batch: Batch, horizon: int, count: int, run: Any
) -> Iterator[list[Measurement]]:
    """Yield the memory of one pass, then `count` samples of the seconds of a gradient; truncated beside full."""
    stack = {name: np.stack([member[name] for member in members]) for name in members[0]}
    kinds = {"truncated": Schedule(truncation=(1, horizon)), "full": Schedule()}
    timers, sizes = {}, []
    for kind, schedule in kinds.items():
        network = backend.build(model, stack, **run, schedule=schedule)
        timers[kind] = timer(network, network.put(batch))
        with allocator.giving_back():  # or the next pass reuses what this one has freed, and takes less
            timers[kind].first()
        # A new network: its program is compiled by now, and it holds no buffers yet.
        fresh = backend.build(model, stack, **run, schedule=schedule)
        _, size = memory.growth(partial(one_pass, fresh, fresh.put(batch)))
        sizes.append(Measurement(MEMORY[kind], size, "B"))
    yield sizes
    for index in range(count):
        yield [Measurement(SECONDS[kind], t.sample().seconds, "s", index=index) for kind, t in timers.items()]


def timer(network: Network, batch: DeviceBatch) -> Timer:
    """Return the timer of one gradient."""
    return Timer(lambda _: network.backward(network.forward(batch)), network.synchronize)


def one_pass(network: Network, batch: DeviceBatch) -> None:
    """Compute one gradient, and wait for it."""
    network.backward(network.forward(batch))
    network.synchronize()
