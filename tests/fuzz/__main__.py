"""Fuzzing that is guided by coverage: the targets and properties of these tests, driven by atheris (libFuzzer).

python -m tests.fuzz                                # their names
python -m tests.fuzz csv --seconds 600              # one of them; inputs of use are kept in .fuzz/csv
python -m tests.fuzz csv --again .fuzz/csv-crash-…  # one input again, such as one that it failed at
"""

import argparse
import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from hypothesis import Verbosity, settings

from tests.fuzz.target import Target

PACKAGES = ["gradsuite", "gradsuite_experiments"]  # whose branches guide it
MODULES = ("data", "replies", "runs", "settings", "studies")
KEPT = Path(".fuzz")
LONGEST = 4096  # bytes of an input
PATIENCE = 60  # seconds after which an input counts as one that hangs
MEMORY = 4096  # MiB beyond which one counts as one that takes too much
MISSING = "atheris is not installed: python -m pip install --group fuzz -c constraints.txt"


def targets() -> Iterator[tuple[str, Target]]:
    """Yield every target by its name, and every property as one that makes its example of bytes, as Hypothesis does."""
    for module in MODULES:
        for name, one in vars(import_module(f"tests.fuzz.test_{module}")).items():
            if isinstance(one, Target):
                yield name.lower(), one
            elif hasattr(one, "hypothesis"):
                yield name.removeprefix("test_"), Target(one.hypothesis.fuzz_one_input, (), ())


def instrumented() -> dict[str, Target]:
    """Return the targets, with what they call instrumented."""
    import atheris

    with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=PACKAGES):
        return dict(targets())


def fuzz(name: str, target: Target, seconds: int) -> None:
    """Fuzz a target, and end this process: with exit status 0 if nothing was found."""
    import atheris

    corpus, words = KEPT / name, KEPT / f"{name}.words"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    words.write_text("".join(map(entry, target.words)))
    options = {
        "max_total_time": seconds, "max_len": LONGEST, "timeout": PATIENCE, "rss_limit_mb": MEMORY, "dict": words,
        "artifact_prefix": f"{KEPT / name}-", "print_final_stats": 1,
    }  # fmt: skip
    atheris.Setup([sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(corpus)], target.read)
    atheris.Fuzz()


def entry(word: bytes) -> str:
    """Return the line of a word in a dictionary of libFuzzer's."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


def main() -> None:
    """Do what is typed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz one target, guided by coverage.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the target; without one, their names are printed")
    parser.add_argument("--seconds", type=int, default=300, help="how long (300)")
    parser.add_argument("--again", type=Path, metavar="FILE", help="only read this input, and show what comes of it")
    asked = parser.parse_args()
    fuzzing = asked.name is not None and asked.again is None
    if fuzzing and find_spec("atheris") is None:
        sys.exit(MISSING)
    settings.register_profile("fuzz", database=None, verbosity=Verbosity.normal if fuzzing else Verbosity.verbose)
    settings.load_profile("fuzz")
    found = instrumented() if fuzzing else dict(targets())
    if asked.name is None:
        print(*found, sep="\n")
    elif asked.name not in found:
        parser.error(f"there is no target {asked.name!r}: python -m tests.fuzz prints their names")
    elif fuzzing:
        fuzz(asked.name, found[asked.name], asked.seconds)
    else:
        found[asked.name].read(asked.again.read_bytes())


if __name__ == "__main__":
    main()
