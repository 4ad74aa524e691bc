"""What is claimed of singular values: exact laws, and those of Gaussian matrices."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from gradsuite.cells import find
from gradsuite.claims import Claim, Resolution
from gradsuite.settings import Settings

from gradsuite_experiments.common.frames import places, value, values
from gradsuite_experiments.common.sweep import reads_both
from gradsuite_experiments.jacobian_spectrum import laws
from gradsuite_experiments.jacobian_spectrum.diagonal import FACTORS, PASSED, weights_between
from gradsuite_experiments.jacobian_spectrum.states import ends

if TYPE_CHECKING:
    import pandas as pd


def kind_of(at: "pd.Series[Any] | Settings") -> str | None:
    """Return which law a trial is held against: a claim's name; None where there is no law."""
    cell, phi, weights = at["cell"], at["activation"], at["initialiser"]
    if cell == "rnn":
        laws_of_rnn = {("identity", "normal"): "gaussian", ("identity", "orthogonal"): "isometry"}
        return {**laws_of_rnn, ("tanh", "orthogonal"): "bound"}.get((phi, weights))
    if cell not in FACTORS or (weights_between(cell) is not None and weights != "zero"):
        return None
    return "eigenvalues" if reads_both(cell) else "gates"


def exact(kind: str, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame") -> Iterator[Claim]:
    """Yield what is known exactly of one network's singular values."""
    errors = values(trial, laws.ERROR)
    lag, cell = int(places(trial, laws.LARGEST)[-1]), at["cell"]
    allowed = laws.rounding(at["dtype"], at["hidden_size"], lag)
    claim = partial(Claim, backend=backend, expected=0.0)
    if kind == "isometry":
        yield claim(
            name="jacobian-spectrum/isometry",
            sentence="Linear RNN, orthogonal: every singular value of dh_T/dh_t is 1 at every lag.",
            source=laws.ISOMETRY,
            measured=errors.max(),
            tolerance=allowed,
            resolution=Resolution.logarithmic(allowed, laws.FACTOR, power=lag),
        )
    elif kind == "bound":
        yield claim(
            name="jacobian-spectrum/bound",
            sentence="Tanh RNN, orthogonal: the singular values of a step are 1 - h^2; after more, none exceeds 1.",
            source=laws.CHAIN_RULE,
            measured=errors.max(),
            tolerance=allowed,
            resolution=Resolution.linear(0.0, allowed, laws.FACTOR),
        )
    elif kind in ("gates", "eigenvalues"):
        allowed *= value(trial, laws.MAGNIFIED)
        of = 1.0 if ends(cell) == 1 else values(trial, laws.LARGEST)[-1]
        state = "dc_T/dc_t" if len(find(cell).states) == 2 else "dh_T/dh_t"
        weights = "whatever its weights" if weights_between(cell) is None else "no recurrent weights"
        gates = f"{cell}, {weights}: the singular values of {state} are the products of {PASSED.get(cell)}."
        both = f"{cell}: the singular values of the Jacobian of its states are |lambda|^(T-t), each twice."
        yield claim(
            name=f"jacobian-spectrum/{kind}/{cell}",
            sentence=gates if kind == "gates" else both,
            source=laws.PRODUCT if kind == "gates" else laws.DIAGONAL,
            measured=errors.max(),
            tolerance=allowed,
            resolution=Resolution.logarithmic(allowed / of, laws.FACTOR, power=lag),
        )
    if kind == "eigenvalues":
        exponents = value(trial, laws.EXPONENT_ERROR, index=lag)
        tolerance = allowed * laws.LEFT / lag
        yield claim(
            name=f"jacobian-spectrum/lyapunov/{cell}",
            sentence=f"{cell}: the Lyapunov exponents are ln |lambda|, each twice.",
            source=laws.DIAGONAL,
            measured=exponents,
            tolerance=tolerance,
            resolution=Resolution.logarithmic(tolerance, laws.FACTOR),
        )


def gaussian(backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame") -> Iterator[Claim]:
    """Yield what random matrices say of a linear RNN with Gaussian weights."""
    N, seeds = at["hidden_size"], at["seeds"]

    def claim(name: str, law: tuple[float, float, Resolution], **words: Any) -> Claim:
        expected, tolerance, resolution = law
        return Claim(
            name=f"jacobian-spectrum/{name}",
            backend=backend,
            expected=expected,
            tolerance=tolerance,
            resolution=resolution,
            **words,
        )

    for lag in map(int, places(trial, laws.MEAN_SQUARE)):
        if not laws.has_leading_order(N, lag):
            continue
        yield claim(
            "mean-square",
            laws.mean_square(N, lag, seeds),
            sentence="Linear RNN, Gaussian: the mean squared singular value stays 1 while k^2 is far below N.",
            source=laws.WICK,
            measured=value(trial, laws.MEAN_SQUARE, index=lag),
        )
        yield claim(
            "spread",
            laws.spread(N, lag, seeds),
            sentence="Linear RNN, Gaussian: E s^4 / (E s^2)^2 of the singular values is k + 1 after k steps.",
            source=laws.FUSS_CATALAN,
            measured=value(trial, laws.SPREAD, index=lag),
        )
    yield claim(
        "largest",
        laws.largest(N, seeds),
        sentence="Linear RNN, Gaussian: the largest singular value of a step is that of the Tracy-Widom law.",
        source=laws.EDGE,
        measured=value(trial, laws.LARGEST, index=1),
    )
    yield claim(
        "quarter-circle",
        (0.0, *laws.quarter_circle(N, seeds)),
        sentence="Linear RNN, Gaussian: the singular values of a step have the quarter-circle density.",
        source=laws.QUARTER,
        measured=laws.quarter_circle_distance(values(trial, laws.ONE_STEP)),
    )
