"""A run on disk: one folder with one SQLite file, written by the host alone.

Every finished trial is one transaction. Besides the tables there is nothing in the file: `pandas.read_sql` reads it.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, closing, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import pandas as pd

from gradsuite.claims import Claim
from gradsuite.errors import UserError, cause, unknown
from gradsuite.experiment import Result, Trial
from gradsuite.hosting.points import installed
from gradsuite.runs import claimed, meta, tables
from gradsuite.runs.damage import CHECKED, require_sound, version_of
from gradsuite.runs.database import FILE, Database
from gradsuite.runs.formats import FORMAT, SCHEMA
from gradsuite.runs.lock import alone
from gradsuite.runs.names import located
from gradsuite.runs.outcome import ADD_MEASUREMENT, ADD_TRIAL, Stored, outcome

SHOWN = 10  # runs named to a user who misspelled one


class Run:
    """A folder with everything one invocation measured, or that several did and `merge` put together.

    `machine` is None, or the one machine of a merged run that this is the part of. Whatever is read raises Damaged if
    it is not what a run holds, and whatever is written raises Unwritable if nothing can be: both are UserErrors.
    """

    def __init__(self, path: Path, version: int = FORMAT, machine: str | None = None) -> None:
        """Use `create` or `open`."""
        self.path = path
        self.machine = machine
        self.database = Database(path, version)

    @classmethod
    def create(cls, folder: str | Path, meta_data: Mapping[str, Any]) -> Self:
        """Make a run in a folder, whole with its meta data or not at all.

        Raises UserError if it cannot be written there, or if there is one.
        """
        path = Path(folder)
        if (path / FILE).exists():
            raise UserError(f"{str(folder)!r} has a run already: choose another folder")
        part = path / f".{FILE}.{os.getpid()}.part"
        try:
            path.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(part)) as connection, connection:
                connection.executescript(f"BEGIN; {SCHEMA}")  # one transaction: the disk is waited for once
                meta.write(connection, meta_data)
            part.replace(path / FILE)
        except (OSError, sqlite3.Error) as error:
            raise UserError(f"cannot write a run into {str(folder)!r}: {cause(error)}") from error
        finally:
            with suppress(OSError):
                part.unlink()
        return cls(path)

    @classmethod
    def open(cls, path: str | Path, *, rows: bool = True) -> Self:
        """Open a run that exists: its folder, or the name of one in `results`, such as `latest`.

        Raises UserError if there is none, with the nearest one beside it; Damaged if it cannot be read as a whole.
        Without `rows` what its tables hold is looked at where it is read: a large run is opened at once.
        """
        folder = located(path)
        if not folder.exists():
            beside = [str(path.parent) for path in folder.parent.glob(f"*/{FILE}")]
            raise unknown("run", path, get_close_matches(str(path), beside, n=SHOWN, cutoff=0.0))
        version = version_of(folder)
        require_sound(folder, version, up_to=CHECKED if rows else 0)
        return cls(folder, version)

    @property
    def version(self) -> int:
        """The format that its file has."""
        return self.database.version

    def require_resumable(self) -> None:
        """Raise UserError for a run that cannot be gone on with."""
        if "runs" in self.meta:
            raise UserError(f"{str(self.path)!r} was merged of other runs: resume those, and merge them again")
        if origins := self.meta.get("origins"):
            raise UserError(f"{str(self.path)!r} has code of another state ({', '.join(origins)}): run the bench again")
        if "configuration" not in self.meta:
            raise UserError(f"{str(self.path)!r} does not say what it was asked for, so it cannot be resumed")

    @property
    def merged(self) -> Mapping[str, Any]:
        """The facts of each machine by its name, if this run is of several: merged, or measured on a cluster."""
        meta = self.meta
        hosts: Mapping[str, Any] = meta.get("hosts", {})
        machines: Mapping[str, Any] = meta.get("machines", hosts if len(hosts) > 1 else {})
        return machines

    def parts(self, experiment: str | None = None) -> "list[Run]":
        """Return what each machine measured, of one experiment or all, as a run by itself; of one machine, this run.

        What compares backends is asked of each part in its turn: it sees no other machine's rows. An experiment that
        times nothing, spread over a cluster, is one part: its rows do not depend on the machine.
        """
        if not self.merged or self.machine is not None or experiment in self.meta.get("together", ()):
            return [self]
        trials = self.trials()
        wanted = trials[trials["experiment"] == experiment] if experiment else trials
        measured = set(wanted["machine"])
        return [self.part(machine) for machine in self.merged if machine in measured]

    def part(self, machine: str | None) -> "Run":
        """Return what this machine measured, as a run by itself; of None, this run."""
        return Run(self.path, self.version, machine) if machine is not None else self

    @property
    def tag(self) -> str:
        """What tells this part of a merged run from others where a name has to be short: `-machine-2`, else nothing."""
        return "" if self.machine is None else f"-machine-{list(self.merged).index(self.machine) + 1}"

    def writing(self) -> AbstractContextManager[None]:
        """Be the only one that measures into it. Raises UserError if another process does already."""
        return alone(self.path)

    @property
    def meta(self) -> dict[str, Any]:
        """What was asked for, of which backends, on which machine."""
        with self.database.reading() as connection:
            return meta.read(connection)

    def blocked(self) -> list[str]:
        """Return the plugins that were blocked when this run was measured, as far as they are installed here."""
        return [name for name in self.meta.get("configuration", {}).get("no-plugin", ()) if name in installed()]

    def note(self, meta_data: Mapping[str, Any]) -> None:
        """Add to the meta data, or replace what has the same name."""
        with self.database.writing() as connection:
            meta.write(connection, meta_data)

    def add(self, trial: Trial, key: str, result: Result) -> Result:
        """Store a finished trial durably, in place of what its key had, and return what was stored.

        That is an `error` with its reason where the result is nothing that can be.
        """
        stored = outcome(trial, key, result)
        with self.database.writing() as connection:
            had = connection.execute("SELECT id FROM trials WHERE key = ?", (key,)).fetchall()
            connection.executemany("DELETE FROM measurements WHERE trial_id = ?", had)
            connection.executemany("DELETE FROM trials WHERE id = ?", had)
            insert(connection, stored)
        return stored.result

    def take(self, trials: Iterable[Stored]) -> None:
        """Store trials that other runs measured, all of them or none."""
        with self.database.writing() as connection:
            for trial in trials:
                insert(connection, trial)

    def keep_claims(self, experiment: str, claims: Iterable[Claim]) -> None:
        """Store the claims of one experiment, in place of those it had."""
        with self.database.writing() as connection:
            claimed.keep(connection, self.machine or "", experiment, claims)

    def claims(self) -> pd.DataFrame:
        """Return one row per claim and backend, with CLAIM_COLUMNS, as they were judged."""
        with self.database.reading() as connection:
            return claimed.read(connection, self.machine)

    def claims_of(self, experiment: str) -> list[Claim]:
        """Return the claims of one experiment, as they were judged."""
        with self.database.reading() as connection:
            rows = claimed.read(connection, self.machine)
            return list(claimed.claims(rows[rows["experiment"] == experiment]))

    def statuses(self) -> dict[str, str]:
        """Return the status of every stored trial by its key."""
        with self.database.reading() as connection:
            return dict(connection.execute("SELECT key, status FROM trials"))

    def trials(self) -> pd.DataFrame:
        """Return one row per trial: key, experiment, backend, device, settings (JSON), status and what became of it.

        Last come the machine that measured it and the run that it was measured in.
        """
        with self.database.reading() as connection:
            return tables.trials(connection, self.machine, readable(self.path.name))

    def measurements(self) -> pd.DataFrame:
        """Return one row per measurement, with COLUMNS; a trial without any has one row without a metric."""
        with self.database.reading() as connection:
            return tables.tidy(connection, self.machine, None)

    def frame(self, experiment: str) -> pd.DataFrame:
        """Return the measurements of one experiment, with a column for each of its settings."""
        with self.database.reading() as connection:
            return tables.with_settings(tables.tidy(connection, self.machine, experiment))

    def count(self, experiment: str) -> int:
        """Return how many measurements there are of one experiment."""
        with self.database.reading() as connection:
            return tables.count(connection, self.machine, experiment)


def insert(connection: sqlite3.Connection, stored: Stored) -> None:
    """Add a trial and what was measured."""
    added = connection.execute(ADD_TRIAL, stored.trial).lastrowid
    connection.executemany(ADD_MEASUREMENT, ((added, *row) for row in stored.rows))


def readable(name: str) -> str:
    """Return a file's name as text that can be stored: bytes that are no UTF-8 as escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
