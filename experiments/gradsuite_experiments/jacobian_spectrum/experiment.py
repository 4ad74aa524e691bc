"""The spectrum of the Jacobian through time: singular values of dh_T/dh_t against the lag."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.model import Model
from gradsuite.parameters import KEEP_GATE, Initialisation, Parameters, initialise
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF, bound
from gradsuite.rows import Measurement
from gradsuite.settings import HIDDEN_SIZE, Grid, Presets, Setting, Settings
from gradsuite.theory import gaussian_powers as powers
from gradsuite.theory import singular_values as theory

from gradsuite_experiments.common.frames import places, trials, value, values
from gradsuite_experiments.common.networks import kept, silent
from gradsuite_experiments.common.sweep import jacobians, sweep
from gradsuite_experiments.jacobian_spectrum.figures import draw_density, draw_fans

ISOMETRY = "Saxe, McClelland & Ganguli 2013, arXiv:1312.6120 (from the literature by memory); exact"
CHAIN_RULE = "exact: the Jacobian of a step is diag(1 - h^2) W, and 1 - h^2 is at most 1"
PRODUCT = "exact: without recurrent weights the Jacobian is diagonal"
WICK = "leading order by Wick's theorem: W^k keeps the mean squared singular value of k independent factors"
FUSS_CATALAN = "Fuss-Catalan numbers of products of Gaussian matrices (Penson & Zyczkowski 2011; by memory)"
EDGE = "Tracy-Widom law of the largest singular value (Johnstone 2001; from the literature by memory)"
QUARTER = "Marchenko & Pastur 1967 (from the literature by memory)"
NETWORKS = ("linear", "tanh", "lstm", "gru")
LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
SPREAD_SD = 1.5  # k / N, at most: sd of E s^4 / (E s^2)^2 over its mean; 1 to 1.4 seen for k = 1 to 4 at N = 64
QUANTILES = {"smallest": 0.0, "low": 0.1, "median": 0.5, "high": 0.9, "largest": 1.0}


class JacobianSpectrum(Experiment):
    """Quantiles of the singular values by lag, their spread and condition number, for cells and initialisers."""

    name = "jacobian-spectrum"
    question = "Which cells and initialisers keep all directions of the gradient alive (dynamical isometry)?"
    settings = (
        Setting("network", str, "rnn with identity or tanh, or a gated cell", choices=NETWORKS),
        Setting("weights", str, "recurrent weights", choices=("normal", "orthogonal", "zero")),
        HIDDEN_SIZE,
        Setting("lags", int, "steps back in time", minimum=1),
        Setting("seeds", int, "networks drawn", minimum=1),
        Setting("dtype", str, "precision", choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {
            "network": list(NETWORKS),
            "weights": ["normal", "orthogonal", "zero"],
            "hidden_size": [N],
            "lags": [lags],
            "seeds": [seeds],
            "dtype": ["float64"],
        }
        for preset, N, lags, seeds in (("quick", 32, 8, 4), ("standard", 64, 16, 4), ("full", 256, 32, 16))
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Leave out an RNN without recurrent weights, which has no gradient, and orthogonal gates."""
        for cell in super().trials(grid):
            if cell["weights"] in ("normal", "zero" if cell["network"] in KEEP_GATE else "orthogonal"):
                yield cell

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure singular values at every lag, as far as rounding resolves them, and their error where exact."""
        N, dtype = int(settings["hidden_size"]), str(settings["dtype"])
        lags = [lag for lag in LAGS if lag <= int(settings["lags"])]
        model = model_of(settings)
        networks = [draw_network(model, settings, seed) for seed in range(int(settings["seeds"]))]
        rng = np.random.default_rng(0)
        inputs = np.repeat(rng.standard_normal((lags[-1] + 1, 1, N)), N, axis=1)  # one trajectory for all directions
        batch = Batch(inputs, np.eye(N))
        found = np.array(
            [
                np.linalg.svd(jacobians(flow)[lags].astype(np.float64), compute_uv=False)
                for flow in sweep(backend, model, networks, batch, device=device, dtype=dtype)
            ]
        )  # (seeds, lags, N)
        square, fourth = (np.power(found, p).mean(axis=2) for p in (2, 4))
        # Below N roundings of the largest one, what a product of many steps keeps is noise.
        resolved = np.maximum(found, N * UNIT_ROUNDOFF[dtype] * found[..., :1])
        quantiles = np.exp(np.quantile(np.log(resolved), list(QUANTILES.values()), axis=2).mean(axis=1))
        by_lag = dict(zip(QUANTILES, quantiles, strict=True))
        by_lag |= {"square": square.mean(axis=0), "spread": (fourth / square**2).mean(axis=0)}
        by_lag |= {"condition": by_lag["largest"] / by_lag["smallest"], "most": found.max(axis=(0, 2))}
        if settings["weights"] == "orthogonal" and settings["network"] == "linear":
            by_lag["error"] = abs(found - 1.0).max(axis=(0, 2))
        if settings["weights"] == "zero":
            exact = [kept(network, model.cell, inputs[:, 0])[lags] for network in networks]
            by_lag["error"] = abs(found / -np.sort(-np.array(exact)) - 1.0).max(axis=(0, 2))
        yield [
            *(Measurement(m, v, index=lag) for m, line in by_lag.items() for lag, v in zip(lags, line, strict=True)),
            *(Measurement("singular_value", s, index=k) for k, s in enumerate(np.sort(found[:, 0].ravel()))),
        ]

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield isometry, bounds and products where they are exact, and the laws of Gaussian matrices."""
        for backend, at, cell in trials(rows):
            N, lags, kind = at["hidden_size"], places(cell, "largest"), (at["network"], at["weights"])
            error = values(cell, "error")
            # Each step rounds sums of N products, and so does the decomposition.
            allowed = bound(at["dtype"], N * int(lags[-1] + 1))
            if kind == ("linear", "orthogonal"):
                sentence = "Linear RNN, orthogonal: every singular value of dh_T/dh_t is 1 at every lag."
                yield Claim(self.name, backend, sentence, ISOMETRY, 0.0, error.max(), allowed)
            elif kind == ("tanh", "orthogonal"):
                sentence = "Tanh RNN, orthogonal: no singular value of dh_T/dh_t exceeds 1."
                yield Claim(self.name, backend, sentence, CHAIN_RULE, 1.0, values(cell, "most").max(), allowed, "<=")
            elif kind[1] == "zero":
                state = "dc_T/dc_t" if kind[0] == "lstm" else "dh_T/dh_t"
                sentence = f"{kind[0]}, no recurrent weights: the singular values of {state} are the gates' products."
                yield Claim(self.name, backend, sentence, PRODUCT, 0.0, error.max(), allowed)
            elif kind == ("linear", "normal"):
                yield from self.gaussian(backend, at, cell)

    def gaussian(self, backend: str, at: "pd.Series[Any]", cell: pd.DataFrame) -> Iterator[Claim]:
        """Yield what random matrices say of a linear RNN with Gaussian weights."""
        N, seeds = at["hidden_size"], at["seeds"]
        for lag, square in zip(places(cell, "square"), values(cell, "square"), strict=True):
            if lag**2 <= N / 4:  # beyond, the leading order in k^2 / N says little
                expected, sd = (law(int(lag), 0.0, 1.0, N) for law in (powers.mean_square, powers.mean_square_sd))
                sentence = "Linear RNN, Gaussian: the mean squared singular value stays 1 while k^2 is far below N."
                yield Claim(self.name, backend, sentence, WICK, expected, square, 4.0 * sd / math.sqrt(seeds))
                # Four standard errors, and the term of order k / N that the leading order leaves out.
                expected = theory.spread(int(lag))
                allowed = (4.0 * SPREAD_SD / math.sqrt(seeds) + 1.0) * lag / N * expected
                sentence = "Linear RNN, Gaussian: E s^4 / (E s^2)^2 of the singular values is k + 1 after k steps."
                yield Claim(
                    self.name, backend, sentence, FUSS_CATALAN, expected, value(cell, "spread", int(lag)), allowed
                )
        found = np.reshape(values(cell, "singular_value"), -1)
        expected, sd = theory.largest(N)
        sentence = "Linear RNN, Gaussian: the largest singular value of a step is that of the Tracy-Widom law."
        # Four standard errors, and the next order of the edge, N^(-2/3) of the sd.
        allowed = (4.0 / math.sqrt(seeds) + N ** (-2 / 3)) * sd
        yield Claim(self.name, backend, sentence, EDGE, expected, value(cell, "largest", 1), allowed)
        below = theory.quarter_circle_below(found)
        rank = np.arange(len(found))
        distance = max((below - rank / len(found)).max(), ((rank + 1) / len(found) - below).max())
        sentence = "Linear RNN, Gaussian: the singular values of a step have the quarter-circle density."
        # Singular values repel: the distribution function is off by ln N / N, not by 1 / sqrt(N).
        yield Claim(self.name, backend, sentence, QUARTER, 0.0, distance, math.log(N) / N)

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield quantiles by lag, and the condition number by lag with the density at lag 1."""
        claims = claims
        yield draw_fans(rows, claims)
        yield draw_density(rows, claims)

    def tables(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield spread and condition number at the largest lag."""
        found = [
            {
                "network": at["network"],
                "weights": at["weights"],
                "backend": backend,
                "lag": int(places(cell, "spread")[-1]),
                "median singular value": float(f"{values(cell, 'median')[-1]:.3g}"),
                "E s^4 / (E s^2)^2": float(f"{values(cell, 'spread')[-1]:.3g}"),
                "condition number": float(f"{values(cell, 'condition')[-1]:.3g}"),
            }
            for backend, at, cell in trials(rows)
        ]
        caption = "Dynamical isometry is a spread and condition number of 1. Condition numbers end where rounding does."
        yield Table("Spread of the Jacobian's singular values", caption, pd.DataFrame(found))


def model_of(settings: Settings) -> Model:
    """Return the network's model."""
    N, network = int(settings["hidden_size"]), str(settings["network"])
    shape: dict[str, Any] = {"readout": "none", "loss": "inner_product"}
    if network in KEEP_GATE:
        return Model(network, N, N, **shape)
    return Model("rnn", N, N, activation="identity" if network == "linear" else network, **shape)


def draw_network(model: Model, settings: Settings, seed: int) -> Parameters:
    """Return a network of gain 1, with inputs of half the weight of states; forget bias 1 where there is one."""
    weights, gated = str(settings["weights"]), model.cell in KEEP_GATE
    initialisation = Initialisation("normal" if weights == "zero" else weights, forget_bias=1.0 if gated else None)
    network = initialise(model, initialisation, seed=seed)
    network["weight_ih_l0"] = 0.5 * network["weight_ih_l0"]
    return silent(network, "weight_hh") if weights == "zero" else network
