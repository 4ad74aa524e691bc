"""A run on disk: one folder with one SQLite file, written by the host alone.

Every finished trial is one transaction. Besides the tables there is nothing in the file: `pandas.read_sql` reads it.
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

from gradsuite.claims import Claim, Source
from gradsuite.errors import UserError, unknown
from gradsuite.experiment import Result, Trial
from gradsuite.plugins import installed
from gradsuite.rows import COLUMNS

FILE = "run.sqlite"
SHOWN = 10  # runs named to a user who misspelled one
FORMAT = 2  # PRAGMA user_version
# SQLite stores NaN as NULL: a measurement with a metric and no value was NaN. Infinities are stored as they are.
SCHEMA = f"""
PRAGMA user_version = {FORMAT};
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (
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
    trial_id INTEGER NOT NULL REFERENCES trials (id),
    metric TEXT NOT NULL,
    layer INTEGER,
    "index" INTEGER,
    member INTEGER,
    value REAL,
    unit TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX measurements_by_trial ON measurements (trial_id);
CREATE TABLE claims (
    name TEXT NOT NULL,
    experiment TEXT NOT NULL,
    backend TEXT NOT NULL,
    sentence TEXT NOT NULL,
    source TEXT NOT NULL,
    checked INTEGER NOT NULL,
    expected REAL,
    measured REAL,
    tolerance REAL,
    relation TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('holds', 'fails')),
    UNIQUE (name, backend)
);
-- A trial measured again, with other versions, has a new key: the last one counts.
CREATE VIEW current AS
    SELECT * FROM trials WHERE id IN (SELECT max(id) FROM trials GROUP BY experiment, backend, device, settings);
"""
# What a run of format 1 is read through: it had cells where there are trials now, and claims without a name.
FORMAT_1 = """
CREATE TEMP VIEW trials AS SELECT * FROM main.cells;
CREATE TEMP VIEW measurements AS
    SELECT rowid AS rowid, cell_id AS trial_id, metric, layer, "index", NULL AS member, value, unit, '' AS note
    FROM main.measurements;
CREATE TEMP VIEW claims AS
    SELECT rowid AS rowid, experiment || '/' || min(rowid) OVER (PARTITION BY experiment, sentence) AS name,
        experiment, backend, sentence, source, 1 AS checked, expected, measured, tolerance, relation, verdict
    FROM main.claims;
"""
CLAIM_COLUMNS = (
    "name",
    "experiment",
    "backend",
    "sentence",
    "source",
    "checked",
    "expected",
    "measured",
    "tolerance",
    "relation",
    "verdict",
)


class Run:
    """A folder with everything one invocation measured."""

    def __init__(self, path: Path, version: int = FORMAT) -> None:
        """Use `create` or `open`."""
        self.path = path
        self.version = version

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
            beside = [str(path.parent) for path in run.path.parent.glob(f"*/{FILE}")]
            raise unknown("run", path, get_close_matches(str(path), beside, n=SHOWN, cutoff=0.0))
        try:
            with run._database() as database:
                (version,) = database.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise UserError(f"{str(path)!r} is no run: its {FILE} cannot be read ({cause(error)})") from error
        if version not in (1, FORMAT):
            raise UserError(f"{str(path)!r} is no run that this version reads: format {version}, not 1 or {FORMAT}")
        run.version = version
        return run

    def require_current(self, verb: str) -> None:
        """Raise UserError for a run of an older format, which can be read and exported, but not changed."""
        if self.version != FORMAT:
            raise UserError(
                f"{str(self.path)!r} was written in format {self.version} and cannot be {verb}: its measurements and "
                "claims can be read (gradsuite export, gradsuite claims); to have more, measure anew"
            )

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
        with self._database() as database:
            rows = [(name, json.dumps(value)) for name, value in meta.items()]
            database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def add(self, trial: Trial, key: str, result: Result) -> None:
        """Store a finished trial durably, in place of what its key had."""
        with self._database() as database:
            database.execute("DELETE FROM measurements WHERE trial_id IN (SELECT id FROM trials WHERE key = ?)", (key,))
            database.execute("DELETE FROM trials WHERE key = ?", (key,))
            settings = json.dumps(dict(trial.settings), sort_keys=True)
            about = (key, trial.experiment, trial.backend, trial.device, settings)
            outcome = (result.status, result.reason, result.stderr, result.seconds)
            trial_id = database.execute(
                "INSERT INTO trials (key, experiment, backend, device, settings, status, reason, stderr, seconds)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                about + outcome,
            ).lastrowid
            database.executemany(
                "INSERT INTO measurements VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (trial_id, m.metric, m.layer, m.index, m.member, m.value, m.unit, m.note)
                    for m in result.measurements
                ),
            )

    def keep_claims(self, experiment: str, claims: Iterable[Claim]) -> None:
        """Store the claims of one experiment, in place of those it had."""
        with self._database() as database:
            database.execute("DELETE FROM claims WHERE experiment = ?", (experiment,))
            values = ", ".join(f":{column}" for column in CLAIM_COLUMNS)
            rows = [claim.row() for claim in claims]
            database.executemany(f"INSERT INTO claims ({', '.join(CLAIM_COLUMNS)}) VALUES ({values})", rows)

    def claims(self) -> pd.DataFrame:
        """Return one row per claim and backend, with CLAIM_COLUMNS, as they were judged."""
        kinds: Any = dict.fromkeys(("expected", "measured", "tolerance"), "float64") | {"checked": "bool"}
        with self._database() as database:
            return pd.read_sql_query(
                f"SELECT {', '.join(CLAIM_COLUMNS)} FROM claims ORDER BY rowid", database, dtype=kinds
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
                relation=row["relation"],
            )
            for row in rows[rows["experiment"] == experiment].to_dict("records")
        ]

    def statuses(self) -> dict[str, str]:
        """Return the status of every stored trial by its key."""
        with self._database() as database:
            return dict(database.execute("SELECT key, status FROM trials"))

    def trials(self) -> pd.DataFrame:
        """Return one row per trial: key, experiment, backend, device, settings (JSON), status and what became of it."""
        columns = "key, experiment, backend, device, settings, status, reason, stderr, seconds"
        with self._database() as database:
            return pd.read_sql_query(f"SELECT {columns} FROM current ORDER BY id", database)

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
                ' "index", member, value, unit, note, status FROM current LEFT JOIN measurements ON trial_id = id'
                " WHERE experiment = coalesce(?, experiment) ORDER BY id, measurements.rowid",
                database,
                params=(experiment,),
                dtype={"layer": "Int64", "index": "Int64", "member": "Int64", "value": "float64"},
            )
        return rows[list(COLUMNS)]

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        # One connection per operation: nothing to close, and nothing held open while a trial runs for hours.
        address = f"{(self.path / FILE).resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True)) as database, database:
            if self.version == 1:
                database.executescript(FORMAT_1)
            yield database


def cause(error: Exception) -> str:
    """Return what went wrong without Python's numbers and paths."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
