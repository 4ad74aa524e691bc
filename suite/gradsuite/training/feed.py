"""Batches made ahead, in a thread: a backend does not wait for them, and no more than a few are in memory."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import NamedTuple

from gradsuite.batch import Batch

AHEAD = 4  # trays
TRAY = 2**20  # bytes of the batches that are handed over at once, unless one alone has more
MOST = 64  # batches of a tray: for each tray a thread wakes up, which disturbs those that compute
PATIENCE = 0.05  # seconds after which the thread looks whether anybody still wants its batches


class Fed(NamedTuple):
    """A batch, or what was raised in its place."""

    batch: Batch | None
    error: BaseException | None = None


def feed(make: Callable[[int], Batch], steps: range) -> Iterator[Batch]:
    """Yield the batch of each step in order, as `make` returns it. What it raises is raised here, at its step."""
    queue: Queue[list[Fed]] = Queue(AHEAD)
    closed = Event()
    thread = Thread(target=_fill, args=(queue, make, steps, closed), name="gradsuite-feed", daemon=True)
    thread.start()
    try:
        left = len(steps)
        while left:
            tray = queue.get()
            left -= len(tray)
            for batch, error in tray:
                if error is not None:
                    raise error
                assert batch is not None
                yield batch
    finally:
        closed.set()
        with suppress(Empty):
            queue.get_nowait()  # makes room for the tray that the thread may be holding
        thread.join()


def _fill(queue: "Queue[list[Fed]]", make: Callable[[int], Batch], steps: range, closed: Event) -> None:
    for tray in _trays(make, steps, closed):
        while not closed.is_set():
            with suppress(Full):
                queue.put(tray, timeout=PATIENCE)
                break


def _trays(make: Callable[[int], Batch], steps: range, closed: Event) -> Iterator[list[Fed]]:
    """Yield batches, first one, then twice as many each time; nothing after what was raised, or once it is closed."""
    tray, size = list[Fed](), 1
    for step in steps:
        if closed.is_set():
            return
        try:
            tray.append(Fed(batch := make(step)))
        except BaseException as error:  # noqa: BLE001  raised again in the thread that wanted the batch
            yield [*tray, Fed(None, error)]
            return
        if len(tray) == size or step == steps[-1]:
            yield tray
            tray, size = [], max(1, min(2 * size, MOST, TRAY // bytes_of(batch)))


def bytes_of(batch: Batch) -> int:
    """Return how many bytes the arrays of a batch have."""
    arrays = (batch.inputs, batch.targets, batch.lengths, *(batch.state or ()), batch.masks)
    return sum(array.nbytes for array in arrays if array is not None)
