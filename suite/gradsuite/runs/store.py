"""A run on disk: one folder with one SQLite file, written by the host alone.

Every finished cell is one transaction. Besides the tables there is nothing in the file: `pandas.read_sql` reads it.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import pandas as pd

from gradsuite.claims import Claim
from gradsuite.errors import UserError, unknown
from gradsuite.experiment import Cell
from gradsuite.result import Result

FILE = "run.sqlite"
SHOWN = 10  # runs named to who misspelled one
FORMAT = 1  # PRAGMA user_version
COLUMNS = (
    "experiment",
    "backend",
    "cell",
    "dtype",
    "device",
    "settings",
    "key",
    "metric",
    "layer",
    "index",
    "value",
    "unit",
    "status",
)
# SQLite stores NaN as NULL: a measurement with a metric and no value was NaN. Infinities are stored as they are.
SCHEMA = f"""
PRAGMA user_version = {FORMAT};
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE cells (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    experiment TEXT NOT NULL,
    backend TEXT NOT NULL,
    device TEXT NOT NULL,
    settings TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ok', 'unsupported', 'invalid', 'timeout', 'error')),
    reason TEXT NOT NULL,
    stderr TEXT NOT NULL,
    seconds REAL NOT NULL
);
CREATE TABLE measurements (
    cell_id INTEGER NOT NULL REFERENCES cells (id),
    metric TEXT NOT NULL,
    layer INTEGER,
    "index" INTEGER,
    value REAL,
    unit TEXT NOT NULL
);
CREATE INDEX measurements_by_cell ON measurements (cell_id);
CREATE TABLE claims (
    experiment TEXT NOT NULL,
    backend TEXT NOT NULL,
    sentence TEXT NOT NULL,
    source TEXT NOT NULL,
    expected REAL,
    measured REAL,
    tolerance REAL,
    relation TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('holds', 'fails'))
);
-- A cell measured again, with other versions, has a new key: the last one counts.
CREATE VIEW current AS
    SELECT * FROM cells WHERE id IN (SELECT max(id) FROM cells GROUP BY experiment, backend, device, settings);
"""


class Run:
    """A folder with everything one invocation measured."""

    def __init__(self, path: Path) -> None:
        """Use `create` or `open`."""
        self.path = path

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
        """Open a run that exists. Raises UserError if there is none, with the nearest one beside it."""
        run = cls(Path(path))
        if not run.path.exists():
            beside = [str(found.parent) for found in run.path.parent.glob(f"*/{FILE}")]
            raise unknown("run", path, get_close_matches(str(path), beside, n=SHOWN, cutoff=0.0))
        try:
            with run._database() as database:
                (version,) = database.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise UserError(f"{str(path)!r} is no run: its {FILE} cannot be read ({cause(error)})") from error
        if version != FORMAT:
            raise UserError(f"{str(path)!r} is no run that this version reads: format {version}, not {FORMAT}")
        return run

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

    def note(self, meta: Mapping[str, Any]) -> None:
        """Add to the meta data, or replace what has the same name."""
        with self._database() as database:
            rows = [(name, json.dumps(value)) for name, value in meta.items()]
            database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def add(self, cell: Cell, key: str, result: Result) -> None:
        """Store a finished cell durably, in place of what its key had."""
        with self._database() as database:
            database.execute("DELETE FROM measurements WHERE cell_id IN (SELECT id FROM cells WHERE key = ?)", (key,))
            database.execute("DELETE FROM cells WHERE key = ?", (key,))
            settings = json.dumps(dict(cell.settings), sort_keys=True)
            about = (key, cell.experiment, cell.backend, cell.device, settings)
            outcome = (result.status, result.reason, result.stderr, result.seconds)
            cell_id = database.execute(
                "INSERT INTO cells (key, experiment, backend, device, settings, status, reason, stderr, seconds)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                about + outcome,
            ).lastrowid
            database.executemany(
                "INSERT INTO measurements VALUES (?, ?, ?, ?, ?, ?)",
                ((cell_id, m.metric, m.layer, m.index, m.value, m.unit) for m in result.measurements),
            )

    def keep_claims(self, experiment: str, claims: Iterable[Claim]) -> None:
        """Store the claims of one experiment, in place of those it had."""
        with self._database() as database:
            database.execute("DELETE FROM claims WHERE experiment = ?", (experiment,))
            rows = [tuple(claim.row().values()) for claim in claims]
            database.executemany("INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def claims(self) -> pd.DataFrame:
        """Return one row a claim: experiment, backend, sentence, source, what was expected and measured, verdict."""
        numbers = dict.fromkeys(("expected", "measured", "tolerance"), "float64")
        with self._database() as database:
            return pd.read_sql_query("SELECT * FROM claims ORDER BY rowid", database, dtype=numbers)

    def statuses(self) -> dict[str, str]:
        """Return the status of every stored cell by its key."""
        with self._database() as database:
            return dict(database.execute("SELECT key, status FROM cells"))

    def cells(self) -> pd.DataFrame:
        """Return one row a cell: key, experiment, backend, device, settings (JSON), status, reason, stderr, seconds."""
        columns = "key, experiment, backend, device, settings, status, reason, stderr, seconds"
        with self._database() as database:
            return pd.read_sql_query(f"SELECT {columns} FROM current ORDER BY id", database)

    def measurements(self) -> pd.DataFrame:
        """Return one row a measurement, with COLUMNS; a cell without any has one row without a metric."""
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
                ' "index", value, unit, status FROM current LEFT JOIN measurements ON cell_id = id'
                " WHERE experiment = coalesce(?, experiment) ORDER BY id, measurements.rowid",
                database,
                params=(experiment,),
                dtype={"layer": "Int64", "index": "Int64", "value": "float64"},
            )
        return rows[list(COLUMNS)]

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        # One connection an operation: nothing to close, and nothing held open while a cell runs for hours.
        address = f"{(self.path / FILE).resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True)) as database, database:
            yield database


def cause(error: Exception) -> str:
    """Return what went wrong without Python's numbers and paths."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
