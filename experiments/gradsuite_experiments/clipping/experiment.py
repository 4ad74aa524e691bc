"""What clipping does to a gradient that explodes: to its length, to its direction, and to what is not finite."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Source
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.optimizers import SGD
from gradsuite.parameters import Initialisation, Parameters
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF, rounded
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, HIDDEN_SIZE, LENGTH, Presets, Setting, Settings
from gradsuite.topic import Topic

from gradsuite_experiments.clipping import laws
from gradsuite_experiments.clipping.exact import gradient
from gradsuite_experiments.clipping.laws import INFINITE_AS_LAW, RULES, Statement
from gradsuite_experiments.clipping.one_step import Step, cosine, flat, infinite, norms, steps
from gradsuite_experiments.common.frames import members, trials, value
from gradsuite_experiments.common.sweep import draws

if TYPE_CHECKING:
    import pandas as pd

GAINS = (0.5, 2.5)
INPUTS = 4
BIAS = 0.1
LAST = 1e-4  # length of dL/dh_T: gradients that do not explode are within the limits


class Clipping(Experiment):
    """One clipped step of gradient descent against the exact gradient, for linear RNNs of growing gain."""

    name = "clipping"
    question = "What does each rule of clipping do to the length and the direction of a gradient that explodes?"
    topic = Topic.REMEDIES
    timed = False
    settings = (
        Setting("rule", str, "clip by global norm, by unit (adaptive) or by value", choices=tuple(RULES)),
        Setting("limit", float, "limit of |g|, of |g| / |p| in each unit, or of each element", minimum=0, above=True),
        Setting("gains", int, "recurrent gains, evenly spaced", minimum=2, size=True),
        HIDDEN_SIZE,
        LENGTH,
        replace(DTYPE, choices=PRECISE),  # p - g is what is measured: a shorter float loses the units that move little
    )
    presets: ClassVar[Presets] = {
        preset: {
            "rule": list(RULES),
            "limit": limits,
            "gains": [gains],
            "hidden_size": [N],
            "length": [30],
            "dtype": ["float64"],
        }
        for preset, limits, gains, N in (
            ("quick", [0.01], 9, 16),
            ("standard", [0.01], 25, 32),
            ("full", [0.001, 0.01, 0.1, 1.0], 49, 64),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure one step's length and cosine for every gain, and what becomes of an infinite gradient."""
        rule, limit, N = settings["rule"], settings["limit"], settings["hidden_size"]
        model = Model("rnn", INPUTS, N, activation="identity", readout="none", loss="inner_product")
        (drawn,) = draws(model, Initialisation("orthogonal"), 1)
        gains = np.linspace(*GAINS, settings["gains"])
        networks = [network_of(drawn, gain) for gain in gains]
        rng = np.random.default_rng(0)
        inputs, last = rng.standard_normal((settings["length"], 1, INPUTS)), rng.standard_normal((1, N))
        batch = Batch(*(rounded(a, settings["dtype"]) for a in (inputs, LAST * last / np.linalg.norm(last))))
        optimizer = SGD(lr=1.0, **{f"clip_{rule}": limit})
        run = {"device": device, "dtype": settings["dtype"]}
        eps, measurements = 2.0 * UNIT_ROUNDOFF[run["dtype"]], []
        with np.errstate(all="ignore"):
            for k, found in enumerate(steps(backend, model, networks, batch, optimizer, run)):
                step = replace(found, gradient=gradient(found.before, batch))
                law = RULES[rule].law(step, limit)
                allowed = laws.rounding(step, run["dtype"], law[laws.LENGTH_LAW], settings["length"])
                metrics = {laws.GAIN: gains[k], laws.ROUNDING: allowed, **metrics_of(step), **law}
                measurements += [Measurement(metric, number, member=k) for metric, number in metrics.items()]
            left = infinite(backend, optimizer, run)
        as_law = np.allclose(left, RULES[rule].infinite(limit), rtol=4.0 * eps, atol=0.0, equal_nan=True)
        yield [*measurements, Measurement(INFINITE_AS_LAW, float(as_law))]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what every rule does to length and direction at every gain, and what it alone does."""
        for backend, at, trial in trials(rows):
            rule, limit, eps = at["rule"], at["limit"], 2.0 * UNIT_ROUNDOFF[at["dtype"]]
            claim = partial(self._claim, backend, rule)
            networks = members(trial).sort_values(laws.NORM, kind="stable").to_dict("records")
            for network in networks:
                for statement in laws.of_step(rule, network, limit, eps):
                    yield claim(statement)
            if rule == "norm":
                for statement in laws.shortfall(networks, limit):
                    yield claim(statement, source=laws.OPTAX)
            yield claim(laws.infinite(rule, value(trial, INFINITE_AS_LAW), eps))

    def _claim(self, backend: str, rule: str, statement: Statement, source: Source | None = None) -> Claim:
        """Return the claim that a statement about a rule makes, from the rule's source unless another is given."""
        parts = {field.name: getattr(statement, field.name) for field in fields(statement)}
        named = parts | {"name": f"{self.name}/{rule}/{statement.name}"}
        return Claim(backend=backend, source=source or RULES[rule].source, **named)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield length and cosine against the gain."""
        from gradsuite_experiments.clipping.figures import draw

        yield draw(rows, claims)


def network_of(drawn: Parameters, gain: float) -> Parameters:
    """Return the network of this gain, its biases not zero, so that their units' limits are not the least ones."""
    shifted = {name: p + BIAS if "bias" in name else p for name, p in drawn.items()}
    return {**shifted, "weight_hh_l0": gain * drawn["weight_hh_l0"]}


def metrics_of(step: Step) -> dict[str, float]:
    """Return the gradient's norm, the step's length and cosine, how much it changed, and how it would turn."""
    g, moved = flat(step.gradient), flat(step.moved)
    norm, length, change = norms([g, moved, moved - g])
    return {
        laws.NORM: norm,
        laws.LENGTH: length,
        laws.COSINE: cosine(g, moved),
        laws.CHANGE: change / norm,
        laws.TURN: laws.turn(step.gradient["weight_hh_l0"], g),
    }
