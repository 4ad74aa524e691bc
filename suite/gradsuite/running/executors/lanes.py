"""Several iterators at a time, each in a thread of its own: what they yield, in the order in which it comes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
Meanwhile = Callable[[], bool]  # does a piece of other work, and returns whether there was any
GLANCE = 0.1  # seconds after which it is asked again whether there is other work


class Handed(NamedTuple, Generic[T]):
    """What a lane hands over: an item, what was raised in its place, or neither at its end; it waits until `taken`."""

    item: T | None
    taken: Event
    error: BaseException | None = None


def idle() -> bool:
    """Do nothing."""
    return False


def side_by_side(lanes: Sequence[Iterable[T]], at_once: int, meanwhile: Meanwhile = idle) -> Iterator[T]:
    """Yield the items of all lanes, none of them None, `at_once` lanes at a time.

    A lane goes on once its item was taken and the next is asked for. Those left when nobody asks any more end there.
    While fewer than that are left, other work is done `meanwhile`: with the last lane it ends, once its piece is done.
    """
    handed: SimpleQueue[Handed[T]] = SimpleQueue()
    slots, left = Semaphore(at_once), Event()

    def walk(lane: Iterable[T]) -> None:
        with slots:
            try:
                for item in () if left.is_set() else lane:
                    handed.put(Handed(item, taken := Event()))
                    if left.is_set() or not taken.wait() or left.is_set():
                        return
                handed.put(Handed(None, Event()))
            except BaseException as error:  # noqa: BLE001  raised again in the thread that asks
                handed.put(Handed(None, Event(), error))

    def fill() -> None:
        while not left.is_set():
            if not meanwhile():
                left.wait(GLANCE)

    for lane in lanes:
        Thread(target=walk, args=(lane,), daemon=True).start()  # Ctrl-C must not wait for what a lane is doing
    one, unended = None, len(lanes)
    filler = Thread(target=fill, daemon=True)
    try:
        while unended:
            if unended < at_once and not filler.ident:
                filler.start()
            one = handed.get()
            if one.error is not None:
                raise one.error
            if one.item is None:
                unended -= 1
            else:
                yield one.item
            one.taken.set()
        left.set()
        if filler.ident:
            filler.join()
    finally:
        left.set()
        while one is not None:
            one.taken.set()
            one = None if handed.empty() else handed.get()
