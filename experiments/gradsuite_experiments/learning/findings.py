"""Which networks learn a task, after how many updates, and what they score: sentences and the table."""

from collections.abc import Iterator
from math import isfinite

import pandas as pd
from gradsuite.experiment import Table
from gradsuite.tasks.task import Task

from gradsuite_experiments.common.frames import listed, trials, values, where
from gradsuite_experiments.common.learning import SOLVED_AFTER
from gradsuite_experiments.learning.laws import TEST
from gradsuite_experiments.learning.networks import LEARNERS


def outcomes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial: its settings, the median `test` score, and the median update `after` which."""
    lines = [
        {**at, "test": pd.Series(values(trial, TEST, "member")).median(),
         "after": pd.Series(values(trial, SOLVED_AFTER, "member")).median()}
        for _, at, trial in trials(rows)
    ]  # fmt: skip
    return pd.DataFrame(lines)


def sentences(rows: pd.DataFrame, task: Task) -> Iterator[str]:
    """Yield, for each length, which networks solve the task, or else which beat every baseline; medians over all."""
    found = outcomes(rows)
    for length in sorted(found["length"].unique()) if len(found) else ():
        of_length = where(found, length=length)
        baselines = task.baselines(length=length)
        ranked = of_length.groupby("network")[["test", "after"]].median().reindex(list(LEARNERS))
        ranked = ranked.dropna(subset=["test"])
        of_network = [(LEARNERS[str(network)].title, row) for network, row in ranked.iterrows()]
        solved = [f"{title} after {row['after']:.0f}" for title, row in of_network if isfinite(row["after"])]
        rest = [f"{row['test']:.3g} ({title})" for title, row in of_network if not isfinite(row["after"])]
        simple = [f"{score:.3g} ({name})" for name, score in baselines.items()]
        asked = f"{task.name} over {length:.0f} steps"
        if solved:
            yield f"{asked[0].upper()}{asked[1:]} is solved by {listed(solved)} updates (medians)."
        if rest:
            updates, called = of_length["updates"].max(), task.score.name
            yield (
                f"On {asked}, {called} after {updates:.0f} updates is {listed(rest)}; of simple answers, "
                f"{listed(simple)}."
            )


def scores(rows: pd.DataFrame, task: Task) -> Iterator[Table]:
    """Yield the table: a row per network and length, a column per backend, and the baselines as rows of their own."""
    found = outcomes(rows)
    if found.empty:
        return
    lines = []
    for length in sorted(found["length"].unique()):
        of_length = where(found, length=length)
        for network in (name for name in LEARNERS if name in set(of_length["network"])):
            scored = {at["backend"]: f"{at['test']:.3g}" for _, at in where(of_length, network=network).iterrows()}
            lines.append({"T": f"{length:.0f}", "network": LEARNERS[network].title, **scored})
        for name, score in task.baselines(length=length).items():
            lines.append(
                {"T": f"{length:.0f}", "network": name, **dict.fromkeys(found["backend"].unique(), f"{score:.3g}")}
            )
    caption = f"Median {task.score.name} on the test, 10,000 sequences, beside simple answers."
    yield Table("Scores", caption, pd.DataFrame(lines))
