"""Runs that are damaged in every way: in their bytes, in their tables, in their meta data, and in their rows."""

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from gradsuite.claims import Claim, Resolution, Source
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement
from gradsuite.runs.store import Run

Damage = Callable[[Path], None]  # of a run's file
TRIALS = 40
PAGE = 4096
BACKEND = {
    "name": "numpy", "versions": {"numpy": "2.0"}, "devices": ["cpu"], "dtypes": ["float64"], "cells": ["rnn"],
    "activations": {"rnn": ["tanh"]}, "libraries": [],
}  # fmt: skip
META = {
    "gradsuite": "0.1.0",
    "configuration": {"experiment": ["tiny"], "backend": ["numpy"], "preset": "quick", "set": {}, "threads": 2},
    "experiments": ["tiny"],
    "preset": "quick",
    "apart": [],
    "settings": {},
    "data": {},
    "code": {"gradsuite": "0.1.0"},
    "device": "cpu",
    "backends": {"numpy": BACKEND},
    "unavailable": [{"name": "gone", "reason": "not installed", "install": "pip install gone"}],
    "machine": {"cpu": "Box", "cores": 2, "threads": 2, "mark": "0a1b2c3d", "layout": "fixed", "git": None},
    "origins": [],
    "tuned": {},
    "preflight": {},
    "doubted": [],
    "started": "2026-01-01T00:00:00+00:00",
    "finished": "2026-01-01T00:10:00+00:00",
}
CLAIM = Claim(
    name="tiny/least", backend="numpy", sentence="It is so.", source=Source("a paper"), expected=1.0, measured=1.0,
    tolerance=0.0, resolution=Resolution(0.1, "it"),
)  # fmt: skip


def sound(folder: Path, trials: int = TRIALS) -> Run:
    """Make a run that is not damaged; its file has several pages of each table."""
    run = Run.create(folder, META)
    for number in range(trials):
        rows = tuple(Measurement("number", float(place), "1", index=place) for place in range(20))
        run.add(Trial("tiny", "numpy", "cpu", {"number": float(number), "size": 3}), f"key{number}", Result("ok", rows))
    run.keep_claims("tiny", [CLAIM])
    return run


def damages(size: int) -> dict[str, Damage]:
    """Return every damage by its name; `size` is that of a sound run's file."""
    return dict([*of_bytes(size), *of_kind(), *of_tables(), *of_meta(), *of_rows()])


