"""What is claimed of a remedy's horizon, and of one remedy beside another."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gradsuite.claims import Claim

from gradsuite_experiments.remedies import laws, resolution
from gradsuite_experiments.remedies.laws import BIASES

if TYPE_CHECKING:
    import pandas as pd


class Reached(NamedTuple):
    """A remedy's mean horizon, its gradient by lag (T), and the settings it was measured at."""

    horizon: float
    curve: np.ndarray
    settings: "pd.Series[Any]"


def horizon_claims(claim: Callable[..., Claim], settings: "pd.Series[Any]", horizon: float) -> Iterator[Claim]:
    """Yield what is claimed of a remedy's mean horizon."""
    remedy, T = settings["remedy"], settings["length"]
    claim = partial(claim, measured=horizon)
    if remedy in laws.AT_HORIZON:
        sentence, source = laws.AT_HORIZON[remedy]
        yield claim(
            name=f"remedies/horizon/{remedy}",
            sentence=sentence,
            source=source,
            expected=laws.theory(remedy, settings),
            tolerance=laws.horizon_tolerance(remedy, settings),
            resolution=resolution.horizon(remedy, settings),
        )
    if remedy in BIASES:
        bias = BIASES[remedy]
        yield claim(
            name=f"remedies/forget-gate/{remedy}",
            sentence=laws.FORGET_BIAS.format(bias=bias),
            source=laws.BARE,
            expected=laws.bare_horizon(bias, T),
            tolerance=0.0,
            resolution=resolution.sooner(remedy, settings, laws.bare_horizon(bias, T)),
            relation=">=",
        )
    if remedy in laws.TO_THE_START:
        sentence, source = laws.TO_THE_START[remedy]
        yield claim(
            name=f"remedies/start/{remedy}",
            sentence=sentence,
            source=source,
            expected=T - 1,
            tolerance=0.0,
            resolution=resolution.sooner(remedy, settings, T - 1),
            relation=">=",
        )


def chrono_claim(claim: Callable[..., Claim], settings: "pd.Series[Any]", kept: float, curve: np.ndarray) -> Claim:
    """Return what chrono's gates keep of the gradient at the start of the sequence."""
    return claim(
        name="remedies/kept/chrono",
        sentence=laws.CHRONO_KEPT,
        source=laws.TALLEC,
        expected=kept,
        measured=curve[-1] ** 2,
        tolerance=kept * laws.chrono_tolerance(settings),
        resolution=resolution.chrono_kept(settings),
        relation=">=",
    )


def comparisons(claim: Callable[..., Claim], reached: Mapping[str, Reached]) -> Iterator[Claim]:
    """Yield what one remedy does more or less than another; remedies that were not measured say nothing."""
    claim = partial(claim, tolerance=0.0)
    if {"tanh", "clipping"} <= reached.keys():
        yield claim(
            name="remedies/same/clipping",
            sentence=laws.CLIPPED,
            source=laws.PASCANU,
            expected=0.0,
            measured=float(abs(reached["tanh"].curve - reached["clipping"].curve).max()),
            resolution=resolution.bits(reached["clipping"].settings, resolution.of_remedy("clipping")),
        )
    if {"tanh", "orthogonal"} <= reached.keys():
        settings = reached["orthogonal"].settings
        yield claim(
            name="remedies/farther/orthogonal",
            sentence=laws.ORTHOGONAL,
            source=laws.MEAN_FIELD,
            expected=laws.ORTHOGONAL_RATIO,
            measured=reached["orthogonal"].horizon / reached["tanh"].horizon,
            resolution=resolution.farther("orthogonal", "tanh", settings, times=laws.ORTHOGONAL_RATIO),
            relation=">=",
        )
    if {"tanh", "ln-rnn"} <= reached.keys():
        settings = reached["ln-rnn"].settings
        yield claim(
            name="remedies/farther/ln-rnn",
            sentence=laws.LAYER_NORM,
            source=laws.NORMALISED,
            expected=laws.LAYER_NORM_RATIO,
            measured=reached["ln-rnn"].horizon / reached["tanh"].horizon,
            resolution=resolution.farther("ln-rnn", "tanh", settings, times=laws.LAYER_NORM_RATIO),
            relation=">=",
        )
    for nearer, farther in pairwise(remedy for remedy in BIASES if remedy in reached):
        yield claim(
            name="remedies/farther/lstm",
            sentence=laws.LARGER_BIAS,
            source=laws.BARE,
            expected=reached[nearer].horizon,
            measured=reached[farther].horizon,
            resolution=resolution.farther(farther, nearer, reached[farther].settings),
            relation=">=",
        )
