"""The tables of a run's file, and what a run of an older format is read through."""

FORMAT = 4  # PRAGMA user_version
# Whose trials and claims they are, in a run that was merged of several: the machine's name, and the run's. Both are
# empty where a run is of one machine, which its meta data describe.
TRIALS = """(
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    experiment TEXT NOT NULL,
    backend TEXT NOT NULL,
    device TEXT NOT NULL,
    settings TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ok', 'unsupported', 'invalid', 'timeout', 'error')),
    reason TEXT NOT NULL,
    stderr TEXT NOT NULL,
    seconds REAL NOT NULL,
    machine TEXT NOT NULL DEFAULT '',
    run TEXT NOT NULL DEFAULT '',
    UNIQUE (key, machine)
)"""
MEASUREMENTS = """(
    trial_id INTEGER NOT NULL REFERENCES trials (id),
    metric TEXT NOT NULL,
    layer INTEGER,
    "index" INTEGER,
    member INTEGER,
    value REAL,
    unit TEXT NOT NULL,
    note TEXT NOT NULL
)"""
BY_TRIAL = "CREATE INDEX main.measurements_by_trial ON measurements (trial_id);"
CLAIMS = """(
    name TEXT NOT NULL,
    experiment TEXT NOT NULL,
    backend TEXT NOT NULL,
    sentence TEXT NOT NULL,
    source TEXT NOT NULL,
    checked INTEGER NOT NULL,
    expected REAL,
    measured REAL,
    tolerance REAL,
    resolution REAL,
    quantity TEXT,
    relation TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('holds', 'fails')),
    machine TEXT NOT NULL DEFAULT '',
    UNIQUE (name, backend, machine)
)"""
# A trial measured again, with other versions, has a new key: the last one counts.
CURRENT = """
CREATE VIEW main.current AS SELECT * FROM trials
    WHERE id IN (SELECT max(id) FROM trials GROUP BY experiment, backend, device, settings, machine);
"""
# SQLite stores NaN as NULL: a measurement with a metric and no value was NaN. Infinities are stored as they are.
SCHEMA = f"""
PRAGMA user_version = {FORMAT};
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials {TRIALS};
CREATE TABLE measurements {MEASUREMENTS};
{BY_TRIAL}
CREATE TABLE claims {CLAIMS};
{CURRENT}"""
OUTCOME = ("key", "experiment", "backend", "device", "settings", "status", "reason", "stderr", "seconds")
TRIAL_COLUMNS = (*OUTCOME, "machine", "run")
MEASURED = ("metric", "layer", "index", "member", "value", "unit", "note")
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
    "resolution",
    "quantity",
    "relation",
    "verdict",
    "machine",
)
# Runs of older formats are of one machine. The names that a reader sees are those of now.
ONE_MACHINE = "CREATE TEMP VIEW current AS SELECT *, '' AS machine, '' AS run FROM main.current;"
# What a run of format 1 is read through: it had cells where there are trials now, and claims without a
# name: those of one sentence have one, but for a second of the same backend's.
FORMAT_1 = f"""
{ONE_MACHINE}
CREATE TEMP VIEW trials AS SELECT * FROM main.cells;
CREATE TEMP VIEW measurements AS
    SELECT rowid AS rowid, cell_id AS trial_id, metric, layer, "index", NULL AS member, value, unit, '' AS note
    FROM main.measurements;
CREATE TEMP VIEW claims AS
    SELECT rowid AS rowid, experiment || '/' || min(rowid) OVER (PARTITION BY experiment, sentence)
        || CASE row_number() OVER again WHEN 1 THEN '' ELSE '-' || row_number() OVER again END AS name,
        experiment, backend, sentence, source, 1 AS checked, expected, measured, tolerance, NULL AS resolution,
        NULL AS quantity, relation, verdict, '' AS machine
    FROM main.claims WINDOW again AS (PARTITION BY experiment, sentence, backend ORDER BY rowid);
"""
# A run of format 2 had claims that do not say what they notice.
FORMAT_2 = f"""
{ONE_MACHINE}
CREATE TEMP VIEW claims AS
    SELECT rowid AS rowid, *, NULL AS resolution, NULL AS quantity, '' AS machine FROM main.claims;
"""
FORMAT_3 = f"""
{ONE_MACHINE}
CREATE TEMP VIEW claims AS SELECT rowid AS rowid, *, '' AS machine FROM main.claims;
"""
OLDER = {1: FORMAT_1, 2: FORMAT_2, 3: FORMAT_3}


def upgrade(first: str = "", last: str = "") -> str:
    """Return what makes a run that is read through views one of this format, in one transaction.

    SQLite changes no constraint of a table that is there: each gets a new table, made before the old one goes.
    """
    columns = ", ".join(CLAIM_COLUMNS)
    return f"""
BEGIN IMMEDIATE;
CREATE TABLE main.new_claims {CLAIMS};
INSERT INTO new_claims ({columns}) SELECT {columns} FROM temp.claims ORDER BY rowid;
CREATE TABLE main.new_trials {TRIALS};
INSERT INTO new_trials SELECT *, '', '' FROM trials;
{first}
DROP VIEW temp.current;
DROP VIEW temp.claims;
DROP VIEW main.current;
DROP TABLE main.claims;
DROP TABLE IF EXISTS main.trials;
ALTER TABLE new_claims RENAME TO claims;
ALTER TABLE new_trials RENAME TO trials;
{last}
{CURRENT}
PRAGMA user_version = {FORMAT};
COMMIT;
"""


UPGRADED = {
    1: upgrade(
        first=f"""
CREATE TABLE main.new_measurements {MEASUREMENTS};
INSERT INTO new_measurements
    SELECT trial_id, metric, layer, "index", member, value, unit, note FROM temp.measurements ORDER BY rowid;
DROP VIEW temp.measurements;
DROP VIEW temp.trials;
DROP TABLE main.measurements;
DROP TABLE main.cells;""",
        last=f"ALTER TABLE new_measurements RENAME TO measurements;\n{BY_TRIAL}",
    ),
    2: upgrade(),
    3: upgrade(),
}
