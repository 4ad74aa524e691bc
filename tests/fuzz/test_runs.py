"""Run files: whatever became of one, it is read, or its damage named in a line, and it is never written over."""

import json
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from gradsuite.runs.repairing.repair import repair
from gradsuite.runs.store import Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.damaged import META, sound
from tests.fuzz.refusals import EXAMPLES, taken
from tests.fuzz.target import Target

CELLS = [
    (table, column)
    for table, columns in {
        "trials": "key experiment backend device settings status reason stderr seconds",
        "measurements": "metric layer index member value unit note",
        "claims": "name backend sentence source checked expected measured tolerance resolution relation verdict",
    }.items()
    for column in columns.split()
]
FIELDS = sorted(META)
FEW = EXAMPLES // 6  # each is a file that is written, read and repaired
SMALL = 3  # trials of the run that is damaged
KINDS = ("bytes", "field", "cell")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@cache
def whole() -> bytes:
    """Return the file of a sound run."""
    with TemporaryDirectory() as folder:
        return (sound(Path(folder) / "run", SMALL).path / "run.sqlite").read_bytes()


def read(data: bytes) -> None:
    """Read a run's file in which something is another: bytes at a place, what it says of itself, or one of its cells.

    The first byte says which of these, the next two where; all that follows is what is there now.
    """
    kind, high, low, content = (*data[:3], data[3:]) if len(data) > 2 else (0, 0, 0, data)
    place = 256 * high + low
    with TemporaryDirectory() as folder:
        file = Path(folder) / "run" / "run.sqlite"
        file.parent.mkdir()
        file.write_bytes(whole())
        match KINDS[kind % len(KINDS)]:
            case "bytes":
                with file.open("r+b") as stream:
                    stream.seek(place % len(whole()))
                    stream.write(content)
            case "field":
                change(file, "UPDATE meta SET value = ? WHERE name = ?", text_of(content), FIELDS[place % len(FIELDS)])
            case "cell":
                table, column = CELLS[place % len(CELLS)]
                change(file, f'UPDATE {table} SET "{column}" = ? WHERE rowid = 1', value_of(content))
        before = file.read_bytes()
        taken(looked_at, file.parent)
        assert file.read_bytes() == before
        taken(repair, file.parent, Path(folder) / "saved")
        assert file.read_bytes() == before


def looked_at(folder: Path) -> None:
    """Read all that a run holds."""
    run = Run.open(folder)
    run.trials(), run.measurements(), run.claims(), run.statuses()
    for part in run.parts():
        part.frame("tiny")


def change(file: Path, statement: str, *values: object) -> None:
    """Change a row, whatever the rules of its table say."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(statement, values)


def text_of(content: bytes) -> str:
    """Return bytes as the text that SQLite is given."""
    return content.decode(errors="replace")


def value_of(content: bytes) -> object:
    """Return the value that bytes are as JSON, if SQLite has it; else they are a text."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    plain = isinstance(value, (float, str)) or (isinstance(value, int) and abs(value) < 2**63)
    return value if plain and not (isinstance(value, str) and not value.isprintable()) else text_of(content)


def damaged(kind: str, place: int, content: bytes) -> bytes:
    """Return what `read` takes for this damage."""
    return bytes([KINDS.index(kind), *divmod(place, 256)]) + content


RUN = Target(
    read,
    (
        damaged("bytes", 18, b"\x01\x01"),
        damaged("bytes", 4096, b"\x0d" + bytes(7)),
        damaged("bytes", 20596, b"rue(\x14\xff\0\xff\0"),  # SQLite then reads some rows again and again
        *(damaged("field", place, json.dumps(META[name]).encode()) for place, name in enumerate(FIELDS)),
        damaged("cell", 4, b'{"number": 1.0, "size": 3}'),
        damaged("cell", 13, b"0.5"),
    ),
    (b"null", b"NaN", b"1e999", b"[[", b"{}", b'"', b"\\ud800", b"9" * 30, b"true", b"\0", b"\xff", b"SELECT", b"ok"),
)


@given(RUN.inputs())
@settings(max_examples=FEW, suppress_health_check=[HealthCheck.too_slow])
def test_any_damage_of_a_run_is_read_or_a_line(data):
    RUN.read(data)


@given(st.sampled_from(FIELDS), json_values)
@settings(max_examples=FEW, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_run_says_of_itself_is_read_or_a_line(name, value):
    RUN.read(damaged("field", FIELDS.index(name), json.dumps(value).encode()))
