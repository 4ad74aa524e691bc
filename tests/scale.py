"""Large runs on this machine: they take minutes, so no test runs them. Each prints seconds, memory and the load.

python -m tests.scale trials    # 10^4 trivial trials on NumPy: in at most 60 s, the host's memory flat
python -m tests.scale stored    # 10^5 stored trials: resumed, listed and reported on in at most a minute each
python -m tests.scale rows      # one trial of 10^6 rows in at most 20 s
python -m tests.scale overhead  # the share of a quick run's time that is outside of measured work
python -m tests.scale planner   # what the host takes for 10^3 and 10^5 trials that take no time, for docs/clusters.md
"""

import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from gradsuite.experiment import Result
from gradsuite.plugins import load
from gradsuite.rows import Measurement
from gradsuite.running.configuration import Configuration
from gradsuite.running.job import Job
from gradsuite.runs.outcome import outcome
from gradsuite.runs.store import Run
from gradsuite.worker import described

from tests.throwaway import environment, install

TRIALS, STORED, ROWS = 10**4, 10**5, 10**6
MINUTE, OF_ROWS = 60.0, 20.0  # seconds
FLAT = 64 * 2**20  # bytes that the host may grow by once it measures
PAUSE = 0.5  # seconds between two looks at a process
LARGE = """
from gradsuite import Experiment, Measurement, Setting, hookimpl

class Large(Experiment):
    name = "large"
    question = "How many trials, and rows, can a run have?"
    timed = False
    named = True
    settings = (Setting("number", int, "a number"), Setting("rows", int, "rows of a trial", minimum=1))
    presets = {
        "quick": {"number": [0], "rows": [1]},
        "standard": {"number": range(10_000), "rows": [1]},
        "full": {"number": range(100_000), "rows": [1]},
    }

    def measure(self, backend, device, settings):
        yield [Measurement("number", settings["number"], index=index) for index in range(settings["rows"])]

@hookimpl
def register_experiments(register):
    register(Large)
"""

# The command, whose executor has every trial measured at once.
AT_ONCE = """
from logging import INFO
from gradsuite import Measurement
from gradsuite.__main__ import command
from gradsuite.experiment import Result
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.running.log import event, of_trial, trial_ended

def at_once(executor, groups, known):
    for trial in (trial for group in groups for trial in group):
        event(INFO, "trial started", **of_trial(trial))
        result = Result("ok", (Measurement("number", trial.settings["number"]),), seconds=1e-3)
        trial_ended(trial, result)
        yield trial, result

LocalExecutor.run = at_once
command()
"""


@dataclass(frozen=True, slots=True)
class Watched:
    """A command that ended well: seconds on the clock and of processors, the host's bytes all along, the last line."""

    seconds: float
    processor: float
    resident: list[int]
    last: str

    def say(self, what: str, limit: float) -> bool:
        """Print these figures, and return whether the time is within its limit."""
        peak, load_1 = max(self.resident, default=0) / 2**20, os.getloadavg()[0]
        print(
            f"{what}: {self.seconds:.1f} s (at most {limit:.0f}), {self.processor:.1f} s of processors, "
            f"host up to {peak:.0f} MiB, load {load_1:.1f}",
            flush=True,
        )
        return self.seconds <= limit


def watched(folder: Path, *arguments: str, program: Sequence[str] = ("-m", "gradsuite")) -> Watched:
    """Run a command. Raises RuntimeError if it fails."""
    began, before, resident = time.monotonic(), processor_seconds(), list[int]()
    command = [sys.executable, *program, *arguments]
    with (
        (folder / "output.txt").open("w+") as output,
        psutil.Popen(command, cwd=folder, env=environment(folder), stdout=output) as host,
    ):
        while host.poll() is None:
            resident.append(largest(host))
            time.sleep(PAUSE)
        if host.returncode:
            raise RuntimeError(f"gradsuite {' '.join(arguments)} ended with exit status {host.returncode}")
        output.seek(0)
        last = ["", *output.read().splitlines()][-1]
    return Watched(time.monotonic() - began, processor_seconds() - before, resident, last)


