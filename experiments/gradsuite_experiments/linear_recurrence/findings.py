"""What an eigenvalue near 1 costs: how much faster a state's sensitivity grows than its gradients."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.experiment import Table
from gradsuite.theory import linear_recurrence as theory

from gradsuite_experiments.common.frames import trials, value, where
from gradsuite_experiments.linear_recurrence.laws import EIGENVALUES, SENSITIVITY


def sensitivity(rows: pd.DataFrame) -> Iterator[str]:
    """Yield how far sensitivity and gradients part between the least and the largest eigenvalue."""
    of_lru = where(rows, cell="lru", metric=SENSITIVITY)
    if of_lru.empty:
        return
    low, high = (of_lru[of_lru["member"] == member]["value"].median() for member in (0, len(EIGENVALUES) - 1))
    first, last = EIGENVALUES[0], EIGENVALUES[-1]
    grown = theory.energy(last, 10**6) / theory.energy(first, 10**6)
    yield (
        f"From eigenvalue {first:g} to {last:g} no gradient explodes: their squares add up to {grown:.3g} times as "
        f"much (law). The mean square of ds/dlambda grows {high / low:.3g} times (measured)."
    )


def by_eigenvalue(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield the table, one row per eigenvalue, one column per backend."""
    lines = [
        {
            "eigenvalue": eigenvalue,
            "E s^2 (law)": round(float(theory.energy(eigenvalue, 10**6)), 4),
            "E (ds/dlambda)^2 (law)": round(theory.sensitivity(eigenvalue), 4),
        }
        for eigenvalue in EIGENVALUES
    ]
    measured = trials(where(rows, cell="lru"))
    for backend, _, trial in measured:
        for member, line in enumerate(lines):
            line[backend] = round(value(trial, SENSITIVITY, member=member), 4)
    if len(lines[0]) > 3:
        caption = "Mean squares for white noise: of the state, and of its derivative by the eigenvalue, as measured."
        yield Table("What an eigenvalue near 1 costs", caption, pd.DataFrame(lines))
