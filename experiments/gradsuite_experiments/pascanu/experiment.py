"""The temporal order problem by plain SGD, clipped, and clipped with Omega: how many networks of five solve it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from gradsuite.backend import Backend
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import (
    BATCH_SIZE,
    DTYPE,
    HIDDEN_SIZE,
    LENGTH,
    SEEDS,
    Presets,
    Setting,
    Settings,
    initialiser,
)
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import by_backend
from gradsuite_experiments.common.learning import UPDATES, among, families, fewer, learn, more, of_curve
from gradsuite_experiments.pascanu import laws
from gradsuite_experiments.pascanu.networks import METHODS, STARTS, draw, recipe

if TYPE_CHECKING:
    import pandas as pd


class Pascanu(Experiment):
    """How many networks solve the temporal order problem by each method, from two initialisations, against T."""

    name = "pascanu"
    question = "How long a memory does plain SGD learn, and what do clipping and the Omega regulariser add to it?"
    topic = Topic.LEARNING
    timed = False
    settings = (
        Setting("method", str, "how the network is trained", choices=tuple(METHODS)),
        initialiser(*STARTS),
        replace(LENGTH, minimum=10),
        HIDDEN_SIZE,
        BATCH_SIZE,
        UPDATES,
        SEEDS,
        replace(DTYPE, choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {
            "method": list(METHODS),
            "initialiser": starts,
            "length": lengths,
            "hidden_size": [50],
            "batch_size": [20],
            "updates": [updates],
            "seeds": [seeds],
            "dtype": ["float32"],
        }
        for preset, starts, lengths, updates, seeds in (
            ("quick", ["basic"], [10], 1000, 1),
            ("standard", ["basic"], [10, 20], 2000, 2),
            ("full", list(STARTS), [10, 20, 50], laws.UPDATES, 5),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Train each network of a trial, with batches of its own."""
        task, method = self.task("temporal-order"), METHODS[settings["method"]]
        model = task.model("rnn", settings["hidden_size"])
        rows: list[Measurement] = []
        for seed in among(settings):
            parameters = draw(model, STARTS[settings["initialiser"]], seed)
            how = recipe(task, method, settings, seed)
            curve = learn(backend, task, model, parameters, how, device=device, dtype=settings["dtype"]).curve
            rows += of_curve(curve, seed)
        yield rows

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield which method solves what, and that clipping loses no network, at every length."""
        for backend, rows_of_backend in by_backend(rows):
            claim = partial(Claim, backend=backend, source=laws.PAPER, tolerance=0.0)
            for family in families(rows_of_backend, self.settings, "method"):
                for trained in family.values():
                    if laws.as_published(trained.at):
                        yield from alone(partial(claim, measured=trained.share), trained.at)
                if {"sgd", "clip"} <= family.keys():
                    plain, clipped = family["sgd"], family["clip"]
                    yield claim(
                        name="pascanu/order/clip",
                        sentence=laws.CLIPPED,
                        expected=plain.share,
                        measured=clipped.share,
                        resolution=laws.no_fewer(plain.share, clipped.at["seeds"]),
                        relation=">=",
                    )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the share of networks that solve the task, by method and initialisation, against T."""
        from gradsuite_experiments.pascanu.figures import draw as drawn

        yield drawn(rows, claims)

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield how many networks each method solves at the length that tells them apart most."""
        from gradsuite_experiments.pascanu.findings import apart

        yield from apart(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield how many networks solve the task, and after how many updates."""
        from gradsuite_experiments.pascanu.findings import by_length

        yield from by_length(rows)


def alone(claim: "partial[Claim]", at: "pd.Series[Any]") -> Iterator[Claim]:
    """Yield what is claimed of one trial by itself."""
    if at["method"] == "sgd" and at["length"] >= laws.LONG and at["updates"] == laws.UPDATES:
        yield claim(
            name="pascanu/unsolved/sgd",
            sentence=laws.UNSOLVED,
            expected=0.0,
            resolution=more(0.0, at["seeds"]),
            relation="<=",
        )
    if at["method"] == "omega" and at["length"] <= laws.LONG and laws.enough(at):
        yield claim(
            name=f"pascanu/solved/omega/{at['initialiser']}",
            sentence=laws.SOLVED.format(start=at["initialiser"].capitalize()),
            expected=laws.NEARLY_ALL,
            resolution=fewer(laws.NEARLY_ALL, at["seeds"]),
            relation=">=",
        )
