"""Reading an experiment's rows: per backend, by metric, and what its claims amount to."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.claims import Claim, decisive
from gradsuite.experiment import Value
from gradsuite.report.palette import backend_order


def by_backend(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each backend with what it measured, in the report's order; none that measured nothing."""
    rows = rows[rows["status"] == "ok"]
    for backend in backend_order(list(rows["backend"])):
        yield backend, rows[rows["backend"] == backend]


def cells(rows: pd.DataFrame) -> "Iterator[tuple[str, pd.Series[Any], pd.DataFrame]]":
    """Yield each measured cell: its backend, its settings by name, and its rows."""
    for backend, own in by_backend(rows):
        for _, cell in own.groupby("key", sort=False):
            yield backend, cell.iloc[0], cell


def where(rows: pd.DataFrame, **settings: Value) -> pd.DataFrame:
    """Return the rows with these settings."""
    for name, wanted in settings.items():
        rows = rows[rows[name] == wanted]
    return rows


def levels(rows: pd.DataFrame, setting: str) -> list[Any]:
    """Return the values of a setting, in order."""
    return sorted(rows[setting].unique())


def values(rows: pd.DataFrame, metric: str, along: str = "index") -> np.ndarray:
    """Return a metric's values in the order of `index` or `layer`."""
    return rows[rows["metric"] == metric].sort_values(along)["value"].to_numpy(float)


def places(rows: pd.DataFrame, metric: str, along: str = "index") -> np.ndarray:
    """Return where a metric was measured: its indices or layers, in order."""
    return rows[rows["metric"] == metric].sort_values(along)[along].to_numpy(int)


def value(rows: pd.DataFrame, metric: str, index: int | None = None) -> float:
    """Return the one value of a metric (at this index), NaN if there is none."""
    found = rows[(rows["metric"] == metric) & ((rows["index"] == index) if index is not None else True)]["value"]
    return float(found.iloc[0]) if len(found) else float("nan")


def members(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a stack's members, one a row, with a column for each metric."""
    return rows[rows["index"].notna()].pivot(index="index", columns="metric", values="value")


def tally(claims: Iterable[Claim], so: str, not_so: str) -> str:
    """Return a finding as a title says it: what was found, and how many claims hold; who failed if any did."""
    judged = decisive(claims)
    failed = sorted({claim.backend for claim in judged if claim.verdict == "fails"})
    held = sum(claim.verdict == "holds" for claim in judged)
    who = f" (not on {', '.join(failed)})" if failed else ""
    return f"{not_so if failed else so}: {held} of {len(judged)} claims hold{who}"


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of cells that were measured."""
    return rows[(rows["status"] == "ok") & rows["metric"].notna()]


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
