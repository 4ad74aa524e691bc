"""How far a run is, told from its folder alone: while it is being measured, after its end, and when its host died."""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gradsuite.experiment import FAILED, STATUSES
from gradsuite.running.log import Event, events
from gradsuite.runs.store import Run

IDENTITY = ("experiment", "backend", "device", "settings")


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that failed, and why."""

    experiment: str
    backend: str
    settings: Mapping[str, Any]
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Going:
    """A trial that is being measured, and for how many seconds."""

    experiment: str
    backend: str
    settings: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Status:
    """How far a run is: trials stored of those planned (None if the run does not say), and by their status.

    `alive` says whether a host is measuring, `pid` which process that is or was; `left` is in seconds, None if nobody
    knows. What is going on is known if the run's log has each trial's start.
    """

    run: str
    alive: bool
    started: str
    finished: str | None
    pid: int | None
    planned: int | None
    statuses: Mapping[str, int]
    now: list[Going] = field(default_factory=list)
    left: float | None = None
    failure: Failure | None = None

    @property
    def done(self) -> int:
        """How many trials are stored."""
        return sum(self.statuses.values())


def status(run: Run) -> Status:
    """Return how far a run is."""
    meta, trials = run.meta, run.trials()
    counts = Counter(trials["status"])
    alive = is_measured(run.path)
    happened = Happened()
    for one in events(run.path):
        happened.add(one)
    failed = trials[trials["status"].isin(FAILED)].tail(1).to_dict("records")
    return Status(
        run=str(run.path),
        alive=alive,
        started=str(meta.get("started", "")),
        finished=None if alive else meta.get("finished"),
        pid=happened.pid,
        planned=meta.get("planned"),
        statuses={name: counts[name] for name in STATUSES if counts[name]},
        now=happened.going(datetime.now(UTC)) if alive else [],
        left=happened.left(meta.get("planned", 0) - counts.total()) if alive else None,
        failure=next((failure(row) for row in failed), None),
    )


def is_measured(folder: Path) -> bool:
    """Return whether a process of this machine holds the lock of a run."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def failure(row: Mapping[Any, Any]) -> Failure:
    """Return a failed trial of the run's table."""
    told = {name: row[name] for name in ("experiment", "backend", "status", "reason")}
    return Failure(settings=json.loads(row["settings"]), **told)


class Happened:
    """What the log tells of the last time that a host took up the run."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self.trials: int | None = None  # to be measured this time
        self.open: dict[str, Event] = {}  # trials that were begun and have not ended
        self.ended = 0
        self.first = self.last = ""  # times of an event

    def add(self, one: Event) -> None:
        """Take the next event."""
        name, moment = one["event"], str(one.get("time", ""))
        if name == "run started":
            self.__init__()  # type: ignore[misc]
            self.pid, self.trials = one.get("pid"), one.get("trials")
        self.first, self.last = self.first or moment, moment
        identity = json.dumps([one.get(part) for part in IDENTITY], sort_keys=True)
        if name == "trial started":
            self.open[identity] = one
        elif name in ("trial ended", "trial refused"):
            self.open.pop(identity, None)
            self.ended += 1

    def going(self, now: datetime) -> list[Going]:
        """Return what is being measured."""
        return [
            Going(one["experiment"], one["backend"], one["settings"], since(one["time"], now))
            for one in self.open.values()
        ]

    def left(self, unstored: int) -> float | None:
        """Return the seconds that are left, at the pace of what the log has; None if it has no pace."""
        if not self.ended:
            return None
        taken = since(self.first, datetime.fromisoformat(self.last))
        return taken / self.ended * max(0, unstored if self.trials is None else self.trials - self.ended)


def since(moment: str, now: datetime) -> float:
    """Return the seconds between two times."""
    return max(0.0, (now - datetime.fromisoformat(moment)).total_seconds())
