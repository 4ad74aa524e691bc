"""The claims of a run as they were judged: kept, and read back."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from gradsuite.claims import Claim, Resolution, Source
from gradsuite.runs.formats import CLAIM_COLUMNS
from gradsuite.runs.outcome import text

CLAIMS = f"SELECT {', '.join(CLAIM_COLUMNS)} FROM claims WHERE machine = coalesce(:part, machine) ORDER BY rowid"
KINDS: Any = dict.fromkeys(("expected", "measured", "tolerance", "resolution"), "float64") | {"checked": "bool"}


def keep(connection: sqlite3.Connection, machine: str, experiment: str, claims: Iterable[Claim]) -> None:
    """Store the claims of one experiment on one machine, in place of those it had."""
    connection.execute("DELETE FROM claims WHERE experiment = ? AND machine = ?", (experiment, machine))
    values = ", ".join(f":{column}" for column in CLAIM_COLUMNS)
    rows = [{**claim.row(), "machine": machine} for claim in claims]
    rows = [{name: text(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows]
    connection.executemany(f"INSERT INTO claims ({', '.join(CLAIM_COLUMNS)}) VALUES ({values})", rows)


def read(connection: sqlite3.Connection, part: str | None) -> pd.DataFrame:
    """Return one row per claim and backend, with CLAIM_COLUMNS; of one machine's part of a merged run, or all."""
    return pd.read_sql_query(CLAIMS, connection, params={"part": part}, dtype=KINDS)


def claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Yield the claims in these rows."""
    for row in rows.to_dict("records"):
        yield Claim(
            name=row["name"],
            backend=row["backend"],
            sentence=row["sentence"],
            source=Source(row["source"], row["checked"]),
            expected=row["expected"],
            measured=row["measured"],
            tolerance=row["tolerance"],
            resolution=Resolution(row["resolution"], row["quantity"] or ""),
            relation=row["relation"],
        )
