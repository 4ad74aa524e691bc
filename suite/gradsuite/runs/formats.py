"""The tables of a run's file, and what a run of an older format is read through."""

FORMAT = 3  # PRAGMA user_version
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
    resolution REAL,
    quantity TEXT,
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
        experiment, backend, sentence, source, 1 AS checked, expected, measured, tolerance, NULL AS resolution,
        NULL AS quantity, relation, verdict
    FROM main.claims;
"""
# A run of format 2 had claims that do not say what they notice. The names that a reader sees are those of now.
FORMAT_2 = """
CREATE TEMP VIEW claims AS
    SELECT rowid AS rowid, *, NULL AS resolution, NULL AS quantity FROM main.claims;
"""
OLDER = {1: FORMAT_1, 2: FORMAT_2}
# What makes one that can still be written to a run of this format.
UPGRADED = {
    2: f"""
BEGIN IMMEDIATE;
ALTER TABLE main.claims ADD COLUMN resolution REAL;
ALTER TABLE main.claims ADD COLUMN quantity TEXT;
PRAGMA user_version = {FORMAT};
COMMIT;
"""
}
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
)
