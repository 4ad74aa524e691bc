"""Answer 4: clipping: the norms of the batches' gradients, thresholds, and how far clipping by value turns one."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gradsuite.diagnosis.answers import words
from gradsuite.diagnosis.answers.answer import Answer
from gradsuite.diagnosis.thresholds import ADVISED
from gradsuite.theory import clipping

QUESTION = "Clip, and at what norm?"
LOW, HIGH = (f"{times:g} times the mean" for times in ADVISED)  # names of thresholds
MEAN, USUAL = "the mean", "the usual"
USUAL_NORM = 1.0  # that tutorials have
LIMITS = (0.5, 0.1, 0.01)  # of clipping by value, in largest elements


def answer(norms: Sequence[float], gradient: np.ndarray | None) -> Answer:
    """Return the answer for the gradient norms of batches, and the layers' gradient on one of them as a vector.

    Without the vector nothing is said of directions.
    """
    sound = np.array([norm for norm in norms if np.isfinite(norm)])
    if not sound.size:
        return Answer(QUESTION, ("No batch has a finite gradient to clip.",))
    clipped = shares(sound)
    frames = {"gradient_norms": pd.DataFrame({"batch": range(len(norms)), "norm": norms}), "clipping": clipped}
    said = [*of_norms(sound, len(norms)), of_shares(clipped, len(norms))]
    if gradient is not None and np.isfinite(gradient).all() and np.any(gradient):
        frames["value_clipping"] = turned = by_value(gradient)
        tenth = turned.loc[turned["limit"] == 0.1].iloc[0]
        said.append(
            f"By value, at a tenth of its largest element, the layers' gradient turns by {tenth['degrees']:.0f} "
            f"degrees (cosine {tenth['cosine']:.2f}); by norm it keeps its direction."
        )
    return Answer(QUESTION, tuple(said), frames, table="clipping")


def of_norms(sound: np.ndarray, count: int) -> list[str]:
    """Return what is said of the norms."""
    if count == 1:
        said = [f"The gradient norm of the one batch that was seen is {words.number(sound[0])}."]
    else:
        low, middle, high = np.quantile(sound, [0.1, 0.5, 0.9])
        said = [
            f"Gradient norms of {len(sound)} batches: {words.number(middle)} in the middle, {words.number(low)} to "
            f"{words.number(high)} for 10 to 90% of them, {words.number(sound.max())} at most."
        ]
    if count > len(sound):
        said.append(f"{count - len(sound)} of {count} batches have a gradient that is not finite.")
    return said


def shares(sound: np.ndarray) -> pd.DataFrame:
    """Return which share of batches each threshold would clip: those advised, the mean, and 1."""
    mean = sound.mean()
    low, high = (times * mean for times in ADVISED)
    named = ((LOW, low), (MEAN, mean), (HIGH, high), (USUAL, USUAL_NORM))
    rows = [(name, limit, float((sound > limit).mean())) for name, limit in named]
    return pd.DataFrame(rows, columns=["threshold", "norm", "clipped"])


def of_shares(clipped: pd.DataFrame, count: int) -> str:
    """Return the advice as a number, and what the usual threshold would do where there are several batches."""
    norm, share = (dict(zip(clipped["threshold"], clipped[column], strict=True)) for column in ("norm", "clipped"))
    advice = f"Pascanu et al. (2013) advise a threshold of {ADVISED[0]:g} to {ADVISED[1]:g} times the mean norm:"
    advice += f" {words.number(norm[LOW])} to {words.number(norm[HIGH])} here"
    if count == 1:
        return f"{advice}, as far as one batch can tell."
    return (
        f"{advice}, which clips {words.share(share[LOW])} to {words.share(share[HIGH])} of batches; the usual "
        f"{USUAL_NORM:g} would clip {words.share(share[USUAL])}."
    )


def by_value(gradient: np.ndarray) -> pd.DataFrame:
    """Return length and cosine of a gradient (n) clipped by value, at parts of its largest element (`limit`)."""
    size, largest = float(np.linalg.norm(gradient)), float(abs(gradient).max())
    rows = []
    for limit in LIMITS:
        length, cosine = clipping.value(gradient, limit * largest)
        degrees = float(np.degrees(np.arccos(min(cosine, 1.0))))
        rows.append((limit, limit * largest, length / size, cosine, degrees))
    return pd.DataFrame(rows, columns=["limit", "value", "length", "cosine", "degrees"])
