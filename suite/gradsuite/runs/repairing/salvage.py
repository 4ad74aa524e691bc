"""Rows that can be read of a damaged file of SQLite's, and between which of them something is lost."""

import shutil
import sqlite3
import tempfile
from bisect import bisect
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from gradsuite.runs.damage import MAGIC
from gradsuite.runs.database import FILE

PATIENCE = 100_000  # places that cannot be read, after which the rest of a table is given up
LEAST = 8  # bytes that a row takes
LOST = "\N{REPLACEMENT CHARACTER}"  # in a text, where a byte was damaged


@dataclass(slots=True)
class Salvaged:
    """The rows of a table in their order, each with its rowid, and the places in `rows` before which some are lost."""

    columns: tuple[str, ...]
    rows: list[tuple[int, tuple[Any, ...]]] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield rows by column, with their `rowid`."""
        for rowid, row in self.rows:
            yield {"rowid": rowid, **dict(zip(self.columns, row, strict=True))}


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection to a copy of a run's file: what is damaged stays as it is, for whoever can do more."""
    with tempfile.TemporaryDirectory(prefix="gradsuite-") as temporary:
        copy = Path(temporary) / FILE
        shutil.copyfile(folder / FILE, copy)
        journal = f"{FILE}-journal"  # of a transaction that was broken off: SQLite takes it back
        if (folder / journal).exists():
            shutil.copyfile(folder / journal, copy.with_name(journal))
        with copy.open("r+b") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                stream.seek(0)
                stream.write(MAGIC)
        with closing(sqlite3.connect(copy)) as connection:
            connection.text_factory = lambda content: content.decode(errors="replace")
            connection.execute("PRAGMA writable_schema = ON")  # else a file that was cut short is not read at all
            yield connection


def tables(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """Return the columns of each table, as far as they can be read."""
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = "SELECT name FROM pragma_table_info(?)"
        return {name: tuple(column for (column,) in connection.execute(columns, (name,))) for name in names}
    except sqlite3.Error:
        return {}


def salvaged(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> Salvaged:
    """Return what can be read of a table: where a page is damaged, the rows on all others."""
    found = Salvaged(tuple(columns))
    named = ", ".join(f'"{column}"' for column in columns)
    query = f"SELECT rowid, {named} FROM {table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid"
    # The widest pieces first: what is damaged is narrowed down, and all that is whole is read on the way.
    pieces, failed, gaps = deque([(1, last(connection, table))]), 0, []
    while pieces and failed < PATIENCE:
        low, high = pieces.popleft()
        try:
            for rowid, *row in connection.execute(query, (low, high)):
                if not low <= rowid <= high:  # SQLite does not notice that it goes through a page again, without end
                    raise sqlite3.DatabaseError(f"row {rowid} has no place here")
                found.rows.append((rowid, tuple(row)))
                low = rowid + 1
        except sqlite3.Error:
            failed += 1
            if low < high:
                middle = (low + high) // 2
                pieces += [(low, middle), (middle + 1, high)]
            elif low == high:
                gaps.append(low)
    found.rows.sort(key=itemgetter(0))
    rowids = [rowid for rowid, _ in found.rows]
    found.gaps = sorted({bisect(rowids, low) for low in (*gaps, *(low for low, _ in pieces))})
    return found


def indexed(connection: sqlite3.Connection, kind: str) -> dict[int, int]:
    """Return how many measurements each trial has by the index of them; nothing where that cannot be read."""
    query = f"SELECT {kind}_id, count(*) FROM measurements INDEXED BY measurements_by_{kind} GROUP BY {kind}_id"
    try:
        return dict(connection.execute(query).fetchall())
    except sqlite3.Error:
        return {}


def last(connection: sqlite3.Connection, table: str) -> int:
    """Return the last rowid of a table, or one that is not below it."""
    try:
        (rowid,) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
        return rowid or 0
    except sqlite3.Error:
        pages = connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(pages.fetchone()[0]) // LEAST
