"""What windows save, beside answer 3: the time and the memory of a gradient through them and of a whole one."""

import numpy as np

from gradsuite.backend import Batch, Network
from gradsuite.diagnosis.flow import Passes
from gradsuite.diagnosis.thresholds import NOISY
from gradsuite.measuring import memory
from gradsuite.measuring.intervals import Interval, ratio_interval
from gradsuite.measuring.timing import Timer
from gradsuite.schedule import Schedule

ROUNDS = 5  # pairs of timings


def measured(passes: Passes, batch: Batch, windows: Schedule) -> dict[str, float]:
    """Return what a gradient through windows takes of the time and memory of a whole one; NaN where unknown.

    Timings alternate, so that what slows a round slows both of its pair.
    """
    cut, whole = passes.network(windows), passes.network()
    timers = [timer(network, batch) for network in (cut, whole)]
    for one in timers:
        one.first()
        one.warm_up()
    samples = np.array([[one.sample().seconds for one in timers] for _ in range(ROUNDS)])
    ratio: Interval = ratio_interval(samples[:, 0], samples[:, 1])
    peaks = [peak_memory(network, batch) for network in (cut, whole)]
    return {
        "seconds": float(np.median(samples[:, 0])),
        "seconds_whole": float(np.median(samples[:, 1])),
        "time_ratio": ratio.median,
        "time_ratio_low": ratio.low,
        "time_ratio_high": ratio.high,
        "bytes": np.nan if peaks[0] is None else peaks[0],
        "bytes_whole": np.nan if peaks[1] is None else peaks[1],
    }


def timer(network: Network, batch: Batch) -> Timer:
    """Return the timer of one gradient."""
    put = network.put(batch)
    return Timer(lambda _: network.backward(network.forward(put)), network.synchronize)


def peak_memory(network: Network, batch: Batch) -> int | None:
    """Return the bytes of memory of this process that one gradient takes at its peak; None on another device."""
    if network.device != "cpu":
        return None
    put = network.put(batch)
    return memory.needed(lambda: network.backward(network.forward(put)))


def in_words(saved: dict[str, float]) -> str:
    """Return time and memory in words, and whether the timings are too noisy to tell."""
    low, high = saved["time_ratio_low"], saved["time_ratio_high"]
    noisy = (high - low) / 2 > NOISY * saved["time_ratio"]
    said = (
        f"A gradient then takes {saved['time_ratio']:.2f} [{low:.2f}, {high:.2f}] times as long as a whole one, "
        f"{1e3 * saved['seconds']:.3g} ms against {1e3 * saved['seconds_whole']:.3g} ms"
    )
    said += f" ({ROUNDS} pairs of timings, noisy)" if noisy else f" ({ROUNDS} pairs of timings)"
    if saved["bytes_whole"] >= 2**20:  # below that pages and buffers are all that is seen
        said += f", and {saved['bytes'] / 2**20:.1f} MiB against {saved['bytes_whole'] / 2**20:.1f} MiB of memory"
    return f"{said}."
