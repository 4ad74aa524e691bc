"""What can be typed wrong, over all commands: one line, exit status 2, nothing written, nothing left running.

Most lines are typed in this process, as `gradsuite.__main__` reads them; some in a process of their own.
"""

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from uuid import uuid4

import numpy as np
import psutil
import pytest
from gradsuite.__main__ import main

from tests.throwaway import PROBE, environment, gradsuite, install

LONGEST = 300  # characters of the line
DEADLINE = 30.0  # seconds, of lines that are refused in well under one, and of addresses in three

LONG = "x" * 5000
MARKED = "\x1b[31mred\x1b[0m\x07"  # what a terminal would obey
RIGHT_TO_LEFT = "\u202egnp.nur"
SURROGATE = "a\udcffb"
NUL = "a\0b"

BACKENDS = {  # names of backends, and what is said of each
    "nmpy": "did you mean 'numpy'?",
    "numpy@": "unknown second name of 'numpy'",
    "numpy@@@": "unknown second name of 'numpy'",
    "numpy@<script>": "unknown second name of 'numpy' '<script>'",
    "numpy@tunde": "did you mean 'tuned'?",
    "numpy@0": "unknown second name",
    "numpy@2@2": "unknown second name",
    "@tuned": "unknown backend",
    LONG: "unknown backend 'xxx",
    MARKED: r"\x1b[31mred",
    RIGHT_TO_LEFT: r"\u202egnp.nur",
    SURROGATE: r"a\udcffb",
    NUL: r"a\x00b",
}
OF_BACKENDS = {
    "run": ["run", "probe", "--backend", "{}"],
    "dry run": ["run", "probe", "--dry-run", "--backend", "{}"],
    "check": ["check", "{}"],
    "train": ["train", "--task", "adding", "--backend", "{}"],
    "bench": ["bench", "{}", "--against", "HEAD"],
    "best": ["best", "--backend", "{}"],
    "doctor": ["doctor", "--backend", "{}"],
}

RUNS = {  # what is no run, and what is said of it
    "nowhere": "unknown run 'nowhere'",
    "": "empty",
    ".": "'.' is no run",
    "empty": "'empty' is no run",
    "notes.txt": "'notes.txt' is no run",
    "other": "'other' is no run",
    "words": "'words' is no run",
    "future": "'future' is no run",
    "broken-link": "unknown run 'broken-link'",
    "notes.txt/run": "'notes.txt/run'",
    LONG: "'xxx",
    "/".join(["x" * 200] * 40): "'xxx",
    MARKED: r"\x1b[31mred",
    RIGHT_TO_LEFT: r"\u202egnp.nur",
    SURROGATE: r"a\udcffb",
    NUL: r"a\x00b",
}
OF_RUNS = {
    "resume": ["run", "--resume", "{}"],
    "report": ["report", "{}"],
    "claims": ["claims", "{}"],
    "plot": ["plot", "{}", "probe", "--x", "size", "--y", "size"],
    "export": ["export", "{}", "--format", "csv"],
    "compare": ["compare", "{}", "{}"],
    "history": ["history", "{}", "{}", "{}"],
    "merge": ["merge", "{}", "{}", "--out", "merged"],
    "publish": ["publish", "{}", "--to", "site"],
}

PLACES = {  # what no folder or file can be called
    "": "empty",
    NUL: r"a\x00b",
    LONG: "'xxx",
    "/".join(["x" * 200] * 40): "'xxx",
    "notes.txt/inside": "notes.txt",
}
OF_PLACES = {
    "run --out": ["run", "probe", "--backend", "echo", "--out", "{}"],
    "bench --out": ["bench", "echo", "probe", "--against", "empty", "--out", "{}"],
    "train --save": ["train", "--task", "adding", "--save", "{}"],
    "train --out": ["train", "--task", "adding", "--out", "{}"],
    "train --resume": ["train", "--task", "adding", "--resume", "{}"],
    "new-backend": ["new-backend", "mine", "--out", "{}"],
    "new-cell": ["new-cell", "mine", "--out", "{}"],
    "new-experiment": ["new-experiment", "mine", "--out", "{}"],
    "runs": ["runs", "{}"],
    "xfails": ["check", "echo", "--xfails", "{}"],
}

