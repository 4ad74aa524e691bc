"""Batches made ahead, in a thread: a backend does not wait for them, and no more than a few are in memory."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import NamedTuple

from gradsuite.batch import Batch

AHEAD = 4  # batches
PATIENCE = 0.05  # seconds after which the thread looks whether anybody still wants its batches


class Fed(NamedTuple):
    """A batch, or what was raised in its place."""

    batch: Batch | None
    error: BaseException | None = None


def feed(make: Callable[[int], Batch], steps: range) -> Iterator[Batch]:
    """Yield the batch of each step in order, as `make` returns it. What it raises is raised here, at its step."""
    queue: Queue[Fed] = Queue(AHEAD)
    closed = Event()
    thread = Thread(target=_fill, args=(queue, make, steps, closed), name="gradsuite-feed", daemon=True)
    thread.start()
    try:
        for _ in steps:
            batch, error = queue.get()
            if error is not None:
                raise error
            assert batch is not None
            yield batch
    finally:
        closed.set()
        with suppress(Empty):
            queue.get_nowait()  # makes room for the batch that the thread may be holding
        thread.join()


def _fill(queue: "Queue[Fed]", make: Callable[[int], Batch], steps: range, closed: Event) -> None:
    for step in steps:
        try:
            fed = Fed(make(step))
        except BaseException as error:  # noqa: BLE001  raised again in the thread that wanted the batch
            fed = Fed(None, error)
        while not closed.is_set():
            with suppress(Full):
                queue.put(fed, timeout=PATIENCE)
                break
        if closed.is_set() or fed.error is not None:
            return
