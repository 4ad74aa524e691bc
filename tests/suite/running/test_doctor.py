"""The doctor: on a throwaway backend whose clock is known, and advice on diagnoses made by hand."""

import json

import pytest
from gradsuite.backend import BackendInfo
from gradsuite.commands.doctor import report
from gradsuite.measuring.contention import Conditions
from gradsuite.measuring.intervals import Interval
from gradsuite.running.doctor import Diagnosis, Gain, Noise, Rate

from tests.throwaway import install

CALM = Conditions(wall=1.0, cpu=1.0, waiting=0.0, steal=0.0, neighbours=0.0, switches=0, load=0.1, frequency=3e3)
CROWDED = Conditions(wall=1.0, cpu=1.0, waiting=0.5, steal=0.0, neighbours=1.5, switches=0, load=3.0, frequency=3e3)
MACHINE = {
    "cpu": "A CPU", "features": ["avx2", "sse"], "cores": 2, "threads": 2, "memory": 2**31, "platform": "Linux",
    "python": "CPython 3.11",
}  # fmt: skip
KERNELS = {"KERNELS": "best"}

# `mine` takes half the time with the variable that its plugin sets for a tuned worker, and fifty times as long with
# subnormal numbers unless they are flushed: the timers of its worker say so, without looking at a clock.
PLUGIN = """
import os
import numpy as np
from gradsuite import hookimpl
from gradsuite.backend import Backend, BackendInfo, Network
from gradsuite.measuring.timing import Timer

class Timed(Network):
    def put(self, batch):
        subnormal = np.abs(batch.inputs).max() < np.finfo(np.float32).tiny
        slow = subnormal and os.environ.get("GRADSUITE_FLUSH_SUBNORMALS") != "1"
        seconds = (1 if os.environ.get("KERNELS") == "best" else 2) * (50 if slow else 1)
        Timer._seconds = lambda self, repetitions: seconds * repetitions
    def forward(self, *arguments, **options):
        return None
    backward = update = synchronize = fetch = forward

class Mine(Backend):
    name = "mine"
    def describe(self):
        return BackendInfo("mine", {"mine": "1.0"}, ("cpu",), ("float32",), ("mlp",), libraries=("mine: by hand",))
    def build(self, model, parameters, *, device="cpu", dtype="float32", **options):
        return Timed(model, parameters, device=device, dtype=dtype)

@hookimpl
def register_backends(register):
    register(Mine)

@hookimpl
def worker_environment(backend, machine):
    return VARIABLES if backend == "mine" and machine["tuned"] else None
"""
FLUSH = {"GRADSUITE_FLUSH_SUBNORMALS": "1"}


