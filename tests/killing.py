"""A run whose host, worker or both are killed at random moments, until it is done: what was lost, and measured twice.

`python -m tests.killing 100` kills a hundred times, in runs of their own folders, and prints what became of them.
"""

import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil
from gradsuite.errors import UserError
from gradsuite.runs.store import Run

from tests.pacing import DEADLINE, alive, asked, done, installed, kill, logged, started, until

NUMBERS = 40  # of trials on each of two backends
PAUSE = 0.02  # seconds a trial
RUN = "results/it"
VICTIMS = ("host", "worker", "both")


@dataclass(slots=True)
class Kills:
    """What killing did to one run: how often, and what was lost or measured twice of what had been stored before."""

    count: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)


def stored(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return what is stored of each trial that is ok, and how often it was measured by now."""
    try:
        trials = Run.open(folder / RUN).trials()
    except UserError:  # not begun yet
        return {}
    good = trials[trials["status"] == "ok"]
    measured = logged(folder)
    return {
        name: (seconds, measured[name])
        for name, seconds in zip(map(name_of, good["backend"], good["settings"]), good["seconds"], strict=True)
    }


def name_of(backend: str, settings: str) -> str:
    """Return a trial as the log has it."""
    return f"{backend} {json.loads(settings)['number']}"


def killed(folder: Path, kills: int, chance: random.Random) -> Kills:
    """Begin a run and break it off so often, then let it come to its end."""
    result, processes = Kills(), set[int]()
    while result.count < kills:
        before = stored(folder)
        resumed = ["run", "--resume", RUN] if (folder / RUN / "run.sqlite").exists() else asked(NUMBERS, PAUSE)
        with started(folder, *resumed) as host:
            time.sleep(chance.uniform(0.0, 2.5))
            victim = chance.choice(VICTIMS)
            family = children(host.pid)
            processes |= {host.pid, *family}
            if victim != "worker":
                kill(host.pid)
            if victim != "host" and family:
                kill(chance.choice(sorted(family)))
            if victim == "worker":
                time.sleep(chance.uniform(0.0, 0.5))
                processes |= children(host.pid)
                kill(host.pid)
            _, errors = host.communicate(timeout=DEADLINE)
        result.count += 1
        result.tracebacks += [errors] if "Traceback" in errors else []
        check(before, stored(folder), result)
    before = stored(folder)
    for _ in range(3):  # a trial whose worker was killed is an error, which is measured again
        ended = done(folder, *(["run", "--resume", RUN] if before else asked(NUMBERS, PAUSE)))
        result.tracebacks += [ended.stderr] if "Traceback" in ended.stderr else []
    check(before, stored(folder), result)
    until(lambda: not any(map(alive, processes)) or time.sleep(0.1))
    result.rows = rows(folder)
    return result


def check(before: dict[str, tuple[object, ...]], after: dict[str, tuple[object, ...]], result: Kills) -> None:
    """Note what of this was lost since, or measured twice."""
    for name, kept in before.items():
        if name not in after:
            result.lost.append(name)
        elif after[name] != kept:
            result.twice.append(name)


def children(pid: int) -> set[int]:
    """Return the workers of a host, and what they started."""
    try:
        return {child.pid for child in psutil.Process(pid).children(recursive=True)}
    except psutil.NoSuchProcess:
        return set()


def rows(folder: Path) -> pd.DataFrame:
    """Return what a run measured, in an order of its own."""
    measured = Run.open(folder / RUN).measurements().drop(columns="key")
    return measured.sort_values(["backend", "settings", "index"]).reset_index(drop=True)


def unbroken(folder: Path) -> pd.DataFrame:
    """Return what the same run measures when nobody kills it."""
    ended = done(folder, *asked(NUMBERS, PAUSE))
    assert ended.returncode == 0, ended.stderr
    return rows(folder)


def main(kills: int, each: int = 10) -> None:
    """Kill so often, `each` times a run, and print what became of it."""
    total = Kills()
    for seed in range(kills // each):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            found = killed(installed(Path(one)), each, random.Random(seed))
            same = found.rows.equals(unbroken(installed(Path(other))))
        total.count += found.count
        total.lost += found.lost
        total.twice += found.twice
        total.tracebacks += found.tracebacks
        print(f"{total.count} kills: {len(total.lost)} lost, {len(total.twice)} measured twice,", end=" ")
        print(f"{len(total.tracebacks)} tracebacks; as the unbroken run: {same}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
