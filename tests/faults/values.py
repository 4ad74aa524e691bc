"""What can be typed wrong in one place of many commands: what stands there, and what is said of it."""

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
    "best --budget": ["best", "--backend", "numpy", "--budget", "{}"],
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