def diagnosis(**changes):
    info = BackendInfo("mine", {}, ("cpu",), ("float32",), ("mlp",), libraries=("mine: by hand", "numpy: OpenBLAS"))
    rate = Rate("mine", Interval(2e9, 1.9e9, 2.1e9), 1.0, 2.0)
    found = {
        "machine": MACHINE, "backends": {"mine": info}, "unavailable": [], "noise": Noise(0.004, 0.1, 0.02, CALM),
        "rates": [rate], "gains": [], "failures": {},
    }  # fmt: skip
    return Diagnosis(**found | changes)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, []),
        ({"gains": [Gain("mine", KERNELS, Interval(1.9, 1.8, 2.0))]},
         ["mine: set KERNELS=best, or run with --tuned: measured 1.90 times the rate (1.80 to 2.00)"]),
        ({"gains": [Gain("mine", KERNELS, Interval(1.01, 0.97, 1.04))]},
         ["mine: KERNELS=best brings 1.01 times the rate (0.97 to 1.04): it does not pay here"]),
        ({"gains": [Gain("mine", KERNELS, Interval(1.0, 0.97, 1.04), Interval(84.4, 80.2, 90.0))]},
         ["mine: set KERNELS=best, or run with --tuned: measured 1.00 times the rate (0.97 to 1.04), and 84 times "
          "the rate (80 to 90) where numbers are subnormal"]),
        ({"gains": [Gain("mine", KERNELS, Interval(1.0, 0.97, 1.04), Interval(1.0, 0.98, 1.02))]},
         ["mine: KERNELS=best brings 1.00 times the rate (0.97 to 1.04), and 1.00 times the rate (0.98 to 1.02)"]),
        ({"noise": Noise(0.3, 2.0, 0.0, CROWDED)},
         ["other processes kept 1.5 cores busy: measure when they have ended"]),
        ({"noise": Noise(0.05, 2.0, 0.0, CALM)}, ["a fixed computation varies by 5.0%"]),
        ({"noise": Noise(0.004, 0.1, 0.5, CALM)}, ["beside 50% of the samples the core ran below 80% of its pace"]),
        ({"rates": [Rate("mine", Interval(1e9, 1e9, 1e9), 1.0, 1.0)]}, ["mine keeps 1.0 of 2 cores busy"]),
        ({"machine": MACHINE | {"threads": 4}, "rates": []}, ["4 threads share 2 cores: give --threads 2"]),
    ],
)  # fmt: skip
def test_advice_is_given_where_it_pays(changes, advice):
    lines = list(diagnosis(**changes).advice())
    assert len(lines) == len(advice)
    assert all(line.startswith(start) for line, start in zip(lines, advice, strict=True))


def test_the_report_says_what_was_found():
    text = "\n".join(report(diagnosis(failures={"gone": "timeout: no answer"})))
    assert "A CPU: 2 cores, 2 threads per worker, avx2, 2.0 GiB" in text
    assert ["mine", "2", "2", "to", "2", "100%", "2.0"] in [line.split() for line in text.splitlines()]
    assert "gone: not measured: timeout: no answer" in text
    assert "within 0.4% of their median" in text
    assert "beside 2% of them the core ran far below its pace" in text
    assert text.endswith("nothing to gain: no plugin knows of anything faster here, and it is quiet")


def test_a_tuned_worker_is_measured_beside_the_plain_one(type_in, probe, monkeypatch):
    install(probe, "gemmy", PLUGIN.replace("VARIABLES", repr(KERNELS)))
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "experiments")  # the doctor needs none
    status, output, _ = type_in("doctor", "--backend", "mine", "--json")
    assert status == 0
    diagnosed = json.loads(output)
    assert {rate["backend"]: rate["share"] for rate in diagnosed["rates"]} == {"mine": 0.5, "mine@tuned": 1.0}
    (gain,) = diagnosed["gains"]
    assert (gain["backend"], gain["variables"], gain["ratio"]["median"]) == ("mine", KERNELS, 2.0)
    assert gain["subnormal"] is None
    advice = "mine: set KERNELS=best, or run with --tuned: measured 2.00 times the rate"
    assert diagnosed["advice"][0].startswith(advice)
    assert "mine: by hand" in diagnosed["backends"]["mine"]["libraries"]


def test_a_worker_tuned_for_subnormal_numbers_is_measured_with_them_too(type_in, probe, monkeypatch):
    install(probe, "flushing", PLUGIN.replace("VARIABLES", repr(FLUSH)))
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "experiments")
    monkeypatch.delenv("GRADSUITE_FLUSH_SUBNORMALS", raising=False)
    status, output, _ = type_in("doctor", "--backend", "mine", "--json")
    assert status == 0
    (gain,) = json.loads(output)["gains"]
    assert (gain["ratio"]["median"], gain["subnormal"]["median"]) == (1.0, 50.0)
    assert "50 times the rate (50 to 50) where numbers are subnormal" in json.loads(output)["advice"][0]


def test_what_cannot_be_examined_is_one_line(type_in):
    assert type_in("doctor", "--backend", "ecko")[0] == 2
