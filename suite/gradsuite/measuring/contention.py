"""What disturbed a measurement: who else used the cores while it ran."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from gradsuite.machine import family

PROCESSES = Path("/proc")
# Systems count the machine's CPU time in ticks of 10 ms: two of them may be rounding, and are a tenth of this time.
TWO_TICKS = 0.02
LONG = 0.1  # seconds in which they are at most a fifth of one core
WAITING_SHARE = 0.02  # of the wall time: the half-width that a ratio of two medians is wanted to have
BUSY = 0.10  # of one core: less is what an idle system does by itself


@dataclass(frozen=True, slots=True)
class Conditions:
    """How one span of time was shared with others.

    `wall`, `cpu` (this process and those it computes with), `waiting` (their threads were ready and had no core),
    `steal` (the hypervisor had the cores) and `neighbours` (all other processes' CPU time) are in seconds; `switches`
    counts this process's involuntary context switches; `load` is the one-minute load average and `frequency` the
    cores' mean MHz, NaN where not readable.
    """

    wall: float
    cpu: float
    waiting: float
    steal: float
    neighbours: float
    switches: int
    load: float
    frequency: float

    def disturbance(self) -> str | None:
        """Return what disturbed this span, in words, or None."""
        if self.steal > max(TWO_TICKS, WAITING_SHARE * self.wall):
            return f"the hypervisor took the cores for {self.steal / self.wall:.0%} of the time"
        if self.neighbours <= TWO_TICKS:
            return None  # where threads waited all the same, they waited for each other
        if self.waiting > WAITING_SHARE * self.wall or (self.wall >= LONG and self.neighbours > BUSY * self.wall):
            cores = self.neighbours / self.wall
            kept = f"{cores:.1f}" if cores >= BUSY else f"less than {BUSY:g}"
            return f"other processes kept {kept} cores busy"
        return None


class Watch:
    """Watches the machine from its making until `stop`."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.before = self._read()

    def stop(self) -> Conditions:
        """Return the conditions since this watch was made; it goes on watching from there."""
        before, self.before = self.before, self._read()
        wall, cpu, waiting, steal, busy, switches = (new - old for new, old in zip(self.before, before, strict=True))
        return Conditions(
            wall=wall,
            cpu=cpu,
            waiting=waiting,
            steal=steal,
            neighbours=max(0.0, busy - cpu),
            switches=int(switches),
            load=os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
            frequency=frequency(),
        )

    def _read(self) -> tuple[float, ...]:
        machine = psutil.cpu_times()
        busy = machine.user + getattr(machine, "nice", 0.0) + machine.system
        return (
            time.perf_counter(),
            time.process_time() + family.cpu_seconds(),
            waited(),
            getattr(machine, "steal", 0.0),
            busy,
            self.process.num_ctx_switches().involuntary,
        )


def waited() -> float:
    """Return how many seconds our threads have been ready to run without a core; 0 where not counted."""
    # proc(5), /proc/pid/schedstat: time on the CPU, time on a run queue (both ns), number of time slices
    total = 0
    for process in ("self", *map(str, family.pids())):
        for thread in PROCESSES.glob(f"{process}/task/*/schedstat"):
            try:
                total += int(thread.read_text().split()[1])
            except (OSError, IndexError):
                continue  # the thread has ended, or this kernel does not count
    return total / 1e9


def frequency() -> float:
    """Return the cores' mean frequency in MHz now, NaN where the system does not say."""
    try:
        current = psutil.cpu_freq()
    except (OSError, NotImplementedError, RuntimeError):
        current = None
    return float(current.current) if current else float("nan")
