"""What recurrent networks learn of real data: images, speech, language, series and markets, beside simple answers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.backend import Backend
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, SEEDS, Presets, Setting, Settings
from gradsuite.tasks.windows import Windows
from gradsuite.topic import Topic
from gradsuite.training.session import Session

from gradsuite_experiments.common.frames import by_backend, trials, values, where
from gradsuite_experiments.common.learning import among, learn, of_curve
from gradsuite_experiments.real_data import laws
from gradsuite_experiments.real_data.recipes import STUDIES

if TYPE_CHECKING:
    import pandas as pd

LOOKS = 12  # at a training


class RealData(Experiment):
    """The score of each data set's test after its recipe, over seeds, beside its baselines."""

    name = "real-data"
    question = "What do recurrent networks learn of real data, and does it beat a simple answer?"
    topic = Topic.LEARNING
    timed = False
    named = True
    settings = (
        Setting("data", str, "data set that is learnt, a task", choices=tuple(STUDIES)),
        Setting("share", float, "share of the recipe's epochs that are trained", minimum=0, above=True),
        SEEDS,
        replace(DTYPE, choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        "quick": {"data": ["japanese-vowels"], "share": [0.1], "seeds": [1], "dtype": ["float32"]},
        "standard": {"data": ["digits", "japanese-vowels"], "share": [1.0], "seeds": [1], "dtype": ["float32"]},
        "full": {"data": list(STUDIES), "share": [1.0], "seeds": [3], "dtype": ["float32"]},
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Train each network of a trial by the recipe, and judge it once on the test."""
        study, task = STUDIES[settings["data"]], self.task(settings["data"])
        baselines = task.baselines(length=study.length)
        rows = [
            Measurement(laws.BASELINE, score, index=k, note=name) for k, (name, score) in enumerate(baselines.items())
        ]
        for seed in among(settings):
            model, parameters = study.draw(task, seed)
            recipe = study.recipe(task, share=settings["share"], seed=seed, looks=LOOKS)
            session = learn(backend, task, model, parameters, recipe, device=device, dtype=settings["dtype"])
            rows += of_curve(session.curve, seed)
            rows.append(Measurement(laws.TEST, session.score("test"), task.score.unit, member=seed))
            if isinstance(task, Windows):
                names = (laws.EXPLAINED, laws.LOW, laws.HIGH)
                found = laws.explained(*forecasts(session, task))
                rows += [Measurement(name, number, member=seed) for name, number in zip(names, found, strict=True)]
        yield rows

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what each data set's whole recipe reaches; nothing of a share of it, or of forecasts."""
        for backend, rows_of_backend in by_backend(rows):
            claim = partial(Claim, backend=backend, tolerance=0.0)
            for _, at, trial in trials(where(rows_of_backend, share=1.0)):
                data, mean = at["data"], float(values(trial, laws.TEST, "member").mean())
                if data in laws.BOUNDS:
                    bound = laws.BOUNDS[data]
                    yield claim(
                        name=f"real-data/{data}",
                        sentence=bound.sentence,
                        source=bound.source,
                        expected=bound.score,
                        measured=mean,
                        resolution=laws.at_least(bound.score, mean),
                        relation=">=",
                    )
                if data == "language":
                    counts = float(values(trial, laws.BASELINE)[-1])
                    yield claim(
                        name="real-data/language",
                        sentence=laws.LANGUAGE,
                        source=laws.COUNTS,
                        expected=counts,
                        measured=mean,
                        resolution=laws.at_most(counts, mean),
                        relation="<=",
                    )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield scores beside baselines, a panel for each data set."""
        from gradsuite_experiments.real_data.figures import draw

        yield draw(rows, claims, {name: self.task(name) for name in rows["data"].unique()})

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield what beats its baselines and what does not, and what there is to forecast of markets."""
        from gradsuite_experiments.real_data.findings import sentences

        yield from sentences(rows, {name: self.task(name) for name in rows["data"].unique()})

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield the scores of every data set, with their spread over seeds."""
        from gradsuite_experiments.real_data.findings import scores

        yield from scores(rows, {name: self.task(name) for name in rows["data"].unique()})


def forecasts(session: Session, task: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a network's forecasts of the test, what came, and the mean of what it was trained on."""
    network, length = session.network, session.recipe.length
    batches = list(task.evaluation_batches("test", network.model, size=256, length=length))
    made = [network.fetch(network.forward(network.put(batch)).outputs) for batch in batches]
    known = task.series.targets[: task.series.ends[0]].mean(axis=0)
    return np.concatenate(made).astype(np.float64), np.concatenate([batch.targets for batch in batches]), known
