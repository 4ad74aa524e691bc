"""What a timing here would be worth: the rate of each backend, the noise of the machine, and advice that pays."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gradsuite.alias import original, tuned
from gradsuite.backend import BackendInfo
from gradsuite.experiment import Trial
from gradsuite.hosting.registration import Broken
from gradsuite.machine import subnormals
from gradsuite.machine.facts import machine
from gradsuite.measuring.contention import Conditions, Watch
from gradsuite.measuring.gemm import CORES, PROBE, RATE, SUBNORMAL, Products
from gradsuite.measuring.intervals import Interval, median_interval, ratio_interval
from gradsuite.measuring.pace import SLOW_PACE
from gradsuite.measuring.timing import Timer
from gradsuite.plugins import Plugins
from gradsuite.running.availability import asked_backend, default_backends, survey
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.settings import settings_label
from gradsuite.worker.environment import WorkerEnvironment

LARGE = Products()
TINY = Products(size=256, numbers=SUBNORMAL)  # smaller matrices: they may take long
ROUND_TIMEOUT = 60.0  # seconds
FIXED_SAMPLES = 60
STEADY = 0.02  # a spread that a difference of a few percent can still be told from
IDLE_SHARE = 0.7  # of its threads that a backend keeps busy in large products, at least
SELDOM = 0.05  # of the samples: a slow core that costs no trial its figure
PAYS = 1.05  # times the rate from which on advice is worth following


@dataclass(frozen=True, slots=True)
class Noise:
    """How a fixed computation on one core varied: half of its times lie within `spread` of their median, as a share.

    `slow` is the share of its samples beside which the core ran far below its pace.
    """

    spread: float
    worst: float
    slow: float
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Rate:
    """A backend's rate in large matrix products, FLOP/s, its share of the best one, and how many cores it kept busy."""

    backend: str
    rate: Interval
    share: float
    cores: float


