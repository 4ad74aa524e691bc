"""Answer 5: precision: where a gradient leaves the numbers of each dtype, and the loss scale that brings most back."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gradsuite.diagnosis.answers import words
from gradsuite.diagnosis.answers.answer import Answer, Cause
from gradsuite.diagnosis.flow import Flow
from gradsuite.diagnosis.patient import Stage, Trouble
from gradsuite.precision import LIMITS, rounded

QUESTION = "Is the precision enough?"
DTYPES = ("float16", "bfloat16", "float32")
SCALES = range(-16, 33)  # exponents of loss scales; PyTorch's GradScaler begins with 2^16
STAGES: Mapping[Stage, str] = {  # a diagnosis knows the loss, and so never says `loss or backward`
    "data": "the data: {place} is not finite. Clean it, for no network can",
    "forward": "the forward pass, at {place}: its states overflow. Look at the size of inputs and recurrent weights",
    "loss": "the loss, at {place}: every state before it is finite. Look for the logarithm of 0 or a division by 0, "
    "and compute the loss from logits (cross_entropy, log_softmax) or clamp what goes into it",
    "backward": "the backward pass, at {place}: the loss is finite. Look for a slope that is infinite, as those of "
    "sqrt and norm at 0 are, or for an overflow",
}


class End(NamedTuple):
    """Where a typical number of the gradient, the root mean square, leaves a dtype's numbers: lags, NaN for never.

    `subnormal` is where it begins to lose digits, `underflow` where it is zero, `overflow` where it is infinite; `lost`
    is the share of lags and sequences at which it is zero or infinite.
    """

    dtype: str
    layer: str
    subnormal: float
    underflow: float
    overflow: float
    lost: float


def answer(flows: Sequence[Flow], whole: Flow, dtype: str, trouble: Trouble | None = None) -> Answer:
    """Return the answer for a network that is computed in `dtype`; `trouble` is its first number that is not finite."""
    found = pd.DataFrame([end_of(flow, one) for one in DTYPES for flow in flows], columns=list(End._fields))
    told = {one: of_dtype(found[found["dtype"] == one], one) for one in DTYPES}
    said = [sentence for sentence in told.values() if sentence]
    roomy = [one for one, sentence in told.items() if not sentence]
    if roomy and flows:
        said.append(f"{words.listed(roomy)} {'has' if len(roomy) == 1 else 'have'} room for it at every lag.")
    frames = {"precision": found}
    if (found.loc[found["dtype"] == "float16", "lost"] > 0).any():
        frames["loss_scale"] = scales = kept_by_scale(flows, "float16")
        said.append(of_scales(scales))
    causes = [*of_trouble(trouble), *of_ends(found[found["dtype"] == dtype], frames.get("loss_scale"), whole)]
    first = [cause.sentence for cause in causes if cause.name == "not-finite"]
    return Answer(QUESTION, (*first, *said), frames, tuple(causes), "precision")


def of_trouble(trouble: Trouble | None) -> list[Cause]:
    """Return what is said of the first number that is not finite."""
    if trouble is None:
        return []
    when = "" if trouble.step is None or f"step {trouble.step}" in trouble.place else f" (step {trouble.step})"
    found = STAGES[trouble.stage].format(place=f"{trouble.place}{when}")
    return [Cause("not-finite", f"The first number that is not finite comes from {found}.")]


def end_of(flow: Flow, dtype: str) -> End:
    """Return where a flow leaves a dtype's numbers: the first lag at which half of the sequences have."""
    normal, _, _ = LIMITS[dtype]
    sizes = flow.typical[: flow.longest + 1]
    there = np.isfinite(sizes) & (flow.norms[0] > 0)  # those that a sequence has
    shown = represented(sizes, dtype)
    zero, infinite = there & (shown == 0), there & np.isinf(shown)
    small = there & (sizes < 2.0**normal)
    subnormal, underflow, overflow = (_first(one, there) for one in (small, zero, infinite))
    lost = float((zero | infinite).sum() / max(there.sum(), 1))
    return End(dtype, flow.place, subnormal, underflow, overflow, lost)


