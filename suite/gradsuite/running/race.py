"""A race of backends at one workload: in turn, round by round, until one is seen to be the fastest or time is up.

Long sequences begin with a heat at a short length: it tells which length there is time for, and who is far behind.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from gradsuite.experiment import Result, Trial
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.running.executors.workers import Unfinished
from gradsuite.running.timed import ranking, samples
from gradsuite.runs.ratios import LEVEL
from gradsuite.runs.workloads import LEAST, Sampled
from gradsuite.settings import LENGTH

ENOUGH = 15  # samples of each
# Times as slow as the fastest in one sample, from which on a backend is far behind, if nothing was seen to disturb it:
# what no counter shows, a thread of another machine on its core, leaves half of its pace (measuring/pace.py).
FAR = 2.0
SHARE, SHORTEST = 16, 8  # of a sequence, that a heat is run at: one part in so many, and that many steps at least
PARTS = (1, 2, 4, 8)  # a race is run at the length that is asked for, or a half of it, and so on, as time allows
BEFORE = 2  # calls before the first sample: the first of all, and one to warm up
STEP = 5  # seconds: budgets are advised in multiples of it
FIRST = 0.5  # of the time that is left, for a first call
BEGUN = 5.0  # seconds for first samples, however little time is left
TOO_LATE = "the time was up before its first sample: give it longer (--budget)"


@dataclass(slots=True)
class Runner:
    """A backend in the race: its trial, how long its first and its latest round took, and whether it is at its end."""

    one: Unfinished
    metric: str
    first: float = 0.0
    latest: float = 0.0
    over: bool = False

    @property
    def backend(self) -> str:
        """Its name."""
        return self.one.trial.backend

    @property
    def sampled(self) -> Sampled:
        """Its samples so far."""
        return samples(self.one.measurements, self.metric)

    @property
    def call(self) -> float:
        """The median seconds of a call so far."""
        return float(np.exp(np.median(self.sampled.logs)))


@dataclass(frozen=True, slots=True)
class Behind:
    """A backend that left the race for what one sample said: so many `times` as long as `fastest`, at this length."""

    backend: str
    fastest: str
    times: float
    length: int | None

    @property
    def least(self) -> float:
        """How many times as long it takes at least, if what no counter shows has slowed its sample."""
        return self.times / FAR


class Race:
    """Measures one workload on several backends; `lost` says why some came to no sample, `behind` who left.

    `advised` is the budget that has room for what this one had not: the length, or rounds for an interval.
    """

    def __init__(self, executor: LocalExecutor, metric: str, *, noise: float, began: float, seconds: float) -> None:
        """End, if each round takes as long as the one before, so many seconds after it `began` (time.monotonic)."""
        self.executor = executor
        self.metric = metric
        self.noise = noise
        self.began = began
        self.end = began + seconds
        self.random = random.Random(0)
        self.lost: dict[str, str] = {}
        self.behind: list[Behind] = []
        self.advised = 0

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.end - time.monotonic()

    def run(self, trials: Sequence[Trial]) -> list[Runner]:
        """Return the runners that came to a sample and did not leave, all at one length; there is a trial at least."""
        asked = trials[0].settings.get(LENGTH.name, 1)
        short = max(SHORTEST, asked // SHARE)
        if asked < 2 * short:
            runners = self.line_up(trials)
        else:
            heat = self.line_up([at(trial, short) for trial in trials])
            if heat and self.needed(heat, asked / short) > self.left:
                heat = self.thinned(heat)
            length = next((asked // n for n in PARTS if self.needed(heat, asked // n / short) <= self.left), short)
            if length < asked:
                self.advise(self.needed(heat, asked / short))
            going = [at(runner.one.trial, length) for runner in heat]
            runners = self.line_up(going) if length > short else heat
        if ENOUGH * round_of(runners) > self.left:
            runners = self.thinned(runners)
        return self.go_on(runners)

    def line_up(self, trials: Sequence[Trial]) -> list[Runner]:
        """Return those that come to their first sample in the time that is left, the quick ones first.

        First calls, in which some compile, count for nothing; yet they are made in turn, for the threads of one wait
        for cores that another's take. One that is stuck in its own leaves the others time for theirs.
        """
        until = time.monotonic() + max(self.left, BEGUN)
        runners = [Runner(Unfinished(trial), self.metric) for trial in trials]
        for runner in runners:
            seconds = round(FIRST * (until - time.monotonic()), 1)
            if seconds > 0:
                self._note(runner, self.executor.round(runner.one, seconds))
            else:
                self._is_late(runner)
            runner.first = runner.one.seconds
            runner.one.measurements.clear()
        for runner in sorted(runners, key=lambda runner: runner.first):
            while not runner.over and not len(runner.sampled.logs):
                self._round(runner, until - time.monotonic())
            if not len(runner.sampled.logs):
                self.lost.setdefault(runner.backend, f"it measured no {self.metric}")
        return self._still(runners)

    def needed(self, runners: Sequence[Runner], factor: float) -> float:
        """Return the seconds that these, just lined up, take to come to an interval at `factor` times the length."""
        compiling = sum(runner.first for runner in runners)
        warming = sum(runner.one.seconds - runner.first - runner.latest for runner in runners)
        once = factor * sum(runner.call for runner in runners)
        return max((compiling + once) / FIRST, compiling + warming + (BEFORE + LEAST) * once)

    def thinned(self, runners: Sequence[Runner]) -> list[Runner]:
        """Return the runners without those that are far behind; a sample that was disturbed sends nobody away."""
        if not runners:
            return []
        fastest = min(runners, key=lambda runner: runner.call)
        slow = [runner for runner in runners if runner.call > FAR * fastest.call]
        far = [runner for runner in slow if not runner.sampled.disturbed.any()]
        for runner in far:
            length = runner.one.trial.settings.get(LENGTH.name)
            self.behind.append(Behind(runner.backend, fastest.backend, runner.call / fastest.call, length))
        return [runner for runner in runners if runner not in far]

    def go_on(self, runners: list[Runner]) -> list[Runner]:
        """Return the runners after as many rounds as it takes, or as there is time for."""
        while (running := [runner for runner in runners if not runner.over]) and not self.is_decided(runners):
            if round_of(running) > self.left:
                missing = LEAST - min(len(runner.sampled.logs) for runner in runners)
                if missing > 0:
                    self.advise(missing * round_of(running))
                break
            self.random.shuffle(running)
            for runner in running:
                self._round(runner)
            runners = self._still(runners)
        return runners

    def is_decided(self, runners: Sequence[Runner]) -> bool:
        """Whether there are rounds enough, or the fastest is told from all others.

        Each look has its part of the level (Bonferroni), so that all of them together are wrong no more often than one.
        """
        rounds = min(len(runner.sampled.logs) for runner in runners)
        if rounds < LEAST or rounds >= ENOUGH:
            return rounds >= ENOUGH
        timed = ranking({runner.backend: runner.sampled for runner in runners}, self.noise)
        return all(one.ratio.p < LEVEL / ENOUGH for one in timed if one.ratio)

    def advise(self, seconds: float) -> None:
        """Advise a budget that has room for what takes so many seconds from now."""
        budget = time.monotonic() - self.began + seconds
        self.advised = max(self.advised, STEP * ceil(1.1 * budget / STEP))

    def _round(self, runner: Runner, seconds: float | None = None) -> None:
        """Run a round of one, which may take so many seconds."""
        if seconds is not None and seconds <= 0:
            self._is_late(runner)
            return
        before = runner.one.seconds
        result = self.executor.round(runner.one, seconds)
        self._note(runner, result)
        if seconds is not None and result and result.status == "timeout":
            self.lost[runner.backend] = TOO_LATE
        runner.latest = runner.one.seconds - before

    def _is_late(self, runner: Runner) -> None:
        """Note that there is no time left for one."""
        runner.over = True
        self.lost[runner.backend] = TOO_LATE

    def _note(self, runner: Runner, result: Result | None) -> None:
        """Note that a trial has come to its end, if it has."""
        if result is not None:
            runner.over = True
            if result.status != "ok":
                self.lost[runner.backend] = result.reason

    def _still(self, runners: Sequence[Runner]) -> list[Runner]:
        return [runner for runner in runners if runner.backend not in self.lost]


def at(trial: Trial, length: int) -> Trial:
    """Return a trial at another length."""
    return replace(trial, settings={**trial.settings, LENGTH.name: length})


def round_of(runners: Sequence[Runner]) -> float:
    """Return the seconds of a round of all of them, as the last one was."""
    return sum(runner.latest for runner in runners)
