"""Answer 3: what the length costs: the error of a gradient through windows of k steps, and what these save."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from gradsuite.backend import Batch
from gradsuite.clipping import global_norm
from gradsuite.diagnosis.answers import savings, words
from gradsuite.diagnosis.answers.answer import Answer
from gradsuite.diagnosis.flow import Passes, mixes
from gradsuite.diagnosis.patient import Patient
from gradsuite.diagnosis.thresholds import KEPT_ERROR
from gradsuite.errors import Unsupported
from gradsuite.schedule import Schedule

QUESTION = "What does the length cost?"


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
        saved = savings.measured(passes, batch, overlapping(int(enough)) if mixed else apart(int(enough)))
        frames["savings"] = pd.DataFrame([saved])
        said.append(savings.in_words(saved))
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
