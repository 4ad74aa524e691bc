"""The file of a run: a connection for each thing that is done with it, and whatever SQLite raises as one line."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd

from gradsuite.errors import UserError, cause
from gradsuite.runs.formats import FORMAT, OLDER, UPGRADED

FILE = "run.sqlite"
# What SQLite says when the disk or another process is to blame, and not what is in the file.
OUTSIDE = {
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


class Damaged(UserError):
    """A run whose file does not hold what a run holds; `what` is wrong with it."""

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(f"{str(folder)!r} is damaged: {what}; gradsuite repair saves what can be read of it")
        self.what = what


class Unwritable(UserError):
    """A run that cannot be written to now: what it holds stays as it was."""


class Database:
    """The file in a run's folder, of one of the formats."""

    def __init__(self, folder: Path, version: int = FORMAT) -> None:
        self.folder = folder
        self.version = version

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in which the tables have the names of now. Raises Damaged for what cannot be read.

        What is wrong with a value is noticed where it is made a number or a setting: that belongs into this block.
        """
        try:
            with self._connected() as connection:
                connection.executescript(OLDER.get(self.version, ""))
                yield connection
        except UserError:
            raise
        except (sqlite3.Error, pd.errors.DatabaseError, ValueError, TypeError, OverflowError, RecursionError) as error:
            if _outside(error):
                raise UserError(f"cannot read {str(self.folder)!r}: {cause(error)}") from error
            raise Damaged(self.folder, said(error)) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for one transaction, in this version's format.

        Raises Unwritable if nothing can be written, as on a full disk, and Damaged for a file that is none of a run's.
        """
        try:
            if self.version != FORMAT:
                self._upgrade()
            with self._connected() as connection:
                yield connection
        except sqlite3.Error as error:
            if _outside(error):
                raise Unwritable(f"cannot write to {str(self.folder)!r}: {cause(error)}") from error
            if isinstance(error, sqlite3.IntegrityError | sqlite3.InterfaceError | sqlite3.ProgrammingError):
                raise  # what was to be written is at fault
            raise Damaged(self.folder, said(error)) from error

    def _upgrade(self) -> None:
        with self._connected() as connection:
            connection.executescript(OLDER[self.version])
            (stored,) = connection.execute("PRAGMA user_version").fetchone()  # another process may have been faster
            connection.executescript(UPGRADED.get(stored, ""))
        self.version = FORMAT

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        # One connection per operation: nothing to close, and nothing held open while a trial runs for hours.
        address = f"{(self.folder / FILE).resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True)) as connection, connection:
            yield connection


def said(error: Exception) -> str:
    """Return what is wrong with a file, in few words."""
    return " ".join(f"its {FILE} says {cause(error)!r}".split())[:150]


def _outside(error: BaseException | None) -> bool:
    """Whether this, or what it was raised from, is about the disk or another process."""
    while error is not None:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in OUTSIDE:
            return True
        error = error.__cause__ or error.__context__
    return False
