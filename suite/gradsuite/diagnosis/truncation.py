"""Answer 3: what the length costs: the bias of a gradient through windows of k steps, and what they save."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from gradsuite.backend import Batch, Network
from gradsuite.clipping import global_norm
from gradsuite.diagnosis import words
from gradsuite.diagnosis.answer import Answer
from gradsuite.diagnosis.passes import Passes
from gradsuite.diagnosis.patient import Patient
from gradsuite.diagnosis.reading import mixes
from gradsuite.diagnosis.thresholds import KEPT_ERROR, NOISY
from gradsuite.errors import Unsupported
from gradsuite.measuring import memory
from gradsuite.measuring.intervals import Interval, ratio_interval
from gradsuite.measuring.timing import Timer
from gradsuite.schedule import Schedule

QUESTION = "What does the length cost?"
ROUNDS = 5  # pairs of timings


def answer(patient: Patient, batch: Batch) -> Answer:
    """Return the answer on this batch, or why there is none: a backend that cannot truncate, one step alone.

    Windows of k steps overlap by half where the loss reads several steps, so that each of its parts goes back through
    k/2 steps at least (Williams & Peng 1990); where it reads the last step alone there is one window.
    """
    longest = len(batch.inputs)
    if longest < 2:
        return Answer(QUESTION, ("There is one time step alone: no length to cut.",))
    passes, mixed = Passes.of(patient), mixes(patient.model, batch)
    try:
        bias = biases(passes, batch, overlapping if mixed else apart)
    except Unsupported as error:
        return Answer(QUESTION, (f"Not told: {error}.",))
    enough = bias.loc[bias["error"] <= KEPT_ERROR, "k"].min()
    frames, said = {"truncation": bias}, [of_bias(bias, int(enough), longest, mixed=mixed)]
    if enough < longest:
        if mixed:
            detached = error_of(passes, batch, apart(int(enough)), passes.gradients(batch).parameters)
            off = words.share(detached)
            said.append(f"Cut every {words.steps(enough)} without overlap (detach), it would be off by {off}.")
        saved = savings(passes, batch, overlapping(int(enough)) if mixed else apart(int(enough)))
        frames["savings"] = pd.DataFrame([saved])
        said.append(in_words(saved))
    return Answer(QUESTION, tuple(said), frames)


def overlapping(k: int) -> Schedule:
    """Return windows of k steps that overlap by half."""
    return Schedule(truncation=(max(k // 2, 1), k))


def apart(k: int) -> Schedule:
    """Return windows of k steps one after another."""
    return Schedule(truncation=(k, k))


def of_bias(bias: pd.DataFrame, enough: int, longest: int, *, mixed: bool) -> str:
    """Return what cutting costs, in words."""
    which = ", which overlap by half," if mixed else ""
    if enough >= longest:
        most = bias.loc[bias["k"] < longest].iloc[-1]
        return (
            f"All {longest} steps are needed: through windows of {most['k']:.0f} steps{which} the gradient of the "
            f"parameters is off by {words.share(most['error'])} of its norm."
        )
    return (
        f"Through windows of {words.steps(enough)}{which} the gradient of the parameters keeps 99%: it is off by "
        f"{words.share(bias.loc[bias['k'] == enough, 'error'].iloc[0])} of the norm that all {longest} steps give."
    )


def biases(passes: Passes, batch: Batch, windows: Callable[[int], Schedule]) -> pd.DataFrame:
    """Return |g_k - g| / |g| over all parameters for gradients g_k through windows of `k` steps.

    k doubles up to the length; between the last two that fall on either side of 1% it is found by halving. Raises
    Unsupported where the backend cannot truncate.
    """
    exact = passes.gradients(batch).parameters
    found = {len(batch.inputs): 0.0}

    def error(k: int) -> float:
        if k not in found:
            found[k] = error_of(passes, batch, windows(k), exact)
        return found[k]

    for k in doubling(len(batch.inputs)):
        error(k)
    enough = min(k for k in found if found[k] <= KEPT_ERROR)
    low = max((k for k in found if k < enough), default=0)
    while enough - low > 1:
        middle = (enough + low) // 2
        low, enough = (low, middle) if error(middle) <= KEPT_ERROR else (middle, enough)
    return pd.DataFrame(sorted(found.items()), columns=["k", "error"])


def error_of(passes: Passes, batch: Batch, windows: Schedule, exact: Mapping[str, np.ndarray]) -> float:
    """Return how far a gradient through windows is from the exact one, relative to its norm."""
    cut = passes.gradients(batch, schedule=windows).parameters
    norm = float(global_norm(exact))
    return float(global_norm({name: cut[name] - exact[name] for name in exact})) / norm if norm > 0 else 0.0


def doubling(longest: int) -> Iterator[int]:
    """Yield 1, 2, 4, ... below the length."""
    k = 1
    while k < longest:
        yield k
        k *= 2


def savings(passes: Passes, batch: Batch, windows: Schedule) -> dict[str, float]:
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
    peaks = [taken(network, batch) for network in (cut, whole)]
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


def taken(network: Network, batch: Batch) -> int | None:
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
