"""The spectrum of the Jacobian through time: singular values of dh_T/dh_t against the lag."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.model import Model
from gradsuite.parameters import KEEP_GATE, Initialisation, Parameters, initialise
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, HIDDEN_SIZE, LAGS, SEEDS, Grid, Presets, Setting, Settings, initialiser

from gradsuite_experiments.common.frames import places, trials, value, values
from gradsuite_experiments.common.networks import kept, silent
from gradsuite_experiments.common.sweep import jacobians, sweep
from gradsuite_experiments.jacobian_spectrum import laws

if TYPE_CHECKING:
    import pandas as pd

NETWORKS = ("linear", "tanh", "lstm", "gru")
MEASURED_LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


class JacobianSpectrum(Experiment):
    """Quantiles of the singular values by lag, their spread and condition number, for cells and initialisers."""

    name = "jacobian-spectrum"
    question = "Which cells and initialisers keep all directions of the gradient alive (dynamical isometry)?"
    settings = (
        Setting("network", str, "rnn with identity or tanh, or a gated cell", choices=NETWORKS),
        initialiser("normal", "orthogonal", "zero"),
        HIDDEN_SIZE,
        LAGS,
        SEEDS,
        replace(DTYPE, choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {
            "network": list(NETWORKS),
            "initialiser": ["normal", "orthogonal", "zero"],
            "hidden_size": [N],
            "lags": [lags],
            "seeds": [seeds],
            "dtype": ["float64"],
        }
        for preset, N, lags, seeds in (("quick", 32, 8, 24), ("standard", 64, 16, 48), ("full", 256, 32, 48))
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Leave out an RNN without recurrent weights, which has no gradient, and orthogonal gates."""
        for settings in super().trials(grid):
            second = "zero" if settings["network"] in KEEP_GATE else "orthogonal"
            if settings["initialiser"] in ("normal", second):
                yield settings

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure singular values at every lag, as far as rounding resolves them, and their error where exact."""
        N, dtype = settings["hidden_size"], settings["dtype"]
        lags = [lag for lag in MEASURED_LAGS if lag <= settings["lags"]]
        model = model_of(settings)
        networks = [draw_network(model, settings, seed) for seed in range(settings["seeds"])]
        rng = np.random.default_rng(0)
        inputs = np.repeat(rng.standard_normal((lags[-1] + 1, 1, N)), N, axis=1)  # one trajectory for all directions
        batch = Batch(inputs, np.eye(N))
        flows = list(sweep(backend, model, networks, batch, device=device, dtype=dtype))
        singular_values = np.array(
            [np.linalg.svd(jacobians(flow)[lags].astype(np.float64), compute_uv=False) for flow in flows]
        )  # (seeds, lags, N)
        by_lag = summary(singular_values, dtype)
        if settings["initialiser"] == "orthogonal" and settings["network"] == "linear":
            by_lag[laws.ERROR] = abs(singular_values - 1.0).max(axis=(0, 2))
        if settings["initialiser"] == "orthogonal" and settings["network"] == "tanh":
            slopes = 1.0 - np.array([flow.outputs[0] for flow in flows], np.float64) ** 2
            one_step = abs(singular_values[:, 0] / -np.sort(-slopes) - 1.0).max()
            by_lag[laws.ERROR] = np.append(one_step, singular_values[:, 1:].max(axis=(0, 2)) - 1.0)
        if settings["initialiser"] == "zero":
            exact = [kept(network, model.cell, inputs[:, 0])[lags] for network in networks]
            by_lag[laws.ERROR] = abs(singular_values / -np.sort(-np.array(exact)) - 1.0).max(axis=(0, 2))
        one_step = np.sort(singular_values[:, 0].ravel())
        yield [
            *(
                Measurement(metric, number, index=lag)
                for metric, numbers in by_lag.items()
                for lag, number in zip(lags, numbers, strict=True)
            ),
            *(Measurement(laws.ONE_STEP, number, index=k) for k, number in enumerate(one_step)),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield isometry, bounds and products where they are exact, and the laws of Gaussian matrices."""
        for backend, at, trial in trials(rows):
            kind = (at["network"], at["initialiser"])
            if kind == ("linear", "normal"):
                yield from self.gaussian(backend, at, trial)
            else:
                yield from self.exact(backend, at, trial)

    def exact(self, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what is known exactly of one network's singular values."""
        errors = values(trial, laws.ERROR)
        lag = int(places(trial, laws.LARGEST)[-1])
        allowed = laws.rounding(at["dtype"], at["hidden_size"], lag)
        network, kind = at["network"], (at["network"], at["initialiser"])
        claim = partial(Claim, backend=backend, expected=0.0, tolerance=allowed)
        if kind == ("linear", "orthogonal"):
            yield claim(
                name=f"{self.name}/isometry",
                sentence="Linear RNN, orthogonal: every singular value of dh_T/dh_t is 1 at every lag.",
                source=laws.ISOMETRY,
                measured=errors.max(),
                resolution=Resolution.logarithmic(allowed, laws.FACTOR, power=lag),
            )
        elif kind == ("tanh", "orthogonal"):
            yield claim(
                name=f"{self.name}/bound",
                sentence="Tanh RNN, orthogonal: the singular values of a step are 1 - h^2; after more, none exceeds 1.",
                source=laws.CHAIN_RULE,
                measured=errors.max(),
                resolution=Resolution.linear(0.0, allowed, laws.FACTOR),
            )
        elif at["initialiser"] == "zero":
            state = "dc_T/dc_t" if network == "lstm" else "dh_T/dh_t"
            yield claim(
                name=f"{self.name}/gates/{network}",
                sentence=f"{network}, no recurrent weights: the singular values of {state} are the gates' products.",
                source=laws.PRODUCT,
                measured=errors.max(),
                resolution=Resolution.logarithmic(allowed, laws.FACTOR, power=lag),
            )

    def gaussian(self, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what random matrices say of a linear RNN with Gaussian weights."""
        N, seeds = at["hidden_size"], at["seeds"]

        def claim(name: str, law: tuple[float, float, Resolution], **words: Any) -> Claim:
            expected, tolerance, resolution = law
            return Claim(
                name=f"{self.name}/{name}",
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

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield quantiles by lag, and the condition number by lag with the density at lag 1."""
        from gradsuite_experiments.jacobian_spectrum.figures import density, fans

        yield fans(rows, claims)
        yield density(rows, claims)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield spread and condition number at the largest lag."""
        import pandas as pd

        lines = [
            {
                "network": at["network"],
                "initialiser": at["initialiser"],
                "backend": backend,
                "lag": int(places(trial, laws.SPREAD)[-1]),
                "median singular value": float(f"{values(trial, laws.MEDIAN)[-1]:.3g}"),
                "E s^4 / (E s^2)^2": float(f"{values(trial, laws.SPREAD)[-1]:.3g}"),
                "condition number": float(f"{values(trial, laws.CONDITION)[-1]:.3g}"),
            }
            for backend, at, trial in trials(rows)
        ]
        caption = "Dynamical isometry is a spread and condition number of 1. Condition numbers end where rounding does."
        yield Table("Spread of the Jacobian's singular values", caption, pd.DataFrame(lines))


def summary(singular_values: np.ndarray, dtype: str) -> dict[str, np.ndarray]:
    """Return metrics by lag, means over networks, of singular values (seeds, lags, N).

    Below N roundings of the largest one, what a product of many steps keeps is noise: quantiles end there.
    """
    square, fourth = (np.power(singular_values, p).mean(axis=2) for p in (2, 4))
    floor = singular_values.shape[-1] * UNIT_ROUNDOFF[dtype] * singular_values[..., :1]
    logs = np.log(np.maximum(singular_values, floor))
    quantiles = np.exp(np.quantile(logs, list(laws.QUANTILES.values()), axis=2).mean(axis=1))
    by_lag = dict(zip(laws.QUANTILES, quantiles, strict=True))
    by_lag |= {laws.MEAN_SQUARE: square.mean(axis=0), laws.SPREAD: (fourth / square**2).mean(axis=0)}
    return by_lag | {laws.CONDITION: by_lag[laws.LARGEST] / by_lag[laws.SMALLEST]}


def model_of(settings: Settings) -> Model:
    """Return the network's model."""
    N, network = settings["hidden_size"], settings["network"]
    shape: dict[str, Any] = {"readout": "none", "loss": "inner_product"}
    if network in KEEP_GATE:
        return Model(network, N, N, **shape)
    return Model("rnn", N, N, activation="identity" if network == "linear" else network, **shape)


def draw_network(model: Model, settings: Settings, seed: int) -> Parameters:
    """Return a network of gain 1, with inputs of half the weight of states; forget bias 1 where there is one."""
    weights, gated = settings["initialiser"], model.cell in KEEP_GATE
    initialisation = Initialisation("normal" if weights == "zero" else weights, forget_bias=1.0 if gated else None)
    network = initialise(model, initialisation, seed=seed)
    network["weight_ih_l0"] = 0.5 * network["weight_ih_l0"]
    return silent(network, "weight_hh") if weights == "zero" else network
