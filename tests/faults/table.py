"""One table of faults: what a backend does in the middle of a trial, and what is to become of that trial."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil

Act = Callable[[], Any]


class Fault(NamedTuple):
    """`act` does it and returns what the experiment then yields; `words` stand in the trial's reason, or its notes.

    One that is `alone` has a backend, and so a worker, of its own: what it leaves there would tell on other faults.
    """

    act: Act
    status: str
    words: str
    alone: bool = False


FAULTS: dict[str, Fault] = {}


def fault(status: str, words: str = "", *, alone: bool = False) -> Callable[[Act], Act]:
    """Enter a fault by its function's name."""

    def enter(act: Act) -> Act:
        FAULTS[act.__name__.replace("_", "-")] = Fault(act, status, words, alone)
        return act

    return enter


def remember(pid: int) -> None:
    """Note a process that has to be gone in the end."""
    with Path(os.environ["FAULTS"], "pids").open("a") as file:
        file.write(f"{pid} {psutil.Process(pid).create_time()}\n")