NAMES = {  # of what is registered, and what is said of each
    "prbe": "unknown {} 'prbe'",
    LONG: "unknown {} 'xxx",
    MARKED: r"\x1b[31mred",
    RIGHT_TO_LEFT: r"\u202egnp.nur",
    SURROGATE: r"a\udcffb",
    NUL: r"a\x00b",
    "../probe": "unknown {} '../probe'",
}
OF_NAMES = {
    "experiment": ["run", "{}"],
    "preset": ["run", "probe", "--preset", "{}"],
    "executor": ["run", "probe", "--executor", "{}", "--scheduler", "tcp://127.0.0.1:1"],
    "plugin": ["run", "probe", "--no-plugin", "{}"],
    "task": ["train", "--task", "{}"],
    "cell": ["train", "--task", "adding", "--cell", "{}"],
    "optimizer": ["train", "--task", "adding", "--optimizer", "{}"],
    "name": ["show", "{}"],
    "listing": ["list", "{}"],
    "shell": ["completion", "{}"],
    "command": ["{}"],
    "format": ["compare", "empty", "empty", "--format", "{}"],
}

NUMBERS = ["", "nan", "inf", "-inf", "-1", "0", "1e300", "10000000000000", "9" * 5000, "two", "1 5", NUL, MARKED]
OF_NUMBERS = {
    "run --timeout": ["run", "probe", "--timeout", "{}"],
    "run --threads": ["run", "probe", "--threads", "{}"],
    "check --timeout": ["check", "echo", "--timeout", "{}"],
    "train --timeout": ["train", "--task", "adding", "--timeout", "{}"],
    "train --threads": ["train", "--task", "adding", "--threads", "{}"],
    "train --hidden-size": ["train", "--task", "adding", "--hidden-size", "{}"],
    "train --steps": ["train", "--task", "adding", "--steps", "{}"],
    "train --batch-size": ["train", "--task", "adding", "--batch-size", "{}"],
    "train --length": ["train", "--task", "adding", "--length", "{}"],
    "train --num-layers": ["train", "--task", "adding", "--num-layers", "{}"],
    "train --lr": ["train", "--task", "adding", "--lr", "{}"],
    "best --seconds": ["best", "--backend", "numpy", "--seconds", "{}"],
    "best --hidden-size": ["best", "--backend", "numpy", "--hidden-size", "{}"],
    "doctor --threads": ["doctor", "--threads", "{}"],
    "bench --timeout": ["bench", "echo", "--against", "empty", "--timeout", "{}"],
    "setting lags": ["run", "critical-gain", "--set", "lags={}"],
    "setting size": ["run", "probe", "--set", "size={}"],
    "setting gain": ["run", "probe", "--set", "gain={}"],
    "setting hidden_size": ["run", "speed", "--set", "hidden_size={}"],
    "theory linear --width": ["theory", "linear", "--depth", "1", "--sigma-w", "1", "--width", "{}"],
    "theory linear --depth": ["theory", "linear", "--width", "1", "--sigma-w", "1", "--depth", "{}"],
    "theory linear --sigma-w": ["theory", "linear", "--width", "1", "--depth", "1", "--sigma-w", "{}"],
    "theory gates --steps": ["theory", "gates", "--steps", "{}"],
    "theory gates --t-max": ["theory", "gates", "--t-max", "{}"],
    "theory truncation --steps": ["theory", "truncation", "--weight", "1", "--horizon", "1", "--steps", "{}"],
    "theory truncation --horizon": ["theory", "truncation", "--weight", "1", "--steps", "2", "--horizon", "{}"],
}

