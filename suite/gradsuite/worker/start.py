"""Where a worker starts: what its threads inherit is set before NumPy is imported, whose BLAS starts threads at once.

`python -m gradsuite.worker.start` becomes the guard of a `gradsuite.worker.serve`.
"""

import os

from gradsuite.machine import memory, subnormals
from gradsuite.worker import greeting, guard
from gradsuite.worker.channel import Channel

THREADS_VARIABLE = "GRADSUITE_THREADS"


def confine() -> None:
    """Keep to as many cores as there are threads: a framework that counts cores itself then has the same number."""
    threads = int(os.environ.get(THREADS_VARIABLE, "0"))
    if threads and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def main() -> None:
    """Guard a child, which takes the channel, answers its host, confines itself and its numbers, then serves."""
    guard.start()
    channel = Channel()
    backend = greeting.answer(channel)
    if backend is None:
        return
    confine()
    memory.give_way()
    subnormals.flush_if_asked()
    from gradsuite.worker import serve as worker

    worker.main(channel, backend)


if __name__ == "__main__":
    main()
