"""Answer 1: where the gradient goes, layer by layer and lag by lag, with the lines that theory draws."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gradsuite.diagnosis.answers import words
from gradsuite.diagnosis.answers.answer import Answer, Cause
from gradsuite.diagnosis.answers.reference import Line
from gradsuite.diagnosis.flow import Flow

QUESTION = "Where does the gradient go?"
VERDICTS = {"vanishing": "vanishes", "stable": "is stable"}
UNREAD = "No gradient reaches the layers: it is zero, or not a number, where the loss reads them."
MIXED = (
    "The loss reads several steps, and the gradient of an early state is a sum over all of them; shown is the part "
    "that the last step read sends back, for in the sum lags mix."
)


def answer(
    flows: Sequence[Flow], whole: Flow, lines: Sequence[Line] = (), *, steps: int = 1, mixed: bool = False
) -> Answer:
    """Return the answer for flows of the layers and that of the whole network, which the verdict is of.

    `steps` is the length of the batch, and `mixed` whether the loss reads a sequence at several of them.
    """
    frames = {"gradient": quantiles(flows), "horizon": summary([*flows, whole] if len(flows) > 1 else flows)}
    if lines:
        frames["theory"] = pd.DataFrame(
            [(line.name, lag, left) for line in lines for lag, left in enumerate(line.left)],
            columns=["line", "lag", "left"],
        )
    return Answer(
        QUESTION, tuple(sentences(whole, lines, mixed)), frames, (*of_reading(flows, steps), *causes(whole)), "horizon"
    )


def sentences(whole: Flow, lines: Sequence[Line], mixed: bool) -> list[str]:
    """Return what is said of the whole network's flow."""
    if np.isnan(whole.left).any():
        return [UNREAD]
    left, rate, unit = whole.left[-1], whole.rate, whole.along.removesuffix("s")
    back = f"{words.steps(whole.longest, whole.along)} back"
    if whole.verdict == "exploding":
        said = [
            f"The gradient explodes: {back}, its norm is {words.number(left)} times what it is where the loss reads."
        ]
    else:
        verdict = VERDICTS[whole.verdict]
        said = [
            f"The gradient {verdict}: of its norm where the loss reads, {words.share(left)} is left {back}, and "
            f"{words.horizon(whole)}."
        ]
    if not np.isnan(rate.value):
        factor = f"{np.exp(rate.value):.3g}"
        said.append(
            f"It changes by a factor of {factor} a {unit}: ln |dL/dh| by {words.interval(rate)} (95%, {rate.method})."
        )
    for line in lines:
        lag = min(whole.longest, len(line.left) - 1)
        away = words.steps(lag, whole.along)
        said.append(f"{words.beginning(line.name)}: {words.share(line.left[lag])} would be left {away} back.")
    return [*said, *([MIXED] if mixed else [])]


def causes(whole: Flow) -> list[Cause]:
    """Return the length, as a cause, where the gradient vanishes within it; or that there is no gradient at all."""
    if np.isnan(whole.left).any():
        return [Cause("reading", UNREAD)]
    if whole.verdict != "vanishing":
        return []
    length, horizon = whole.longest + 1, whole.horizon
    what = "sequence" if whole.along == "steps" else "network"
    sentence = (
        f"The {what} of {words.steps(length, whole.along)} is {length / horizon:.2g} times as long as the horizon: "
        f"1/1000 of the gradient is left after {words.steps(horizon, whole.along)}, and earlier ones hardly count."
    )
    return [Cause("length", sentence)]


def of_reading(flows: Sequence[Flow], steps: int) -> list[Cause]:
    """Return a backward direction that is read where it has seen one step, as `output[-1]` of both directions."""
    if steps < 2 or not any(flow.reverse and flow.longest == 0 for flow in flows):
        return []
    sentence = (
        f"The backward direction is read where it has seen 1 of {steps} steps, as in output[-1]: read h_n, or its "
        "part of output[0]."
    )
    return [Cause("reading", sentence)]


def quantiles(flows: Sequence[Flow]) -> pd.DataFrame:
    """Return the median (`median`) and 10 and 90% (`low`, `high`) over the batch of |dL/dh| at each layer and lag."""
    rows = []
    for flow in flows:
        for lag, norms in enumerate(flow.norms[: flow.longest + 1]):
            low, middle, high = np.nanquantile(norms, [0.1, 0.5, 0.9])
            rows.append((flow.place, lag, middle, low, high))
    return pd.DataFrame(rows, columns=["layer", "lag", "median", "low", "high"])


def summary(flows: Sequence[Flow]) -> pd.DataFrame:
    """Return a row for each flow: what is `left` at its longest lag, horizon, rate with its interval, and verdict."""
    rows = [
        {
            "layer": flow.place,
            "left": flow.left[-1],
            "horizon": flow.horizon,
            "rate": flow.rate.value,
            "rate_low": flow.rate.low,
            "rate_high": flow.rate.high,
            "verdict": flow.verdict,
        }
        for flow in flows
    ]
    return pd.DataFrame(rows)
