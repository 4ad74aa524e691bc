"""The spectrum of the Jacobian through time: singular values of dh_T/dh_t against the lag."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend
from gradsuite.cells import find
from gradsuite.claims import Claim
from gradsuite.compared import Compared, Digits
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.footprint import least_memory
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, Parameters, initialise
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF
from gradsuite.rows import Measurement
from gradsuite.settings import (
    DTYPE,
    HIDDEN_SIZE,
    LAGS,
    SEEDS,
    Grid,
    Presets,
    Settings,
    activation,
    any_recurrent_cell,
    initialiser,
)
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials
from gradsuite_experiments.jacobian_spectrum import laws
from gradsuite_experiments.jacobian_spectrum.claims import exact, gaussian, kind_of
from gradsuite_experiments.jacobian_spectrum.diagonal import kept, weights_between, without_recurrence
from gradsuite_experiments.jacobian_spectrum.states import ends, model_of, products, trajectory

if TYPE_CHECKING:
    import pandas as pd

BASIC = ("rnn", "lstm", "gru", "mingru", "lru")
SLOW = "ln-lstm"  # takes as long as all other cells: the preset full has it
ALL = ("rnn", "ln-rnn", "lstm", "coupled", "peephole", "ln-lstm", "gru", "mingru", "minlstm", "lru")
MANY = tuple(cell for cell in ALL if cell != SLOW)
MEASURED_LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


class JacobianSpectrum(Experiment):
    """Quantiles of the singular values by lag, their spread and condition number, for any cell and its initialisers."""

    name = "jacobian-spectrum"
    question = "Which cells and initialisers keep all directions of the gradient alive (dynamical isometry)?"
    topic = Topic.FLOW
    timed = False
    apart = ("quick",)
    settings = (
        any_recurrent_cell(),
        activation("identity", "tanh", "relu"),
        initialiser("normal", "orthogonal", "zero"),
        HIDDEN_SIZE,
        replace(LAGS, maximum=MEASURED_LAGS[-1]),
        SEEDS,
        replace(DTYPE, choices=PRECISE),
    )
    compared: ClassVar[tuple[Compared, ...]] = (Digits(laws.EXPONENT_ERROR),)
    presets: ClassVar[Presets] = {
        preset: {
            "cell": cells,
            "activation": ["identity", "tanh"],
            "initialiser": ["normal", "orthogonal", "zero"],
            "hidden_size": [N],
            "lags": [lags],
            "seeds": [seeds],
            "dtype": ["float64"],
        }
        for preset, cells, N, lags, seeds in (
            ("quick", BASIC, 32, 8, 24),
            ("standard", MANY, 64, 16, 48),
            ("full", ALL, 256, 32, 48),
        )
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield what makes a difference to a cell.

        An RNN without recurrent weights has no gradient, and gates are not orthogonal. A cell without weights between
        its states is drawn in one way only, and its activation is none of theirs.
        """
        for settings in super().trials(grid):
            allowed = [word for word in grid["activation"] if word in find(settings["cell"]).activations]
            between = weights_between(settings["cell"])
            if between is None:
                allowed, initialisers = allowed[:1], tuple(grid["initialiser"][:1])
            else:
                initialisers = ("normal", "zero" if between.gates > 1 else "orthogonal")
            if settings["activation"] in allowed and settings["initialiser"] in initialisers:
                yield settings

    def memory(self, settings: Settings) -> int:
        """Return what a network takes over the lags that are measured."""
        return least_memory({**settings, "lags": min(settings["lags"], MEASURED_LAGS[-1])})

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure singular values at every lag, as far as rounding resolves them, and their error where exact."""
        N, dtype, cell = settings["hidden_size"], settings["dtype"], settings["cell"]
        lags = [lag for lag in MEASURED_LAGS if lag <= settings["lags"]]
        model = model_of(cell, settings["activation"], N)
        networks = [draw_network(model, settings, seed) for seed in range(settings["seeds"])]
        found = list(products(backend, model, networks, lags[-1], device=device, dtype=dtype))
        condition = max(product.condition for product in found)
        singular_values = np.array(
            [np.linalg.svd(product.jacobians[lags], compute_uv=False) for product in found]
        )  # (seeds, lags, states)
        by_lag = summary(singular_values, dtype, condition)
        inputs = trajectory(lags[-1] + 1, N)[:, 0]
        if kind_of(settings) == "isometry":
            by_lag[laws.ERROR] = abs(singular_values - 1.0).max(axis=(0, 2))
        if kind_of(settings) == "bound":
            # dh'/dh = diag(1 - h'^2) W, and W is orthogonal.
            slopes = 1.0 - np.array([product.outputs[0] for product in found], np.float64) ** 2
            one_step = abs(singular_values[:, 0] / -np.sort(-slopes) - 1.0).max()
            by_lag[laws.ERROR] = np.append(one_step, singular_values[:, 1:].max(axis=(0, 2)) - 1.0)
        if kind_of(settings) in ("gates", "eigenvalues"):
            exact = -np.sort(-np.array([kept(cell, network, inputs)[lags] for network in networks]))
            # What several gradients are needed for is right to a rounding of the largest value, not of each.
            by_lag[laws.ERROR] = abs((singular_values - exact) / (exact if ends(cell) == 1 else 1.0)).max(axis=(0, 2))
            if kind_of(settings) == "eigenvalues":
                by_lag[laws.EXPONENT_ERROR] = laws.exponent_errors(singular_values, exact, np.array(lags))
        one_step = np.sort(singular_values[:, 0].ravel())
        yield [
            *(
                Measurement(metric, number, index=lag)
                for metric, numbers in by_lag.items()
                for lag, number in zip(lags, numbers, strict=True)
            ),
            *(Measurement(laws.ONE_STEP, number, index=k) for k, number in enumerate(one_step)),
            Measurement(laws.MAGNIFIED, condition),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield isometry, bounds and products where they are exact, and the laws of Gaussian matrices."""
        for backend, at, trial in trials(rows):
            kind = kind_of(at)
            if kind == "gaussian":
                yield from gaussian(backend, at, trial)
            elif kind is not None:
                yield from exact(kind, backend, at, trial)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield quantiles by lag, and the condition number by lag with the density at lag 1."""
        from gradsuite_experiments.jacobian_spectrum.figures import density, fans

        yield fans(rows, claims)
        yield density(rows, claims)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield spread and condition number at the largest lag."""
        from gradsuite_experiments.jacobian_spectrum.findings import spread_table

        yield spread_table(rows)