def largest(host: psutil.Process) -> int:
    """Return the bytes of a host: that is the child of a process that is the witness of the plugin's deeds."""
    found = [0]
    with suppress(psutil.Error):
        for one in (host, *host.children()):
            found.append(one.memory_info().rss)
    return max(found)


def processor_seconds() -> float:
    """Return what all commands so far took, with all that they started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def trials(folder: Path) -> bool:
    """Measure many trivial trials; return whether that is quick, and the host's memory flat."""
    done = watched(folder, "run", "large", "--backend", "numpy", "--preset", "standard", "-q")
    quarter = len(done.resident) // 4  # the first has the imports, and the last the report
    growth = done.resident[3 * quarter] - done.resident[quarter]
    print(f"the host grew by {growth / 2**20:.0f} MiB while half of them were measured")
    return done.say(f"{TRIALS} trivial trials", MINUTE) and growth <= FLAT


def stored(folder: Path) -> bool:
    """Store very many trials, and have them resumed, listed, reported on and exported; return whether that is quick."""
    path = watched(folder, "run", "large", "--backend", "numpy", "--preset", "full", "-k", "number=7", "-q").last
    fill(Run.open(folder / path))
    commands = {
        "planned": ["run", "large", "--backend", "numpy", "--preset", "full", "--dry-run"],
        "resumed": ["run", "--resume", path, "-q"],
        "listed": ["runs"],
        "claims": ["claims", path],
        "reported on": ["report", path],
        "exported": ["export", path, "--out", "rows.csv"],
    }
    verdicts = [watched(folder, *command).say(f"{STORED} trials {name}", MINUTE) for name, command in commands.items()]
    return all(verdicts)


def fill(run: Run) -> None:
    """Store all trials of the preset as if they had been measured, so that nothing is left to resume."""
    asked = Configuration.make({"experiment": ["large"], "backend": ["numpy"], "preset": "full"})
    job = Job(asked, load(), print)
    keys = job.keys({name: described.unpacked(name, info) for name, info in run.meta["backends"].items()})
    there = run.statuses()
    run.take(
        outcome(trial, key, Result("ok", (Measurement("number", trial.settings["number"]),), seconds=1e-3))
        for (trial,) in job.planned(["numpy"])
        if (key := keys(trial)) not in there
    )
    run.note({"configuration": {**run.meta["configuration"], "select": []}})


def rows(folder: Path) -> bool:
    """Measure one trial of very many rows; return whether that is quick."""
    asked = ["run", "large", "--backend", "numpy", "--preset", "quick", "--set", f"rows={ROWS}", "-q"]
    return watched(folder, *asked).say(f"a trial of {ROWS} rows", OF_ROWS)


def planner(folder: Path) -> bool:
    """Have trials stored that take no time; print what the host takes for them, and return True: it has no limit."""
    for name, preset, more in (("10^3", "standard", ("--shard", "1/10")), ("10^5", "full", ())):
        asked = ["run", "large", "--backend", "numpy", "--preset", preset, "--no-preflight", "-q", *more]
        done = watched(folder, *asked, program=("-c", AT_ONCE))
        done.say(f"{name} trials", math.inf)
        watched(folder, "run", "--resume", done.last, "-q").say(f"{name} trials resumed", math.inf)
        for file in ("run.sqlite", "measurements.csv"):
            print(f"{file}: {(folder / done.last / file).stat().st_size / 1e6:.3g} MB", flush=True)
    return True


def overhead(folder: Path) -> bool:
    """Run the quick preset; print which part of the time is not in trials, and return True: it has no limit."""
    done = watched(folder, "run", "--backend", "numpy", "--preset", "quick", "-q")
    told = Run.open(folder / done.last).trials()
    measured = float(told["seconds"].sum())
    print(
        f"{measured:.1f} s are in {len(told)} trials: {1 - measured / done.seconds:.0%} of the time is outside of them"
    )
    return done.say("the quick preset on NumPy", math.inf)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        install(Path(place), "large", LARGE)
        sys.path.insert(0, place)
        what = {"trials": trials, "stored": stored, "rows": rows, "overhead": overhead, "planner": planner}[sys.argv[1]]
        sys.exit(0 if what(Path(place)) else 1)