@dataclass(frozen=True, slots=True)
class Gain:
    """What a backend's tuned worker is started with, and its rate over that of the plain one.

    `subnormal` is that of products with subnormal numbers, where tuning is about them.
    """

    backend: str
    variables: Mapping[str, str]
    ratio: Interval
    subnormal: Interval | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an examination shows of a machine and its backends."""

    machine: Mapping[str, Any]
    backends: Mapping[str, BackendInfo]
    unavailable: Sequence[Broken]
    noise: Noise
    rates: Sequence[Rate]
    gains: Sequence[Gain]
    failures: Mapping[str, str]

    def advice(self) -> Iterator[str]:
        """Yield what to do, what pays most first."""
        threads = self.machine["threads"]
        for gain in self.gains:
            yield advice_on(gain)
        if reason := self.noise.conditions.disturbance():
            yield f"{reason}: measure when they have ended, or trust only what the paired ratios still tell apart"
        elif self.noise.spread > STEADY:
            yield (
                f"a fixed computation varies by {self.noise.spread:.1%}: close what else runs, or ask for more rounds; "
                "gradsuite run speed-aa tells how narrow a difference can be told"
            )
        if self.noise.slow > SELDOM:
            yield (
                f"beside {self.noise.slow:.0%} of the samples the core ran below {SLOW_PACE:.0%} of its pace: "
                "something that this system does not show computes on it, such as another virtual machine that shares "
                "the processor: measure at another time, or trust only what the paired ratios still tell apart"
            )
        for rate in self.rates:
            if rate.cores < IDLE_SHARE * threads:
                yield f"{rate.backend} keeps {rate.cores:.1f} of {threads} cores busy: its products are not spread out"
        if threads > self.machine["cores"]:
            yield f"{threads} threads share {self.machine['cores']} cores: give --threads {self.machine['cores']}"

    def as_json(self) -> dict[str, Any]:
        """Return all of it in plain values."""
        backends = {name: asdict(info) for name, info in self.backends.items()}
        return {**asdict(self), "backends": backends, "advice": list(self.advice())}


def advice_on(gain: Gain) -> str:
    """Return whether a tuning pays, and how to have it."""
    rates, best = times_the_rate(gain.ratio), gain.ratio.low
    if gain.subnormal:
        rates += f", and {times_the_rate(gain.subnormal)} where numbers are subnormal, as vanishing gradients become"
        best = max(best, gain.subnormal.low)
    if best < PAYS:
        return f"{gain.backend}: {settings_label(gain.variables)} brings {rates}: it does not pay here"
    return f"{gain.backend}: set {settings_label(gain.variables)}, or run with --tuned: measured {rates}"


def times_the_rate(ratio: Interval) -> str:
    """Return a ratio of rates in words, with its interval."""
    median, low, high = (f"{x:.2f}" if x < 10 else f"{x:.0f}" for x in (ratio.median, ratio.low, ratio.high))
    return f"{median} times the rate ({low} to {high})"


def examine(plugins: Plugins, names: Sequence[str], threads: int | None) -> Diagnosis:
    """Examine this machine and these backends, or the default ones. Raises UserError if one of them is unknown."""
    for name in names:
        asked_backend(plugins, name)
    facts = machine(threads)
    noise = listen()  # before any worker is there to make some
    environment = WorkerEnvironment(plugins, facts)
    asked = list(dict.fromkeys(names)) or default_backends(plugins)
    tuning = {name: variables for name in asked if (variables := environment.tuning(name))}
    with LocalExecutor(environment, timeout=ROUND_TIMEOUT) as executor:
        available = survey(plugins, executor, [*asked, *map(tuned, tuning)])
        available.require(names)
        rates, cores, failures = measure(executor, list(available.available), LARGE)
        flushing = [name for name, variables in tuning.items() if subnormals.VARIABLE in variables]
        pairs = [name for name in (*flushing, *map(tuned, flushing)) if name in rates]
        subnormal_rates, _, _ = measure(executor, pairs, TINY)
    intervals = {name: median_interval(samples) for name, samples in rates.items()}
    best = max((interval.median for interval in intervals.values()), default=float("nan"))
    return Diagnosis(
        machine=facts,
        backends=available.available,
        unavailable=available.unavailable,
        noise=noise,
        rates=[
            Rate(name, interval, interval.median / best, float(np.median(cores[name])))
            for name, interval in intervals.items()
        ],
        gains=[
            Gain(original(name), variables, ratio, gained(subnormal_rates, name))
            for name, variables in tuning.items()
            if (ratio := gained(rates, name))
        ],
        failures=failures,
    )


def gained(rates: Mapping[str, Sequence[float]], name: str) -> Interval | None:
    """Return the rate of a tuned worker over that of the plain one, or None unless both were measured."""
    return ratio_interval(rates[tuned(name)], rates[name]) if {tuned(name), name} <= set(rates) else None


def measure(
    executor: LocalExecutor, names: Sequence[str], products: Products
) -> tuple[dict[str, list[float]], dict[str, list[float]], dict[str, str]]:
    """Return the rates and busy cores of each backend, a number per round, and why those that failed did."""
    rates: dict[str, list[float]] = defaultdict(list)
    cores: dict[str, list[float]] = defaultdict(list)
    failures: dict[str, str] = {}
    for trial, result in executor.run([[Trial(PROBE, name, "cpu", asdict(products)) for name in names]]):
        if result.status != "ok":
            failures[trial.backend] = f"{result.status}: {result.reason}"
        for row in result.measurements:
            {RATE: rates, CORES: cores}[row.metric][trial.backend].append(row.value)
    return rates, cores, failures


def listen() -> Noise:
    """Time a fixed computation over and over."""
    numbers = np.random.default_rng(0).standard_normal(100_000)
    timer = Timer(lambda _: np.sort(numbers), lambda: None, sample_seconds=0.01)
    timer.warm_up()
    watch = Watch()
    samples = [timer.sample() for _ in range(FIXED_SAMPLES)]
    seconds = np.array([sample.seconds for sample in samples])
    slow = float(np.mean([sample.pace < SLOW_PACE for sample in samples]))
    low, median, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Noise(float((high - low) / 2 / median), float(seconds.max() / median - 1), slow, watch.stop())