STUDIES = {  # contents of study.toml, and what is said of them
    "set = " + "[" * 1000 + "]" * 1000: "nested",
    "set = " + "{a=" * 1000 + "1" + "}" * 1000: "nested",
    "a." * 1000 + "b = 1": "unknown key",
    'preset = "quick"\npreset = "full"': "not TOML",
    "[set]\ngain = [1]\n[set]\ngain = [2]": "not TOML",
    "preset = [": "not TOML",
    "preset = quick": "not TOML",
    "experiment = 3": "experiment in 'study.toml' must be texts",
    "experiment = [[1]]": "experiment in 'study.toml' must be texts",
    "experiment = {a = 1}": "experiment in 'study.toml' must be texts",
    "backend = true": "backend in 'study.toml' must be texts",
    'threads = "2"': "threads in 'study.toml' must be a whole number",
    "threads = 1.5": "threads in 'study.toml' must be a whole number",
    "threads = true": "threads in 'study.toml' must be a whole number",
    "threads = 0": "threads must be at least 1",
    "threads = 100000": "threads must be at most 4096, not 100000",
    "threads = " + "9" * 4000: "threads must be a whole number",
    "timeout = inf": "timeout must be a number",
    "timeout = nan": "timeout must be a number",
    "timeout = 1e300": "timeout must be at most",
    "timeout = 1979-05-27": "timeout in 'study.toml' must be a number",
    "timeout = " + "9" * 5000: "'study.toml'",
    "tuned = 1": "tuned in 'study.toml' must be true or false",
    "set = 1": "set in 'study.toml' must be a table",
    "[set]\nsize = [true]": "set.size in 'study.toml' must be texts or numbers",
    "[set]\nsize = [1979-05-27]": "set.size in 'study.toml' must be texts or numbers",
    "[set]\nsize = [{a = 1}]": "set.size in 'study.toml' must be texts or numbers",
    "[set]\nsize = []": "setting 'size' was given no value",
    "[set]\nsize = [1e300]": "size must be at most",
    "[set]\nsize = [1000000000000]": "size must be at most",
    'experiment = "probe"\n[set]\ngain = [nan]': "gain must be a number",
    "[set]\n" + "x" * 5000 + " = 1": "unknown setting 'xxx",
    "x" * 5000 + " = 1": "unknown key in 'study.toml' 'xxx",
    'name = "../../x"': "a run's name is",
    'name = ""': "a run's name is",
    'name = "latest"': "cannot be called 'latest'",
    f'name = "{"x" * 300}"': "a run's name is",
    'out = ""': "empty",
    'out = "a\\u0000b"': "a\\x00b",
    'backend = "echo"\ndevice = ""': "no backend has the device ''",
    'preset = "\\u001b[31m"': "\\x1b[31m",
    'experiment = "probe"\nbackend = "numpy@tunde"': "did you mean 'tuned'?",
    'resume = ""': "empty",
    "resume = 3": "resume in 'study.toml' must be a text",
    'executor = "dask"': "go together",
    "\0": "not TOML",
    b"\xff\xfe\x00": "it is not UTF-8",
    b"PK\x03\x04" + bytes(50): "not TOML",
    b"# " + b"x" * 2**21: "may have 1048576",
}
DATA = {  # contents of data.csv, and what is said of them
    b"": "data.csv is empty",
    b"a,b\n": "no rows",
    b"a,b\n1,\x002\n": "bytes that no text has",
    b"\xff" * 1000: "data.csv",
    b'"' * 1000: "data.csv",
    b"," * 100_000: "data.csv",
    b"|": "data.csv has a header, but no rows",
    b",".join(b"%d" % k for k in range(100_000)): "data.csv",
    b"a,b\n" + b"9" * 5000 + b",1\n" + b"1,2\n" * 50: "data.csv",
    b"x" * 100_000 + b",b\n1,2\n": "data.csv",
    b"a,b\n" + b"\x1b[31m,2\n" * 50: "target 'a'",
    b"a,a\n1,2\n": "2 columns called 'a'",
}
ADDRESSES = {  # of Dask schedulers, and what is said of each
    "foo": "tcp://host:8786",
    "": "tcp://host:8786",
    "tcp://": "tcp://host:8786",
    "tcp://[::1": "tcp://host:8786",
    "tcp://host": "tcp://host:8786",
    "tcp://host:port": "tcp://host:8786",
    "tcp://host:99999": "tcp://host:8786",
    "http://127.0.0.1:1": "tcp://host:8786",
    "tcp://127.0.0.1:1": "no Dask scheduler answers",
    "tcp://no-such-host.invalid:8786": "no Dask scheduler answers",
    "tcp://" + LONG + ":1": "no Dask scheduler answers",
    MARKED: r"\x1b[31m",
    NUL: r"a\x00b",
}
LINES = [  # of which each has a fault of its own
    (["run", "probe", "--name", "../../x"], "a run's name is"),
    (["run", "probe", "--name", ""], "a run's name is"),
    (["run", "probe", "--name", LONG], "a run's name is"),
    (["run", "probe", "--name", "latest"], "cannot be called 'latest'"),
    (["run", "probe", "--name", NUL], r"a\x00b"),
    (["run", "probe", "--name", "-x"], "a run's name is"),
    (["run", "probe", "--set", LONG], "--set takes KEY=V1,V2"),
    (["run", "probe", "--set", f"{LONG}=1"], "unknown setting 'xxx"),
    (["run", "probe", "--set", f"dtype={LONG}"], "unknown dtype 'xxx"),
    (["run", "probe", "--set", "=1"], "--set takes KEY=V1,V2"),
    (["run", "probe", "--set", ""], "--set takes KEY=V1,V2"),
    (["run", "probe", "--set", "size=,,"], "was given no value"),
    (["run", "probe", "--set", f"dtype={MARKED}"], r"\x1b[31m"),
    (["run", "probe", "-k", LONG], "-k 'xxx"),
    (["run", "probe", "-k", ""], "-k '' matches no"),
    (["run", "probe", "-k", "["], "-k '[' matches no"),
    (["run", "probe", "-k", "[" * 5000], "-k '[[["),
    (["run", "probe", "-k", "*" * 200 + "z"], "-k '***"),
    (["run", "probe", "-k", MARKED], r"\x1b[31m"),
    (["run", "probe", "--exclude", "**"], "no trial is left"),
    (["run", "probe", "--backend", "echo", "--device", LONG], "no backend has the device 'xxx"),
    (["run", "probe", "--backend", "echo", "--device", ""], "no backend has the device ''"),
    (["run", "probe", "--backend", "echo", "--device", MARKED], r"\x1b[31m"),
    (["run", "probe", "--scheduler", "tcp://127.0.0.1:1"], "go together"),
    (["run", "probe", "-v", "-q"], "not both"),
    (["run", "probe", "--json"], "--json is for --dry-run"),
    (["run", "nowhere.toml"], "cannot read 'nowhere.toml'"),
    (["run", ".toml"], "cannot read '.toml'"),
    (["run", "folder.toml"], "'folder.toml'"),
    (["run", "pipe.toml"], "cannot read 'pipe.toml': it is no file"),
    (["run", "large.toml"], "cannot read 'large.toml': it has 100000000 bytes"),
    (["run", f"{LONG}.toml"], "'xxx"),
    (["run", f"{NUL}.toml"], r"a\x00b"),
    (["run", "--resume", "nowhere", "--preset", "quick"], "unknown run 'nowhere'"),
    (["run", "--" + LONG], "No such option"),
    (["run", "--\x1b[31m"], "No such option"),
    (["run", "--timeout"], "requires an argument"),
    (["check"], "Missing argument 'BACKEND'"),
    (["check", "echo", "no-such-check"], "no check matches 'no-such-check'"),
    (["check", "echo", LONG], "no check matches 'xxx"),
    (["check", "echo", "--dtype", "float46"], "float46"),
    (["check", "echo", "--device", "gpu"], "gpu"),
    (["check", "numpy", "--cell", "lsmt"], "lsmt"),
    (["check", "echo", "--cell", LONG], "xxx"),
    (["check", "echo", "--dtype", MARKED], r"\x1b[31m"),
    (["check", "echo", "--xfails", "nowhere.txt"], "cannot read 'nowhere.txt'"),
    (["check", "echo", "--xfails", "empty"], "cannot read 'empty'"),
    (["check", "echo", "--xfails", "bytes.toml"], "cannot read 'bytes.toml'"),
    (["check", "echo", "--xfails", "pipe.toml"], "'pipe.toml'"),
    (["check", "echo", "--xfails", "words.txt"], "words.txt:1: a line is"),
    (["train"], "no task to learn"),
    (["train", "--task", ""], "task"),
    (["train", "--task", "adding", "--save", "a", "--resume", "b"], "give --save or --resume"),
    (["train", "--task", "adding", "--resume", "nowhere"], "nowhere"),
    (["train", "--task", "adding", "--resume", "empty"], "empty"),
    (["train", "--task", "adding", "--resume", "notes.txt"], "notes.txt"),
    (["train", "--task", "adding", "--seed", "-1"], "seed"),
    (["train", "--task", "adding", "--seed", "9" * 4000], "seed"),
    (["train", "--task", "adding", "--goal", LONG], "goal must be a score"),
    (["train", "--task", "adding", "--goal", "nan"], "goal must be a score"),
    (["train", "--task", "adding", "--rate", LONG], "'xxx"),
    (["train", "--task", "adding", "--rate", "step:0:0"], "step"),
    (["train", "--task", "adding", "--rate", "step:1:nan"], "factor of a stair"),
    (["train", "--task", "adding", "--rate", "warmup:9999999999999999999+cosine"], "must end before"),
    (["train", "--task", "adding", "--truncation", "1"], "truncation must be K1,K2"),
    (["train", "--task", "adding", "--truncation", "0,0"], "truncation"),
    (["train", "--task", "adding", "--truncation", LONG], "truncation must be K1,K2"),
    (["train", "--task", "adding", "--omega", "nan"], "omega"),
    (["train", "--task", "adding", "--gain", "inf"], "gain"),
    (["train", "--task", "adding", "--chrono", "nan"], "chrono"),
    (["train", "--task", "adding", "--forget-bias", "inf"], "bias"),
    (["train", "--task", "adding", "--clip-norm", "-1"], "clip_norm"),
    (["train", "--task", "adding", "--momentum", "2"], "momentum"),
    (["train", "--task", "adding", "--evaluate-every", "0"], "evaluate_every"),
    (["train", "--task", "adding", "--initialiser", LONG], "'xxx"),
    (["train", "--task", "adding", "--activation", LONG], "'xxx"),
    (["train", "--task", "adding", "--dtype", "float46"], "float46"),
    (["train", "--task", "adding", "--device", LONG], "xxx"),
    (["train", "--task", "adding", "--horizon", "2"], "data of your own"),
    (["train", "--task", "csv:nowhere.csv", "--target", "a"], "no file 'nowhere.csv'"),
    (["train", "--task", "csv:empty", "--target", "a"], "is a folder"),
    (["train", "--task", "csv:~nobody-of-this-name/a.csv", "--target", "a"], "the home of a user who is not there"),
    (["train", "--task", "csv:pipe.toml", "--target", "a"], "pipe.toml"),
    (["train", "--task", f"csv:{LONG}", "--target", "a"], "xxx"),
    (["train", "--task", f"csv:{NUL}", "--target", "a"], r"a\x00b"),
    (["train", "--task", "npz:words.txt"], "no npz file"),
    (["train", "--task", "npz:bomb.npz"], "bomb.npz"),
    (["bench", "echo"], "Missing option '--against'"),
    (["bench", "echo", "--against", ""], "empty"),
    (["bench", "echo", "--against", LONG], "xxx"),
    (["bench", "echo", "--against", NUL], r"a\x00b"),
    (["bench", "echo", "--against", "notes.txt"], "neither a wheel nor a folder"),
    (["bench", "echo", "--against", "words.whl"], "cannot read the wheel"),
    (["bench", "echo", "--against", "nowhere.whl"], "cannot read the wheel"),
    (["bench", "echo", "--against", "--help-me"], "--help-me"),
    (["bench", "echo", "--against", "empty", "--fail-above", LONG], "--fail-above takes a share"),
    (["bench", "echo", "--against", "empty", "--fail-above", "-5%"], "--fail-above takes a share"),
    (["bench", "echo", "--against", "empty", "--fail-above", "inf"], "--fail-above takes a share"),
    (["bench", "echo", "--against", "empty", "--format", "xml"], "unknown format 'xml'"),
    (["best", "--set", "gain"], "--set takes KEY=V1,V2"),
    (["best", "--set", "length=1,2"], "one workload"),
    (["best", "--set", f"{LONG}=1"], "no experiment times a workload by xxx"),
    (["best", "--cell", "lsmt", "--backend", "numpy"], "lsmt"),
    (["best", "--format", "xml"], "unknown format 'xml'"),
    (["best", "--backend", "echo", "--device", "gpu"], "gpu"),
    (["compare", "empty"], "Missing argument"),
    (["compare"], "Missing argument 'BASE'"),
    (["compare", "{run}", "{run}", "--fail-above", "5 percent"], "--fail-above takes a share"),
    (["compare", "{run}", "{run}", "--out", "notes.doc"], "does not end like a format"),
    (["compare", "{run}", "{run}", "--out", ""], "empty"),
    (["history", "{run}"], "at least 3 runs"),
    (["history"], "Missing argument 'RUN...'"),
    (["merge", "{run}", "{run}"], "Missing option '--out'"),
    (["merge", "{run}", "--out", "merged"], "merge takes two runs"),
    (["merge", "{run}", "{run}", "--out", "merged"], "merge takes two runs"),
    (["publish", "{run}"], "Missing option '--to'"),
    (["publish", "{run}", "--to", ""], "empty"),
    (["publish", "{run}", "--to", "notes.txt"], "notes.txt"),
    (["publish", "{run}", "--to", "empty/../notes.txt/site"], "notes.txt"),
    (["publish", "{run}", "--to", LONG], "xxx"),
    (["publish", "{run}", "--to", NUL], r"a\x00b"),
    (["export", "{run}"], "which format?"),
    (["export", "{run}", "--out", "rows.xlsx"], "does not end like a format"),
    (["export", "{run}", "--out", ""], "empty"),
    (["export", "{run}", "--out", "empty", "--format", "csv"], "cannot write 'empty'"),
    (["export", "{run}", "--out", "nowhere/rows.csv"], "cannot write 'nowhere/rows.csv'"),
    (["export", "{run}", "--out", f"{LONG}.csv"], "xxx"),
    (["export", "{run}", "--out", f"{NUL}.csv"], r"a\x00b"),
    (["report", "{run}", "--format", "docx"], "unknown format 'docx'"),
    (["report", "{run}", "--out", "page.docx"], "does not end like a format"),
    (["report", "{run}", "--out", ""], "empty"),
    (["report", "{run}", "--no-plugin", "jaxx"], "unknown plugin 'jaxx'"),
    (["plot", "{run}", "prbe", "--x", "size", "--y", "size"], "unknown experiment"),
    (["plot", "{run}", "probe", "--x", "sise", "--y", "size"], "did you mean 'size'?"),
    (["plot", "{run}", "probe", "--x", "gain", "--y", LONG], "'xxx"),
    (["plot", "{run}", "probe", "--x", "gain", "--y", "size", "--hue", MARKED], r"\x1b[31m"),
    (["plot", "{run}", "probe", "--x", "gain", "--y", "size", "--where", "gain"], "--where takes KEY=V1,V2"),
    (["plot", "{run}", "probe", "--x", "gain", "--y", "size", "--where", f"gain={LONG}"], "no row has"),
    (["plot", "{run}", "probe", "--x", "gain", "--y", "size", "--where", f"{LONG}=1"], "'xxx"),
    (["plot", "{run}", "probe", "--x", "gain", "--y", "size", "--out", "a.gif"], "does not end like a format"),
    (["plot", "{run}", "probe", "--x", "gain", "--y", "size", "--out", ""], "empty"),
    (["plot", "{run}", "probe", "--x", "gain", "--y", "size", "--out", f"{LONG}.png"], "xxx"),
    (["plot", "{run}", "probe", "--x", "gain"], "Missing option '--y'"),
    (["claims", "{run}", "--json", "--faild"], "'--failed'"),
    (["claims", "{run}", "more"], "unexpected extra argument"),
    (["runs", "nowhere"], "no folder 'nowhere'"),
    (["runs", "notes.txt"], "no folder 'notes.txt'"),
    (["runs", "a", "b"], "unexpected extra argument"),
    (["show", "numpy@tunde"], "did you mean 'numpy'?"),
    *[([*words, "gone"], "no_such_framework not installed") for words in (["check"], ["best", "--backend"], ["show"])],
    (["run", "probe", "--backend", "gone"], "no_such_framework not installed"),
    (["train", "--task", "adding", "--backend", "gone"], "no_such_framework not installed"),
    (["show", "echo@2"], "unknown name 'echo@2'"),
    (["show"], "Missing argument 'NAME'"),
    (["show", "csv:nowhere.csv"], "nowhere.csv"),
    (["show", "csv:"], "csv needs a file"),
    (["show", f"csv:{LONG}"], "xxx"),
    (["list", "backends", "cells"], "unexpected extra argument"),
    (["experiments", "probe"], "unexpected extra argument"),
    (["experiments", "--jsn"], "'--json'"),
    (["tasks", LONG], "unexpected extra argument"),
    (["backends", MARKED], "unexpected extra argument"),
    (["backends", "--jsn"], "'--json'"),
    (["cells", "lstm"], "unexpected extra argument"),
    (["doctor", "--backend", "numpy,"], "--backend takes NAME"),
    (["completion"], "Missing argument"),
    (["new-backend"], "Missing argument 'NAME'"),
    (["new-backend", "Mine"], "did you mean 'mine'?"),
    (["new-backend", "numpy"], "'numpy' is registered already"),
    (["new-backend", "../x"], "the name must be lower-case words"),
    (["new-backend", ""], "the name must be lower-case words"),
    (["new-backend", LONG], "xxx"),
    (["new-backend", "x" * 250], "xxx"),
    (["new-backend", MARKED], r"\x1b[31m"),
    (["new-backend", "empty"], "exists already"),
    (["new-cell", "lstm"], "'lstm' is registered already"),
    (["new-cell", "my cell"], "did you mean 'my-cell'?"),
    (["new-cell", RIGHT_TO_LEFT], r"\u202e"),
    (["new-experiment", "speed"], "'speed' is registered already"),
    (["new-experiment", "a" * 5000], "aaa"),
    (["theory", "lacth"], "lacth"),
    (["theory", LONG], "xxx"),
    (["theory", "latch"], "Missing option '--weight'"),
    (["theory", "latch", "--weight", "-1"], "weight must be"),
    (["theory", "latch", "--weight", "1e308"], "weight must be"),
    (["theory", "latch", "--weight", "-inf"], "weight must be"),
    (["theory", "mean-field", "--sigma-w", "1e308"], "sigma_w must be"),
    (["theory", "mean-field", "--sigma-w", "-inf"], "sigma_w must be"),
    (["theory", "mean-field", "--sigma-w", "1", "--sigma-b", "nan"], "sigma_b must be"),
    (["theory", "mean-field", "--sigma-w", "1", "--activation", LONG], "unknown activation 'xxx"),
    (["theory", "driven-rnn", "--gain", "-inf"], "gain must be"),
    (["theory", "driven-rnn", "--gain", "1e308"], "gain must be"),
    (["theory", "driven-rnn", "--gain", "nan"], "gain must be"),
    (["theory", "driven-rnn", "--gain", "1", "--noise", "1e308"], "noise must be"),
    (["theory", "driven-rnn", "--gain", "1", "--noise", "inf"], "noise must be"),
    (["theory", "driven-rnn", "--gain", "1", "--noise", "-1"], "noise must be"),
    (["theory", "gates", "--forget-bias", "-inf"], "forget_bias must be"),
    (["theory", "gates", "--forget-bias", "nan"], "forget_bias must be"),
    (["theory", "gates", "--forget-bias", "1e308"], "forget_bias must be"),
    (["theory", "gates", "--t-max", "1e308"], "t_max must be"),
    (["theory", "truncation", "--weight", "1e308", "--steps", "5", "--horizon", "1"], "weight must be"),
    (["theory", "truncation", "--weight", "-inf", "--steps", "5", "--horizon", "1"], "weight must be"),
    (["theory", "truncation", "--weight", "2", "--steps", "5000", "--horizon", "1"], "choose fewer steps"),
    ([NUL], r"a\x00b"),
]


def lines() -> Iterator[tuple[list[str], str]]:
    """Yield every line, and what its complaint has in it."""
    for table, commands in ((BACKENDS, OF_BACKENDS), (RUNS, OF_RUNS), (PLACES, OF_PLACES)):
        for (name, said), command in product(table.items(), commands.values()):
            yield filled(command, name), said
    for (name, said), (kind, command) in product(NAMES.items(), OF_NAMES.items()):
        yield filled(command, name), said.format(kind)
    for number, command in product(NUMBERS, OF_NUMBERS.values()):
        yield filled(command, number), ""
    for address, said in ADDRESSES.items():
        yield ["run", "probe", "--executor", "dask", "--scheduler", address], said
    yield from LINES


def filled(command: list[str], value: str) -> list[str]:
    return [word.replace("{}", value) for word in command]


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
