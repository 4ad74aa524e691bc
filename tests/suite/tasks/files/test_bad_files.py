"""Bad data files, through the real command line: one line each that says what is wrong and where, exit status 2."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from gradsuite.commands import gradsuite

ROWS = 40
GOOD = [f"{k * k % 7},{k % 5}" for k in range(ROWS)]
DAYS = [f"2024-01-{day:02d}" for day in range(1, 31)]


def lines(*rows, header="a,b"):
    return "\n".join([header, *rows, ""]).encode()


def with_row(row, *, at=7, header="a,b"):
    return lines(*GOOD[:at], row, *GOOD[at:], header=header)


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **{"inputs": np.arange(60.0).reshape(10, 6), "targets": np.arange(10) % 2} | arrays)
    return stream.getvalue()


def words_in_a_zip():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("inputs.npy", "words")
    return stream.getvalue()


# The content of data.csv, what follows the file's name, and what is said.
TABLES = [
    (b"", "target=a", "data.csv is empty"),
    (b"\n\n  \n", "target=a", "data.csv is empty"),
    (b"\xef\xbb\xbf", "target=a", "data.csv is empty"),
    (lines(), "target=a", "data.csv has a header, but no rows"),
    (lines(*GOOD), "", "csv needs a target: csv:data.csv?target=COLUMN (of: a, b)"),
    (lines(*GOOD, header="price,b"), "target=prize", "unknown column of data.csv 'prize'; did you mean 'price'?"),
    (lines(*GOOD), "target=a&inputs=a;c", "unknown column of data.csv 'c' (allowed: a, b)"),
    (lines(*GOOD), "target=a&inputs=b;b", "inputs names a column twice"),
    (lines(*GOOD, header="a,a"), "target=a", "data.csv has 2 columns called 'a': rename all but one"),
    (lines(*GOOD[1:], header=GOOD[0]), "target=a", "data.csv has no header: its first line is '0' ..."),
    (with_row("1,2,3"), "target=a", "data.csv: row 8 has 3 fields, the header 2"),
    (with_row("1"), "target=a", "data.csv: row 8 has 1 fields, the header 2"),
    (with_row("1,"), "target=a", "data.csv: 'b' has a missing value in row 8; type missing=drop to"),
    (with_row("NaN,"), "target=a", "data.csv: 'a' has a missing value in row 8 (and 1 more columns have some)"),
    (with_row("inf,1"), "target=a", "data.csv: 'a' is infinite in row 8"),
    (with_row("1,-Infinity"), "target=a", "data.csv: 'b' is infinite in row 8"),
    (with_row("1,1e999"), "target=a", "data.csv: 'b' is infinite in row 8"),
    (with_row("12 USD,1"), "target=a", "the target 'a' is numbers and text ('12 USD' in row 8)"),
    (with_row("1,x"), "target=a", "column 'b' is numbers and text ('x' in row 8); correct it, or name the inputs"),
    (
        with_row("1,x"),
        "target=a&inputs=a;b",
        "the input 'b' is numbers and text ('x' in row 8); inputs must be numbers",
    ),
    (lines(*[f"{k},name {k}" for k in range(60)]), "target=b", "text is read as classes, and it has more than 50"),
    (lines(*[f"{k},x" for k in range(ROWS)]), "target=a&inputs=b", "the input 'b' is text ('x' in row 1)"),
    (lines(*[f"{k % 7},x" for k in range(ROWS)]), "target=b", "the target 'b' is the same in all 40 rows"),
    (lines(*[f"5,{k % 7}" for k in range(ROWS)]), "target=a", "the target 'a' is the same in all 40 rows"),
    (lines(*[f"{k % 7},5" for k in range(ROWS)]), "target=a&inputs=b", "data.csv has no input that varies: column 'b'"),
    (lines(*[f",{k % 7}" for k in range(ROWS)]), "target=a", "the target 'a' has no values"),
    (lines(*[f"{k},2024-01-01" for k in range(9)]), "target=b", "the target 'b' is dates"),
    (lines(*[f"{k},{day}" for k, day in enumerate(DAYS)]), "target=a&inputs=b", "the input 'b' is dates"),
    (
        lines(*[f"{k % 7},{day}" for k, day in enumerate([*DAYS, DAYS[4]])]),
        "target=a",
        "data.csv is not in order of 'b': row 31 (2024-01-05) should stand before row 30",
    ),
    (lines('"1,5",1', '"2,500.5",1'), "target=a", "has decimal commas ('1,5') and decimal points ('2,500.5')"),
    (lines('"1,234",1', '"2,500",1'), "target=a", "data.csv has '1,234': type decimal=comma if that is less than"),
    (lines('"1,5",1', "2.5,1", "3.5,1"), "target=a", "the target 'a' is numbers and text ('2.5' in row 2)"),
    (lines(*GOOD), "target=a&decimal=dot", "unknown value of decimal 'dot'; did you mean 'point'?"),
    (
        lines(*GOOD),
        "target=a&missing=zero",
        "unknown value of missing 'zero'; did you mean 'drop'? (allowed: drop, forward, refuse)",
    ),
    (lines(*GOOD), "target=a&horizon=0", "horizon must be at least 1, not 0"),
    (lines(*GOOD), "target=a&horizon=one", "horizon must be a whole number, not 'one'"),
    (lines(*GOOD), "target=a&horizon=30", "csv:data.csv has 28 rows for training: too few for 9 time steps"),
    (lines(*GOOD[:12]), "target=a", "a horizon of 1; at most 7 steps fit"),
    (lines(*GOOD), "target=a&window=0", "window must be at least 1, not 0"),
    (lines(*GOOD), "target=a&window=99", "too few for 99 time steps and a horizon of 1; at most 27 steps fit"),
    (lines(*GOOD), "target=a&split=.7;.2;.2", "split must sum to 1: .7;.2;.2 sum to 1.1"),
    (lines(*GOOD), "target=a&split=.7;.3", "split must be three shares (training, validation, test)"),
    (lines(*GOOD), "target=a&split=1.2;-.1;-.1", "split must be shares between 0 and 1"),
    (lines(*GOOD), "target=a&split=most;.1;.1", "split must be three numbers"),
    (lines(*GOOD), "target=a&horizn=2", "unknown option of csv: 'horizn'; did you mean 'horizon'?"),
    (lines(*GOOD), "target=a&target=b", "option 'target' of csv: is given twice"),
    (lines(*GOOD), "target=a&standardise=maybe", "standardise must be yes or no, not 'maybe'"),
    (lines(*GOOD), "target=a&sha256=0", "data.csv is not the file it was"),
    (b"PK\x03\x04" + bytes(50), "target=a", "data.csv is no CSV file but a zip archive, as an Excel workbook is"),
    (b"\x1f\x8b" + bytes(50), "target=a", "data.csv is no CSV file but compressed by gzip"),
    (b"PAR1" + bytes(50), "target=a", "data.csv is no CSV file but a Parquet file"),
    (b"a,b\n1,\x002\n", "target=a", "data.csv is no CSV file: it has bytes that no text has"),
    (lines(*GOOD, '"1,2'), "target=a", "data.csv: row 41 has 1 fields, the header 2"),
    (lines(*[f"x{k},y{k}" for k in range(9)]), "target=a", "data.csv has no column of numbers to read as input"),
]
# Faults beyond the first thousand rows, which are looked at before the file is read.
LONG = [f"{k * k % 7},{k % 5},{'true' if k % 3 else 'false'}" for k in range(1200)]
LATE = [
    ("1,x,true", "target=a", "column 'b' is numbers, but 'x' in row 1201; correct it, or leave it out: inputs=a;c"),
    ("x,1,true", "target=a", "column 'a' is numbers, but 'x' in row 1201; correct it\n"),
    ("1,1,maybe", "target=a", "column 'c' is true or false, but 'maybe' in row 1201"),
    ("1,1,true,1", "target=a", "line 1202 has 4 fields, the header 3"),
    ("1", "target=a", "'b' has a missing value in row 1201 (and 1 more columns have some)"),
    ('1,"2,true', "target=a", "a quotation mark in row 1201 has no end"),
]
TABLES += [(lines(*LONG, row, header="a,b,c"), query, fault) for row, query, fault in LATE]

ARRAYS = [
    (b"words", "", "data.npz is no npz file: write it with numpy.savez"),
    (npz()[:-30], "", "data.npz is no npz file"),
    (words_in_a_zip(), "", "inputs.npy is no NumPy array"),
    (npz(inputs=np.array([{}] * 10)), "", "'inputs' holds Python objects; save it as numbers"),
    (npz(inputs=np.array(["a"] * 10)), "", "inputs must be (N, T, I) or (N, T), not (10,)"),
    (npz(inputs=np.full((10, 6), "a")), "", "inputs must be real numbers, not <U1"),
    (npz(inputs=np.zeros((10, 6))), "", "inputs are the same everywhere"),
    (npz(inputs=np.full((10, 6), np.nan)), "", "inputs of example 0 are not all finite"),
    (npz(targets=np.zeros(9)), "", "data.npz has 10 inputs, but targets of the shape (9,)"),
    (npz(targets=np.zeros(10, int)), "", "targets have 1 classes; from 2 to 10000 can be learnt"),
    (npz(targets=np.arange(10) - 1), "", "a target is -1; classes are whole numbers from 0"),
    (npz(targets=np.full(10, np.inf)), "", "targets are not all finite"),
    (npz(targets=np.zeros((10, 3), int)), "", "classes must be (N,) or (N, T), not (10, 3)"),
    (npz(targets=np.zeros((10, 3, 2))), "", "targets must be (N,), (N, O) or (N, 6, O), not (10, 3, 2)"),
    (npz(lengths=np.full(10, 7)), "", "lengths must be 1 to 6, not 7 to 7"),
    (npz(lengths=np.full(10, 1.0)), "", "lengths must be 10 whole numbers, not float64 (10,)"),
    (npz(split=np.full(10, "tset")), "", "unknown split of data.npz 'tset'; did you mean 'test'?"),
    (npz(train=np.arange(11)), "", "train names an example that is not there: places are 0 to 9"),
    (npz(train=np.arange(5), test=np.arange(4, 9)), "", "an example is named twice by train, validation, test"),
    (npz(test=np.arange(9)), "", "data.npz has no examples for training"),
    (npz(train=np.arange(9)), "split=.8;.1;.1", "data.npz has its own split: give one split, not two"),
    (npz(masks=np.zeros(10)), "", "unknown array of data.npz 'masks'"),
    (npz(), "target=a", "unknown option of npz: 'target'"),
]
NAMES = [
    ("cvs:data.csv", "unknown task 'cvs'; did you mean 'csv'?"),
    ("csv", "task 'csv' needs more than its name: type csv:FILE?target=COLUMN"),
    ("csv:", "csv needs a file: csv:FILE"),
    ("npz:?split=1", "npz needs a file: npz:FILE"),
    ("adding:data.csv", "task 'adding' takes nothing after its name, not 'data.csv': type adding"),
    ("csv:dta.csv?target=a", "; did you mean 'data.csv'?"),
    ("csv:none/data.csv?target=a", "none, for there is no such folder"),
    ("csv:.?target=a", "'.' is a folder, not a file"),
]


@pytest.fixture(params=[name for name in ("run", "train") if name in gradsuite.list_commands(None)])
def refused(request, type_in):
    """Give a task to a command, and check that what it says is one line, exit status 2, and nothing written."""
    commands = {
        "run": lambda task: (
            "run",
            "gradient-time",
            "--backend",
            "numpy",
            "--set",
            "length=9",
            "--set",
            f"task={task}",
        ),
        "train": lambda task: ("train", "--backend", "numpy", "--steps", "1", "--length", "9", "--task", task),
    }

    def refused(task, fault):
        status, output, errors = type_in(*commands[request.param](task))
        assert (status, output, errors.count("\n")) == (2, "", 1), errors
        assert errors.startswith("gradsuite: ")
        assert fault in errors
        assert not Path("results").exists()

    return refused


def labels(cases):
    return [f"{place}-{case[-1].strip()[:40]}" for place, case in enumerate(cases)]


@pytest.mark.parametrize(("content", "query", "fault"), TABLES, ids=labels(TABLES))
def test_a_bad_table_is_refused(refused, content, query, fault):
    Path("data.csv").write_bytes(content)
    refused(f"csv:data.csv?{query}", fault)


@pytest.mark.parametrize(("content", "query", "fault"), ARRAYS, ids=labels(ARRAYS))
def test_bad_arrays_are_refused(refused, content, query, fault):
    Path("data.npz").write_bytes(content)
    refused(f"npz:data.npz?{query}" if query else "npz:data.npz", fault)


@pytest.mark.parametrize(("task", "fault"), NAMES, ids=labels(NAMES))
def test_a_name_that_means_nothing_is_refused(refused, task, fault):
    Path("data.csv").write_bytes(lines(*GOOD))
    refused(task, fault)


def test_the_folder_that_was_looked_in_is_named(refused):
    refused("csv:data.csv?target=a", f"no file 'data.csv' in {Path.cwd()}")
