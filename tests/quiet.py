"""Trials of `compare` and `bench` on this machine, for a quiet hour: they measure time, so no test runs them.

python -m tests.quiet equal    # 21 real runs: of 20 comparisons of neighbours at most 1 reports a difference
python -m tests.quiet planted  # a kernel slowed by 5%: `bench --against` finds it in at least 18 of 20 trials
python -m tests.quiet spread   # two Dask workers of one thread measure at least 1.7 times as many untimed trials as one

A folder after the name keeps the runs that were made.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from tests.throwaway import gradsuite, install

ROOT = Path(__file__).parents[1]
TRIALS = 20
MOST_ALARMS = 1
LEAST_FOUND = 18
SLOWED = "slower"
LEAST_RATIO = 1.7

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


def spread(folder: Path) -> bool:
    """Measure trials of half a second of computing, as most of the suite's are, on one Dask worker and on two."""
    from distributed import Client
    from gradsuite.experiment import Trial
    from gradsuite.machine.facts import machine
    from gradsuite.plugins import load
    from gradsuite.running.configuration import Configuration
    from gradsuite.running.executors import open_executor

    from tests.suite.running.test_executor_dask import CLUSTER, Cluster

    install(folder, "cluster", CLUSTER)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    groups = [[Trial("spread", "echo", "cpu", {"number": n, "what": "burn"}, timed=False)] for n in range(40)]
    rates, cluster = [], Cluster(folder)
    try:
        for workers in (1, 2):
            cluster.worker()
            with Client(cluster.address, set_as_default=False) as client:
                client.wait_for_workers(workers, timeout=100)
            asked = Configuration(executor="dask", scheduler=cluster.address, threads=1)
            with open_executor(asked, load(), machine()) as executor:
                list(executor.run(groups[:10]))
                began = time.perf_counter()
                rates.append(len(list(executor.run(groups))) / (time.perf_counter() - began))
    finally:
        cluster.close()
    print(f"{rates[0]:.1f} trials a second on one, {rates[1]:.1f} on two: {rates[1] / rates[0]:.2f} times as many")
    return rates[1] >= LEAST_RATIO * rates[0]


TRIED = {"equal": equal, "planted": planted, "spread": spread}


def main(name: str, folder: str = "") -> int:
    """Run a trial, in a folder that keeps what it measured if one is given; return the exit status."""
    if folder:
        place = Path(folder).resolve()
        place.mkdir(parents=True)
        return 0 if TRIED[name](place) else 1
    with tempfile.TemporaryDirectory() as temporary:
        return 0 if TRIED[name](Path(temporary)) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
