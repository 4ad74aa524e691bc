"""Damage: whether a run's file holds what a run holds, looked at once, when it is opened."""

from pathlib import Path

from gradsuite.errors import UserError
from gradsuite.experiment import STATUSES
from gradsuite.runs import meta
from gradsuite.runs.claimed import CLAIMS
from gradsuite.runs.database import FILE, Damaged, Database
from gradsuite.runs.formats import FORMAT, OLDER
from gradsuite.runs.tables import TIDY_ROWS, TIDY_TRIALS, TRIALS

MAGIC = b"SQLite format 3\0"
CHECKED = 2**26  # bytes: in a larger file, what the tables hold is looked at where it is read
NOT_TEXT = "typeof({0}) <> 'text'"
NOT_NUMBER = "typeof({0}) NOT IN ('real', 'integer', 'null')"
NOT_WHOLE = "typeof({0}) NOT IN ('integer', 'null')"
STATUS = "status NOT IN ({})".format(", ".join(f"'{status}'" for status in STATUSES))
# An object of numbers, texts and truth values: what a setting can be.
SETTINGS = """CASE WHEN json_valid(settings) THEN json_type(settings) <> 'object'
    OR EXISTS (SELECT 1 FROM json_each(settings) WHERE type IN ('object', 'array')) ELSE 1 END"""


def wrong(kind: str, *columns: str) -> list[str]:
    """Return the conditions under which a column has a value of another kind."""
    return [kind.format(f'"{column}"') for column in columns]


ROWS = {  # what no row of a table may be
    "trials": [
        *wrong(NOT_TEXT, "key", "experiment", "backend", "device", "settings", "status", "reason", "stderr"),
        "typeof(seconds) NOT IN ('real', 'integer')",
        STATUS,
        SETTINGS,
    ],
    "measurements": [
        *wrong(NOT_TEXT, "metric", "unit", "note"),
        *wrong(NOT_WHOLE, "layer", "index", "member"),
        *wrong(NOT_NUMBER, "value"),
    ],
    "claims": [
        *wrong(NOT_TEXT, "name", "experiment", "backend", "sentence", "source", "relation"),
        *wrong(NOT_NUMBER, "expected", "measured", "tolerance", "resolution"),
        "relation NOT IN ('=', '<=', '>=')",
        "coalesce(checked NOT IN (0, 1), 1)",
        "coalesce(verdict NOT IN ('holds', 'fails'), 1)",
        "coalesce(typeof(quantity), 'null') NOT IN ('text', 'null')",
    ],
}


def require_file(folder: Path) -> None:
    """Raise UserError unless a folder has a run's file, and one of SQLite's."""
    file = folder / FILE
    try:
        if not file.is_file():
            said = f"it has no {FILE}" if folder.is_dir() else "it is no folder"
            raise UserError(f"{str(folder)!r} is no run: {said}")
        with file.open("rb") as stream:
            begin = stream.read(len(MAGIC))
    except OSError as error:
        raise UserError(f"cannot read {str(folder)!r}: {error.strerror}") from error
    if begin != MAGIC:
        said = "is of another kind, or its first bytes are lost" if begin else "is empty"
        raise UserError(f"{str(folder)!r} is no run: its {FILE} {said}")


def version_of(folder: Path) -> int:
    """Return the format of a run. Raises UserError for a file that is none of gradsuite's, or a newer one's."""
    require_file(folder)
    with Database(folder).reading() as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if version not in (*OLDER, FORMAT):
        if "meta" not in tables:
            raise UserError(f"{str(folder)!r} is no run: its {FILE} is another program's")
        raise UserError(f"{str(folder)!r} is no run that this version reads: format {version}, not 1 to {FORMAT}")
    return int(version)


def require_sound(folder: Path, version: int, *, up_to: float = CHECKED) -> None:
    """Raise Damaged, with what is wrong, unless a run of this format can be read.

    What its tables hold is looked at in a file of `up_to` so many bytes.
    """
    database = Database(folder, version)
    with database.reading() as connection:
        for query in (TRIALS, TIDY_TRIALS, TIDY_ROWS, CLAIMS):
            connection.execute(f"SELECT * FROM ({query}) LIMIT 0", {"own": "", "part": None, "run": "", "of": None})
        if form := meta.misshapen(meta.read(connection)):
            raise Damaged(folder, f"what it says of its {form!r} is of another form")
        if (folder / FILE).stat().st_size > up_to:
            return
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Damaged(folder, " ".join(f"SQLite finds {verdict!r}".split())[:150])
        for name, conditions in ROWS.items():
            (count,) = connection.execute(f"SELECT count(*) FROM {name} WHERE {' OR '.join(conditions)}").fetchone()
            if count:
                raise Damaged(folder, f"{count} of its {name} {'has' if count == 1 else 'have'} values of another kind")
