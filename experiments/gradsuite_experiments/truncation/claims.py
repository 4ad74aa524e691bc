"""What is claimed of truncated gradients: the law of linear units, what truncation means, what driven networks lose."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Claim, Resolution
from gradsuite.precision import UNIT_ROUNDOFF

from gradsuite_experiments.common.frames import value, values
from gradsuite_experiments.truncation import laws
from gradsuite_experiments.truncation.laws import GAINS, LAWS

if TYPE_CHECKING:
    import pandas as pd


def unit_claim(claim: Callable[..., Claim], settings: "pd.Series[Any]", trial: "pd.DataFrame") -> Claim:
    """Return the law of linear units, at the unit that is farthest from it."""
    law = LAWS[settings["cell"]]
    factors = law.factors(settings["hidden_size"])
    expected = np.array([law.bias(a, settings["length"], settings["horizon"]) for a in factors])
    biases, allowed = values(trial, laws.UNIT_BIAS), laws.two_gradients(settings)
    worst = int(abs(biases - expected).argmax())
    return claim(
        name=f"truncation/units/{settings['cell']}",
        sentence=law.sentence,
        source=laws.EXACT,
        expected=expected[worst],
        measured=biases[worst],
        tolerance=allowed,
        resolution=laws.unit_resolution(allowed),
    )


def definition_claims(
    claim: Callable[..., Claim], settings: "pd.Series[Any]", trial: "pd.DataFrame"
) -> Iterator[Claim]:
    """Yield what truncation means: zero beyond the horizon, and full BPTT within it."""
    # Rounding of the states grows on its way to T as much as a gradient does on its way back.
    allowed = laws.two_gradients(settings) * value(trial, laws.AMPLIFICATION)
    zero = partial(claim, source=laws.WILLIAMS, expected=0.0)
    same = partial(zero, tolerance=allowed)
    yield same(
        name="truncation/within",
        sentence=laws.WITHIN_FULL,
        measured=value(trial, laws.WITHIN),
        resolution=Resolution.linear(0.0, allowed, "the state gradients up to the horizon"),
    )
    if settings["horizon"] < settings["length"]:
        yield zero(
            name="truncation/beyond",
            sentence=laws.BEYOND_ZERO,
            measured=value(trial, laws.BEYOND),
            tolerance=0.0,
            # Whatever is not zero is noticed; it is planted as a part of the gradient at T.
            resolution=Resolution(2.0 * UNIT_ROUNDOFF[settings["dtype"]], "the state gradient at T, passed too far"),
        )
    else:
        yield same(
            name="truncation/whole",
            sentence=laws.WHOLE_FULL,
            measured=value(trial, laws.WHOLE),
            resolution=Resolution.linear(0.0, allowed, "one parameter's truncated gradient"),
        )


def driven_claims(claim: Callable[..., Claim], settings: "pd.Series[Any]", trial: "pd.DataFrame") -> Iterator[Claim]:
    """Yield what each driven network's truncated gradient lacks, and what is left of a vanishing state gradient."""
    claim, k = partial(claim, source=laws.RECURSION), settings["horizon"]
    metrics = [laws.SHARE, laws.SHARE_LAW, laws.LENGTH, laws.FLOW, laws.FLOW_LAW, laws.MEMBER_AMPLIFICATION]
    for regime, gain in GAINS.items():
        of_regime = (values(trial, metric, along="member", note=regime) for metric in metrics)
        for share, share_law, length, flow, flow_law, amplification in zip(*of_regime, strict=True):
            allowed = laws.two_gradients(settings) * amplification
            yield claim(
                name=f"truncation/share/{regime}",
                sentence=laws.SHARE_MISSING.format(gain=gain),
                expected=share_law,
                measured=share,
                tolerance=allowed * length,
                resolution=laws.share_resolution(share_law, allowed * length),
            )
            if regime == "vanishing":
                yield claim(
                    name="truncation/flow",
                    sentence=laws.FLOW_LEFT.format(gain=gain),
                    expected=flow_law,
                    measured=flow,
                    tolerance=allowed * flow_law,
                    resolution=laws.flow_resolution(flow_law, allowed * flow_law, k),
                )
