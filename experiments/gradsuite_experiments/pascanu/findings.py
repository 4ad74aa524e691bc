"""How many networks each method solves: the sentence and the table."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.common.frames import levels, listed, where
from gradsuite_experiments.common.learning import count, outcomes
from gradsuite_experiments.pascanu.networks import METHODS


def apart(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the share of networks that each method solves, at the length where methods part most."""
    found = outcomes(rows)
    if found.empty:
        return
    length = max(levels(found, "length"), key=lambda length: np.ptp(list(shares(found, length).values())))
    said = [f"{share:.0%} with {METHODS[method].title}" for method, share in shares(found, length).items()]
    yield f"Of all networks, {listed(said)} solve the temporal order problem with T = {length}."


def shares(found: pd.DataFrame, length: int) -> dict[str, float]:
    """Return the share of networks that each method solves at a length."""
    of_length = where(found, length=length)
    present = [method for method in METHODS if method in set(of_length["method"])]
    return {method: float(where(of_length, method=method)["solved"].mean()) for method in present}


def by_length(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield the table: one row per method, initialisation and backend, one column per length."""
    found = outcomes(rows)
    if found.empty:
        return
    lines = []
    for _, of_one in found.sort_values("length", kind="stable").groupby(
        ["method", "initialiser", "backend"], sort=False
    ):
        first = of_one.iloc[0]
        cells = {f"T = {at['length']}": count(at) for _, at in of_one.iterrows()}
        line = {"method": METHODS[first["method"]].title, "weights": first["initialiser"], "backend": first["backend"]}
        lines.append({**line, **cells})
    caption = "Networks that solve the temporal order problem, of all; in brackets the median update by which they do."
    yield Table("Solved, by method and length", caption, pd.DataFrame(lines))
