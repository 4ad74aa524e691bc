"""What can be typed wrong, over all commands: one line, exit status 2, nothing written, nothing left running.

Most lines are typed in this process, as `gradsuite.__main__` reads them; some in a process of their own.
"""

import hashlib
import os
import sqlite3
import sys
import time
from pathlib import Path
from uuid import uuid4

import numpy as np
import psutil
import pytest
from gradsuite.__main__ import main

from tests.faults.typed import lines
from tests.faults.values import LONG, MARKED, RIGHT_TO_LEFT, SURROGATE
from tests.faults.written import DATA, STUDIES
from tests.throwaway import PROBE, environment, gradsuite, install

LONGEST = 300  # characters of the line
DEADLINE = 30.0  # seconds, of lines that are refused in well under one, and of addresses in three


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a run, and with what is no run, no study and no data."""
    return furnished(tmp_path_factory.mktemp("typed"))


def furnished(folder: Path) -> Path:
    install(folder, "probe", PROBE)
    done = gradsuite(folder, "run", "probe", "--backend", "echo", "--preset", "quick", "--out", "runs", "--name", "one")
    assert done.returncode == 0, done.stderr
    for name in ("empty", "folder.toml", "other", "words", "future"):
        (folder / name).mkdir()
    with sqlite3.connect(folder / "other" / "run.sqlite") as database:
        database.execute("CREATE TABLE pigeons (name TEXT)")
    with sqlite3.connect(folder / "future" / "run.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    (folder / "words" / "run.sqlite").write_text("no database\n" * 100)
    (folder / "notes.txt").write_text("my notes\n")
    (folder / "words.txt").write_text("one check on one two three\n")
    (folder / "words.whl").write_text("no wheel\n")
    (folder / "broken-link").symlink_to("nowhere")
    (folder / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with (folder / "large.toml").open("wb") as file:
        file.truncate(10**8)
    os.mkfifo(folder / "pipe.toml")
    np.savez_compressed(folder / "bomb.npz", inputs=np.zeros((10, 10**5)), targets=np.arange(10))
    return folder


@pytest.fixture
def type_in(place, monkeypatch, capfd):
    """Return a function that types a line in that folder, and returns exit status, output and errors."""
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("PYTHONPATH", environment(place)["PYTHONPATH"])

    def type_in(*words):
        monkeypatch.setattr(sys, "argv", ["gradsuite", *(word.replace("{run}", "runs/one") for word in words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capfd.readouterr()

    return type_in


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file below a folder, what every link stands for, and which processes run."""
    # Tests before this one may have left some that wait, such as a tracker of multiprocessing's.
    found = {"processes": str(sorted(child.pid for child in psutil.Process().children(recursive=True)))}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[str(path)] = str(path.readlink())
        elif path.is_file() and path.name != "large.toml" and "__pycache__" not in path.parts:
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[str(path)] = "" if "__pycache__" not in path.parts else str(path.stat().st_size)
    return found


def assert_refused(place, before, began, status, output, errors, said):
    """Assert that a line was refused as every line is that is wrong."""
    assert (status, output) == (2, ""), errors
    assert errors.startswith("gradsuite: ")
    assert said in errors
    assert errors.endswith("\n")
    line = errors.removesuffix("\n")
    assert len(line) <= LONGEST
    assert line.isprintable()
    assert contents(place) == before
    assert time.monotonic() - began < DEADLINE


@pytest.mark.parametrize(("words", "said"), [pytest.param(*one, id=str(k)) for k, one in enumerate(lines())])
def test_a_line_that_is_wrong_is_refused(place, type_in, words, said):
    before, began = contents(place), time.monotonic()
    assert_refused(place, before, began, *type_in(*words), said)


@pytest.mark.parametrize(("text", "said"), [pytest.param(*one, id=str(k)) for k, one in enumerate(STUDIES.items())])
def test_a_study_that_is_wrong_is_refused(place, type_in, text, said):
    (place / "study.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    before, began = contents(place), time.monotonic()
    assert_refused(place, before, began, *type_in("run", "study.toml"), said)


@pytest.mark.parametrize(("data", "said"), [pytest.param(*one, id=str(k)) for k, one in enumerate(DATA.items())])
def test_data_that_are_wrong_are_refused(place, type_in, data, said):
    (place / "data.csv").write_bytes(data)
    before, began = contents(place), time.monotonic()
    assert_refused(place, before, began, *type_in("train", "--task", "csv:data.csv", "--target", "a"), said)


PROCESSES = [  # what is typed into processes of their own, with what is said
    ["run", "probe", "--backend", "numpy@tunde"],
    ["run", "probe", "--timeout", "inf"],
    ["run", "probe", "--timeout", "1e300"],
    ["run", "critical-gain", "--set", "lags=1000000000000"],
    ["run", "probe", "--out", ""],
    ["run", LONG],
    ["run", MARKED],
    ["run", SURROGATE],
    ["run", "large.toml"],
    ["run", "pipe.toml"],
    ["run", "probe", "--executor", "dask", "--scheduler", "tcp://[::1"],
    ["run", "probe", "--executor", "dask", "--scheduler", "tcp://127.0.0.1:1"],
    ["run", "--resume", "words"],
    ["report", "other"],
    ["report", LONG],
    ["compare", RIGHT_TO_LEFT, "empty"],
    ["check", "numpy@"],
    ["train", "--task", "adding", "--hidden-size", "1000000000000"],
    ["theory", "linear", "--width", "1000000000000", "--depth", "1", "--sigma-w", "1"],
    ["new-cell", "x" * 250],
]


@pytest.mark.parametrize("words", PROCESSES, ids=map(str, range(len(PROCESSES))))
def test_a_process_of_its_own_says_the_same(place, words):
    before, began, mark = contents(place), time.monotonic(), uuid4().hex
    done = gradsuite(place, *words, GRADSUITE_TYPED=mark)
    assert_refused(place, before, began, done.returncode, done.stdout, done.stderr, "")
    assert [one for one in psutil.process_iter() if mark in variables(one).values()] == []


def variables(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}