def summary(singular_values: np.ndarray, dtype: str, condition: float = 1.0) -> dict[str, np.ndarray]:
    """Return metrics by lag, means over networks, of singular values (seeds, lags, states).

    Below N roundings of the largest one, what a product of many steps keeps is noise: quantiles end there. `condition`
    is what reading the product off the gradients makes of a rounding.
    """
    square, fourth = (np.power(singular_values, p).mean(axis=2) for p in (2, 4))
    floor = condition * singular_values.shape[-1] * UNIT_ROUNDOFF[dtype] * singular_values[..., :1]
    logs = np.log(np.maximum(singular_values, floor))
    quantiles = np.exp(np.quantile(logs, list(laws.QUANTILES.values()), axis=2).mean(axis=1))
    by_lag = dict(zip(laws.QUANTILES, quantiles, strict=True))
    by_lag |= {laws.MEAN_SQUARE: square.mean(axis=0), laws.SPREAD: (fourth / square**2).mean(axis=0)}
    return by_lag | {laws.CONDITION: by_lag[laws.LARGEST] / by_lag[laws.SMALLEST]}


def draw_network(model: Model, settings: Settings, seed: int) -> Parameters:
    """Return a network of gain 1, with inputs of half the weight of states; forget bias 1 where there is one."""
    weights = settings["initialiser"]
    gated = find(model.cell).keep_gate is not None
    initialisation = Initialisation("normal" if weights == "zero" else weights, forget_bias=1.0 if gated else None)
    network = initialise(model, initialisation, seed=seed)
    if "weight_ih_l0" in network:
        network["weight_ih_l0"] = 0.5 * network["weight_ih_l0"]
    return without_recurrence(model.cell, network) if weights == "zero" else network