def of_bytes(size: int) -> Iterator[tuple[str, Damage]]:
    chance = random.Random(0)
    for at in [*range(0, 100, 5), *(chance.randrange(100, size) for _ in range(40))]:
        yield f"bit flipped at {at}", flipped(at)
    for at in [0, 1, 15, 16, 17, 99, 100, 101, 500, size // 3, size // 2, size - 1, *range(PAGE, size, PAGE)]:
        yield f"cut off at {at}", cut(at)
    for page in range(size // PAGE):
        yield f"page {page} of zeros", lambda file, page=page: overwrite(file, page * PAGE, bytes(PAGE))
        noise = random.Random(page).randbytes(PAGE)
        yield f"page {page} of noise", lambda file, page=page, noise=noise: overwrite(file, page * PAGE, noise)
    yield "more after its end", lambda file: file.write_bytes(file.read_bytes() + b"more" * 999)


def of_kind() -> Iterator[tuple[str, Damage]]:
    yield "nothing in it", lambda file: file.write_bytes(b"")
    yield "a text", lambda file: file.write_text("notes\n" * 500)
    yield "a header and no more", lambda file: file.write_bytes(b"SQLite format 3\0")
    yield "noise", lambda file: file.write_bytes(random.Random(1).randbytes(9999))
    yield "no file", Path.unlink
    yield "a folder", lambda file: (file.unlink(), file.mkdir())
    yield "a link to nothing", lambda file: (file.unlink(), file.symlink_to("nowhere"))
    yield "a database of nothing", lambda file: (file.unlink(), sql("VACUUM")(file))
    others = "CREATE TABLE urls (id INTEGER PRIMARY KEY, url TEXT); INSERT INTO urls VALUES (1, 'https://x.org')"
    yield "another program's database", lambda file: (file.unlink(), sql(others)(file))
    yield "another program's, of format 4", lambda file: (file.unlink(), sql(others + "; PRAGMA user_version=4")(file))
    for version in (0, 1, 2, 3, 5, 99, -1):
        yield f"said to be of format {version}", sql(f"PRAGMA user_version = {version}")


def of_tables() -> Iterator[tuple[str, Damage]]:
    for table in ("meta", "trials", "measurements", "claims"):
        yield f"no table {table}", sql(f"DROP TABLE {table}")
        yield f"another table {table}", sql(f"DROP TABLE {table}; CREATE TABLE {table} (x)")
    yield "no view", sql("DROP VIEW current")
    for table, columns in {
        "meta": "name value",
        "trials": "key experiment backend device settings status reason stderr seconds machine run",
        "measurements": "trial_id metric layer index member value unit note",
        "claims": "name backend sentence source checked expected measured tolerance resolution relation verdict",
    }.items():
        for column in columns.split():
            renamed = f'ALTER TABLE {table} RENAME COLUMN "{column}" TO other'
            yield f"no column {column} in {table}", sql(f"PRAGMA legacy_alter_table=ON; DROP VIEW current; {renamed}")


def of_meta() -> Iterator[tuple[str, Damage]]:
    for name in META:
        for value in (7, [7], {"word": {"word": [7]}}):
            yield f"{name} is {value}", told(name, json.dumps(value))
        yield f"{name} is gone", sql(f"DELETE FROM meta WHERE name = '{name}'")
    for text in ("", "{", "nan", "\x00", "[" * 50_000, "1" * 5000):
        yield f"machine is no JSON: {text[:9]!r} of {len(text)}", told("machine", text)
    yield "no meta data", sql("DELETE FROM meta")
    yield "preset is bytes", sql("UPDATE meta SET value = x'ff00' WHERE name = 'preset'")
    for key, value in {"backend": 7, "set": [7], "preset": None, "threads": "two", "word": "word"}.items():
        asked = {**META["configuration"], key: value}
        yield f"asked for {key} {value}", told("configuration", json.dumps(asked))


def of_rows() -> Iterator[tuple[str, Damage]]:
    for table, columns in {
        "trials": "key experiment backend device settings status reason stderr seconds",
        "measurements": "metric layer index member value unit note",
        "claims": "name backend sentence source checked expected measured tolerance resolution relation verdict",
    }.items():
        for column in columns.split():
            for kind, value in {"no UTF-8": "CAST(x'ff' AS TEXT)", "a word": "'word'"}.items():
                change = f'UPDATE {table} SET "{column}" = {value} WHERE rowid = 1'
                yield f"{column} of {table} is {kind}", sql(f"PRAGMA ignore_check_constraints = ON; {change}")
    for text in ("", "[]", "7", "null", '{"cell": {"x": [1]}}', '{"size": }', '{"index": 5, "value": "x"}'):
        yield f"settings are {text}", sql(f"UPDATE trials SET settings = '{text}' WHERE id = 2")
    yield "no trials", sql("DELETE FROM trials")
    yield "no measurements", sql("DELETE FROM measurements")


def sql(script: str) -> Damage:
    def change(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(script)

    return change


def told(name: str, text: str) -> Damage:
    def change(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE meta SET value = ? WHERE name = ?", (text, name))

    return change


def flipped(at: int) -> Damage:
    return lambda file: overwrite(file, at, bytes([file.read_bytes()[at] ^ 1 << at % 8]))


def cut(at: int) -> Damage:
    return lambda file: file.write_bytes(file.read_bytes()[:at])


def overwrite(file: Path, at: int, content: bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(content)
