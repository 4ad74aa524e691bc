"""Trials of `compare` and `bench` on this machine, for a quiet hour: they measure time, so no test runs them.

python -m tests.quiet equal    # 21 real runs: of 20 comparisons of neighbours at most 1 reports a difference
python -m tests.quiet planted  # a kernel slowed by 5%: `bench --against` finds it in at least 18 of 20 trials
"""

import json
import shutil
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from tests.throwaway import gradsuite

ROOT = Path(__file__).parents[1]
TRIALS = 20
MOST_ALARMS = 1
LEAST_FOUND = 18
SLOWED = "slower"

# What makes every call of a network's take 5% longer, without asking what it does: it is waited that long.
SLOWER = """

def _slowed(call):
    from time import perf_counter

    def longer(self, *arguments, **named):
        global _within
        if _within:  # a call within a call is slowed with it
            return call(self, *arguments, **named)
        _within, began = True, perf_counter()
        try:
            result = call(self, *arguments, **named)
        finally:
            _within = False
        end = began + 1.05 * (perf_counter() - began)
        while perf_counter() < end:
            pass
        return result

    return longer


_within, _slow = False, set()
_build = NumpyBackend.build


def _slow_build(self, *arguments, **named):
    network = _build(self, *arguments, **named)
    if type(network) not in _slow:
        _slow.add(type(network))
        for name in ("forward", "backward", "update", "step"):
            setattr(type(network), name, _slowed(getattr(type(network), name)))
    return network


NumpyBackend.build = _slow_build
"""


def done(process: "subprocess.CompletedProcess[str]") -> str:
    """Return what a command printed. Raises RuntimeError with its complaint if it failed."""
    if process.returncode:
        raise RuntimeError(process.stderr)
    return process.stdout


def equal(folder: Path) -> bool:
    """Compare neighbours among runs of the same code; return whether few enough report a difference."""
    runs = []
    for number in range(TRIALS + 1):
        asked = ["run", "speed", "--preset", "quick", "--threads", "1", "--out", f"run-{number}"]
        runs.append(done(gradsuite(folder, *asked)).splitlines()[-1])
    alarms = 0
    for before, after in pairwise(runs):
        (found,) = json.loads(done(gradsuite(folder, "compare", before, after, "--format", "json")))
        ratios = [*found["workloads"], *found["geometric_means"]]
        different = [one for one in ratios if one["verdict"] != "no difference"]
        alarms += bool(different)
        print(before, after, len(ratios), "ratios, noise", found["noise"], "different:", different, flush=True)
    print(f"{alarms} of {TRIALS} comparisons of equal code report a difference (at most {MOST_ALARMS} may)")
    return alarms <= MOST_ALARMS


def planted(folder: Path) -> bool:
    """Compare a kernel that was slowed by 5% with itself; return whether that is found often enough."""
    original, slowed = ROOT / "plugins", folder / "slowed"
    shutil.copytree(original, slowed)
    module = slowed / "gradsuite_numpy" / "backend.py"
    module.write_text(module.read_text() + SLOWER)
    found = 0
    for _ in range(TRIALS):
        asked = ["bench", "numpy", "--against", str(original), "--threads", "1", "--format", "json"]
        outcome = json.loads(done(gradsuite(slowed, *asked)))
        verdicts = {f"{one['metric']} {one['settings']['cell']}": one["verdict"] for one in outcome["workloads"]}
        found += SLOWED in verdicts.values() or SLOWED in [one["verdict"] for one in outcome["geometric_means"]]
        print(outcome["noise"], outcome["geometric_means"], verdicts, flush=True)
    print(f"a kernel slowed by 5% is found in {found} of {TRIALS} trials (at least {LEAST_FOUND} are asked for)")
    return found >= LEAST_FOUND


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.exit(0 if {"equal": equal, "planted": planted}[sys.argv[1]](Path(place)) else 1)
