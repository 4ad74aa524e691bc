"""A run on disk: one folder with one SQLite file, written by the host alone.

Every finished trial is one transaction. Besides the tables there is nothing in the file: `pandas.read_sql` reads it.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import pandas as pd

from gradsuite.claims import Claim, Resolution, Source
from gradsuite.errors import UserError, unknown
from gradsuite.experiment import Result, Trial
from gradsuite.plugins import installed
from gradsuite.rows import COLUMNS
from gradsuite.runs.formats import CLAIM_COLUMNS, FORMAT, OLDER, SCHEMA, UPGRADED
from gradsuite.runs.machines import machine_name
from gradsuite.runs.names import located

FILE = "run.sqlite"
OUTCOME = ("key", "experiment", "backend", "device", "settings", "status", "reason", "stderr", "seconds")
TRIAL_COLUMNS = (*OUTCOME, "machine", "run")
MEASURED = ("metric", "layer", "index", "member", "value", "unit", "note")
MACHINE = "coalesce(nullif(machine, ''), :own) AS machine"
SHOWN = 10  # runs named to a user who misspelled one


class Run:
    """A folder with everything one invocation measured, or that several did and `merge` put together.

    `machine` is None, or the one machine of a merged run that this is the part of.
    """

    def __init__(self, path: Path, version: int = FORMAT, machine: str | None = None) -> None:
        """Use `create` or `open`."""
        self.path = path
        self.version = version
        self.machine = machine

    @classmethod
    def create(cls, folder: str | Path, meta: Mapping[str, Any]) -> Self:
        """Make a run in a folder of its own. Raises UserError if it cannot be written there."""
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path / FILE)) as database:
                database.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise UserError(f"cannot write a run into {str(folder)!r}: {cause(error)}") from error
        run = cls(path)
        run.note(meta)
        return run

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a run that exists: its folder, or the name of one in `results`, such as `latest`.

        Raises UserError if there is none, with the nearest one beside it.
        """
        run = cls(located(path))
        if not run.path.exists():
            beside = [str(path.parent) for path in run.path.parent.glob(f"*/{FILE}")]
            raise unknown("run", path, get_close_matches(str(path), beside, n=SHOWN, cutoff=0.0))
        try:
            with run._database() as database:
                (version,) = database.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise UserError(f"{str(path)!r} is no run: its {FILE} cannot be read ({cause(error)})") from error
        if version not in (*OLDER, FORMAT):
            raise UserError(f"{str(path)!r} is no run that this version reads: format {version}, not 1 to {FORMAT}")
        run.version = version
        return run

    def require_current(self, verb: str) -> None:
        """Raise UserError for a run of a format so old that it can be read and exported, but not changed."""
        if self.version not in (*UPGRADED, FORMAT):
            raise UserError(
                f"{str(self.path)!r} was written in format {self.version} and cannot be {verb}: its measurements and "
                "claims can be read (gradsuite export, gradsuite claims); to have more, measure anew"
            )

    def require_resumable(self) -> None:
        """Raise UserError for a run that cannot be gone on with."""
        self.require_current("resumed")
        if "runs" in self.meta:
            raise UserError(f"{str(self.path)!r} was merged of other runs: resume those, and merge them again")
        if origins := self.meta.get("origins"):
            raise UserError(f"{str(self.path)!r} has code of another state ({', '.join(origins)}): run the bench again")

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

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one that writes. Raises UserError if another process does already."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with this process, however that ends
            yield
        except BlockingIOError as error:
            raise UserError(f"{str(self.path)!r} is being written by another process: wait for it to end") from error
        finally:
            os.close(folder)

    @property
    def meta(self) -> dict[str, Any]:
        """What was asked for, of which backends, on which machine."""
        with self._database() as database:
            return {name: json.loads(value) for name, value in database.execute("SELECT name, value FROM meta")}

    def blocked(self) -> list[str]:
        """Return the plugins that were blocked when this run was measured, as far as they are installed here."""
        return [name for name in self.meta.get("configuration", {}).get("no-plugin", ()) if name in installed()]

    def note(self, meta: Mapping[str, Any]) -> None:
        """Add to the meta data, or replace what has the same name."""
        with self._upgraded() as database:
            rows = [(name, json.dumps(value)) for name, value in meta.items()]
            database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def add(self, trial: Trial, key: str, result: Result) -> None:
        """Store a finished trial durably, in place of what its key had."""
        with self._upgraded() as database:
            database.execute("DELETE FROM measurements WHERE trial_id IN (SELECT id FROM trials WHERE key = ?)", (key,))
            database.execute("DELETE FROM trials WHERE key = ?", (key,))
            settings = json.dumps(dict(trial.settings), sort_keys=True)
            about = (key, trial.experiment, trial.backend, trial.device, settings)
            outcome = (result.status, result.reason, result.stderr, result.seconds)
            rows = ((m.metric, m.layer, m.index, m.member, m.value, m.unit, m.note) for m in result.measurements)
            insert(database, (*about, *outcome, result.machine, ""), rows)

    def take(self, trials: Iterable[tuple[Sequence[Any], Iterable[Sequence[Any]]]]) -> None:
        """Store trials that other runs measured, all of them or none: TRIAL_COLUMNS and MEASURED of each."""
        with self._upgraded() as database:
            for trial, rows in trials:
                insert(database, trial, rows)

    def keep_claims(self, experiment: str, claims: Iterable[Claim]) -> None:
        """Store the claims of one experiment, in place of those it had."""
        with self._upgraded() as database:
            machine = self.machine or ""
            database.execute("DELETE FROM claims WHERE experiment = ? AND machine = ?", (experiment, machine))
            values = ", ".join(f":{column}" for column in CLAIM_COLUMNS)
            rows = [{**claim.row(), "machine": machine} for claim in claims]
            rows = [{name: writable(value) for name, value in row.items()} for row in rows]
            database.executemany(f"INSERT INTO claims ({', '.join(CLAIM_COLUMNS)}) VALUES ({values})", rows)

    def claims(self) -> pd.DataFrame:
        """Return one row per claim and backend, with CLAIM_COLUMNS, as they were judged."""
        numbers = ("expected", "measured", "tolerance", "resolution")
        kinds: Any = dict.fromkeys(numbers, "float64") | {"checked": "bool"}
        with self._database() as database:
            return pd.read_sql_query(
                f"SELECT {', '.join(CLAIM_COLUMNS)} FROM claims WHERE machine = coalesce(?, machine) ORDER BY rowid",
                database,
                params=(self.machine,),
                dtype=kinds,
            )

    def claims_of(self, experiment: str) -> list[Claim]:
        """Return the claims of one experiment, as they were judged."""
        rows = self.claims()
        return [
            Claim(
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
            for row in rows[rows["experiment"] == experiment].to_dict("records")
        ]

    def statuses(self) -> dict[str, str]:
        """Return the status of every stored trial by its key."""
        with self._database() as database:
            return dict(database.execute("SELECT key, status FROM trials"))

    def trials(self) -> pd.DataFrame:
        """Return one row per trial: key, experiment, backend, device, settings (JSON), status and what became of it.

        Last come the machine that measured it and the run that it was measured in.
        """
        columns = ", ".join(OUTCOME)
        with self._database() as database:
            return pd.read_sql_query(
                f"SELECT {columns}, {MACHINE}, coalesce(nullif(run, ''), :run) AS run FROM current"
                " WHERE machine = coalesce(:part, machine) ORDER BY id",
                database,
                params={**self._whose(database), "run": readable(self.path.name)},
            )

    def measurements(self) -> pd.DataFrame:
        """Return one row per measurement, with COLUMNS; a trial without any has one row without a metric."""
        return self._tidy(None)

    def frame(self, experiment: str) -> pd.DataFrame:
        """Return the measurements of one experiment, with a column for each of its settings."""
        rows = self._tidy(experiment)
        texts = rows["settings"].unique()
        settings = pd.DataFrame([json.loads(text) for text in texts], index=texts)
        new = [name for name in settings.columns if name not in rows.columns]
        return rows.join(settings[new], on="settings")

    def _tidy(self, experiment: str | None) -> pd.DataFrame:
        with self._database() as database:
            rows = pd.read_sql_query(
                "SELECT experiment, backend, json_extract(settings, '$.cell') AS cell,"
                " json_extract(settings, '$.dtype') AS dtype, device, settings, key, metric, layer, "
                f' "index", member, value, unit, note, status, {MACHINE} FROM current'
                " LEFT JOIN measurements ON trial_id = id WHERE experiment = coalesce(:experiment, experiment)"
                " AND machine = coalesce(:part, machine) ORDER BY id, measurements.rowid",
                database,
                params={**self._whose(database), "experiment": experiment},
                dtype={"layer": "Int64", "index": "Int64", "member": "Int64", "value": "float64"},
            )
        return rows[list(COLUMNS)]

    def _whose(self, database: sqlite3.Connection) -> dict[str, str | None]:
        """Return what MACHINE asks for: the name of a run's own machine; and the machine whose part this is, if any."""
        stored = database.execute("SELECT value FROM meta WHERE name = 'machine'").fetchone()
        return {"own": machine_name(json.loads(stored[0])) if stored else "", "part": self.machine}

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        # One connection per operation: nothing to close, and nothing held open while a trial runs for hours.
        address = f"{(self.path / FILE).resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True)) as database, database:
            database.executescript(OLDER.get(self.version, ""))
            yield database

    def _upgraded(self) -> AbstractContextManager[sqlite3.Connection]:
        """Return the database for writing, in this version's format."""
        if self.version != FORMAT:
            with self._database() as database:
                (stored,) = database.execute("PRAGMA user_version").fetchone()  # another process may have been faster
                database.executescript(UPGRADED.get(stored, ""))
            self.version = FORMAT
        return self._database()


def writable(value: Any) -> Any:
    """Return a text without what no file can hold: half a character, as of a message cut off in between."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def insert(database: sqlite3.Connection, trial: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    """Add a trial (TRIAL_COLUMNS) and what was measured (MEASURED)."""
    places = ", ".join("?" * len(TRIAL_COLUMNS))
    insertion = f"INSERT INTO trials ({', '.join(TRIAL_COLUMNS)}) VALUES ({places})"
    added = database.execute(insertion, tuple(map(writable, trial))).lastrowid
    written = ((added, *map(writable, row)) for row in rows)
    database.executemany("INSERT INTO measurements VALUES (?, ?, ?, ?, ?, ?, ?, ?)", written)


def readable(name: str) -> str:
    """Return a file's name as text that can be stored: bytes that are no UTF-8 as escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def cause(error: Exception) -> str:
    """Return what went wrong without Python's numbers and paths."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
