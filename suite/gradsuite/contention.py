"""What disturbed a measurement: who else used the cores while it ran."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

THREADS = Path("/proc/self/task")
# Linux counts other processes' CPU time in ticks of 10 ms: over a shorter time than this it says nothing.
NEIGHBOUR_RESOLUTION = 0.1
WAITING_SHARE = 0.02  # of the wall time: the half-width that a ratio of two medians is wanted to have
NEIGHBOUR_SHARE = 0.10  # of one core: less is what an idle system does by itself


@dataclass(frozen=True, slots=True)
class Conditions:
    """How one span of time was shared with others.

    `wall`, `cpu` (this process), `waiting` (its threads were ready and had no core), `steal` (the hypervisor had the
    cores) and `neighbours` (all other processes' CPU time) are in seconds; `switches` counts involuntary context
    switches; `load` is the one-minute load average and `frequency` the cores' mean MHz, NaN where not readable.
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
        if self.steal > WAITING_SHARE * self.wall and self.wall >= NEIGHBOUR_RESOLUTION:
            return f"the hypervisor took the cores for {self.steal / self.wall:.0%} of the time"
        if self.neighbours > NEIGHBOUR_SHARE * self.wall and self.wall >= NEIGHBOUR_RESOLUTION:
            return f"other processes kept {self.neighbours / self.wall:.1f} cores busy"
        if self.waiting > WAITING_SHARE * self.wall:
            return f"its threads waited for a core during {self.waiting / self.wall:.0%} of the time"
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
        machine, own = psutil.cpu_times(), self.process.cpu_times()
        busy = machine.user + getattr(machine, "nice", 0.0) + machine.system
        return (
            time.perf_counter(),
            own.user + own.system,
            waited(),
            getattr(machine, "steal", 0.0),
            busy,
            self.process.num_ctx_switches().involuntary,
        )


def waited() -> float:
    """Return how many seconds this process's threads have been ready to run without a core; 0 where not counted."""
    # proc(5), /proc/pid/schedstat: time on the CPU, time on a run queue (both ns), number of time slices
    total = 0
    for thread in THREADS.glob("*/schedstat"):
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