def represented(sizes: np.ndarray, dtype: str) -> np.ndarray:
    """Return what a dtype makes of these numbers; overflow is what is looked for, not an error."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return rounded(sizes, dtype)


def _first(where: np.ndarray, there: np.ndarray) -> float:
    """Return the first lag at which at least half of the sequences that have it are so; NaN if there is none."""
    lags = np.flatnonzero(2 * where.sum(axis=1) >= np.maximum(there.sum(axis=1), 1))
    return float(lags[0]) if lags.size else float("nan")


def of_dtype(found: pd.DataFrame, dtype: str) -> str:
    """Return what is said of one dtype, of the layer that ends first; nothing where it has room."""
    said = [
        f"{word} from lag {row[column]:.0f} on{of_layer(row['layer'])}"
        for column, word in (("underflow", "underflows"), ("overflow", "overflows"))
        if not found[column].dropna().empty
        for row in [found.nsmallest(1, column).iloc[0]]
    ]
    if said:
        return f"In {dtype} the gradient {words.listed(said)}."
    if not found["subnormal"].dropna().empty:
        row = found.nsmallest(1, "subnormal").iloc[0]
        return f"In {dtype} the gradient begins to lose digits at lag {row['subnormal']:.0f}{of_layer(row['layer'])}."
    return ""


def of_layer(name: str) -> str:
    """Return in which layer, if there are several."""
    return "" if name.startswith(("the ", "all ")) else f" in {name}"


def kept_by_scale(flows: Sequence[Flow], dtype: str) -> pd.DataFrame:
    """Return which share of the gradient's typical numbers a dtype keeps, neither zero nor infinite, by loss scale.

    `exponent` is that of the scale, a power of two.
    """
    sizes = np.concatenate([flow.typical[: flow.longest + 1].ravel() for flow in flows])
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    rows = []
    for exponent in SCALES:
        shown = represented(np.ldexp(sizes, exponent), dtype)
        rows.append((exponent, float(((shown != 0) & np.isfinite(shown)).mean())))
    return pd.DataFrame(rows, columns=["exponent", "kept"])


def best(scales: pd.DataFrame) -> int:
    """Return the exponent of the loss scale nearest to 1 that keeps most."""
    most = scales[scales["kept"] == scales["kept"].max()]
    return int(most["exponent"].iloc[int(np.argmin(np.abs(most["exponent"])))])


def of_scales(scales: pd.DataFrame) -> str:
    """Return the scale that saves most, in words."""
    exponent = best(scales)
    now, then = (scales.loc[scales["exponent"] == one, "kept"].iloc[0] for one in (0, exponent))
    return (
        f"A loss scale of 2^{exponent} saves most in float16: it then has numbers for {words.share(then)} of the "
        f"gradient by lag, and for {words.share(now)} without it."
    )


def of_ends(found: pd.DataFrame, scales: pd.DataFrame | None, whole: Flow) -> list[Cause]:
    """Return the patient's own precision as a cause, where it ends a gradient that had more than 1/1000 left.

    An overflow is none where the gradient explodes: it then only shows what is wrong with the network.
    """
    if found.empty:
        return []
    dtype = found["dtype"].iloc[0]
    within = min(whole.horizon, whole.longest)
    ends = ("underflow",) if whole.verdict == "exploding" else ("underflow", "overflow")
    lags = {word: found[word].min() for word in ends if found[word].min() <= within}
    if not lags:
        return []
    word, lag = min(lags.items(), key=lambda one: one[1])
    row = found.nsmallest(1, word).iloc[0]
    cure = f"; a loss scale of 2^{best(scales)} saves most" if scales is not None and dtype == "float16" else ""
    sentence = f"The gradient {word}s in {dtype} from lag {lag:.0f} on{of_layer(row['layer'])}, where "
    sentence += f"{words.share(whole.left[int(lag)])} of it is left{cure}."
    return [Cause("precision", sentence)]
