"""Reading an experiment's rows: per backend, per trial, by metric; and what its claims amount to."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Claim
from gradsuite.report.palette import backend_order

if TYPE_CHECKING:
    import pandas as pd


def measured(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of trials that were measured."""
    return rows[(rows["status"] == "ok") & rows["metric"].notna()]


def by_backend(rows: "pd.DataFrame") -> "Iterator[tuple[str, pd.DataFrame]]":
    """Yield each backend with what it measured, in the report's order; none that measured nothing."""
    rows = rows[rows["status"] == "ok"]
    for backend in backend_order(list(rows["backend"])):
        yield backend, rows[rows["backend"] == backend]


def trials(rows: "pd.DataFrame") -> "Iterator[tuple[str, pd.Series[Any], pd.DataFrame]]":
    """Yield each measured trial: its backend, its settings by name, and its rows."""
    for backend, rows_of_backend in by_backend(rows):
        for _, trial in rows_of_backend.groupby("key", sort=False):
            yield backend, trial.iloc[0], trial


def where(rows: "pd.DataFrame", **columns: Any) -> "pd.DataFrame":
    """Return the rows with these values in these columns."""
    for name, wanted in columns.items():
        rows = rows[rows[name] == wanted]
    return rows


def levels(rows: "pd.DataFrame", setting: str) -> list[Any]:
    """Return the values of a setting, in order."""
    return sorted(rows[setting].unique())


def values(rows: "pd.DataFrame", metric: str, along: str = "index", **columns: Any) -> np.ndarray:
    """Return a metric's values in the order of `index`, `layer` or `member`, of the rows with these columns."""
    return where(rows, metric=metric, **columns).sort_values(along)["value"].to_numpy(float)


def places(rows: "pd.DataFrame", metric: str, along: str = "index", **columns: Any) -> np.ndarray:
    """Return where a metric was measured: its indices, layers or members, in order."""
    return where(rows, metric=metric, **columns).sort_values(along)[along].to_numpy(int)


def value(rows: "pd.DataFrame", metric: str, **columns: Any) -> float:
    """Return the one value of a metric, of the rows with these columns; NaN if there is none."""
    numbers = where(rows, metric=metric, **columns)["value"]
    return float(numbers.iloc[0]) if len(numbers) else float("nan")


def members(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return one row per member (network of a stack), with a column per metric."""
    return rows[rows["member"].notna()].pivot(index="member", columns="metric", values="value")


def tally(claims: Iterable[Claim], so: str, not_so: str) -> str:
    """Return a finding as a title says it: what was found, and how many claims hold; which backends fail, if any do."""
    claims = list(claims)
    if not claims:
        return f"{so}: no claim was judged"
    failed = sorted({claim.backend for claim in claims if claim.verdict == "fails"})
    held = sum(claim.verdict == "holds" for claim in claims)
    where_not = f" (not on {', '.join(failed)})" if failed else ""
    return f"{not_so if failed else so}: {held} of {len(claims)} claims hold{where_not}"


def spread(numbers: "Sequence[float] | pd.Series[Any]", form: str) -> str:
    """Return the range of numbers in words, `9 to 138`: one number if its ends read alike, and nothing for none."""
    ends = [f"{end:{form}}" for end in (min(numbers), max(numbers))] if len(numbers) else []
    return " to ".join(dict.fromkeys(ends))


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
