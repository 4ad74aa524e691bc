"""What counts as a disturbance."""

import subprocess
import sys
import time
from math import isnan

import pytest
from gradsuite.machine import family
from gradsuite.measuring.contention import Conditions, Watch, frequency, waited

QUIET = {"wall": 0.5, "cpu": 0.5, "waiting": 0.0, "steal": 0.0, "neighbours": 0.0}
REST = {"switches": 0, "load": 0.0, "frequency": 3000.0}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"steal": 0.05}, "hypervisor took the cores for 10%"),
        ({"neighbours": 0.5}, "other processes kept 1.0 cores busy"),
        ({"neighbours": 0.03, "waiting": 0.05}, "other processes kept less than 0.1 cores busy"),
        ({"wall": 0.03, "cpu": 0.02, "neighbours": 0.06, "waiting": 0.01}, "other processes kept 2.0 cores busy"),
    ],
)
def test_a_disturbance_is_named(change, word):
    assert word in Conditions(**QUIET | change, **REST).disturbance()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"cpu": 1.0},
        {"neighbours": 0.04},
        # Threads that wait although nobody else computes wait for each other.
        {"waiting": 0.4},
        # Two ticks of 10 ms within a sample of 20 ms may be rounding.
        {"wall": 0.02, "cpu": 0.02, "neighbours": 0.02, "steal": 0.02, "waiting": 0.01},
    ],
)
def test_what_is_within_the_resolution_is_no_disturbance(change):
    assert Conditions(**QUIET | change, **REST).disturbance() is None


def test_a_watch_counts_what_has_been_since_it_last_stopped():
    began = time.perf_counter()
    watch = Watch()
    time.sleep(0.05)
    first, second = watch.stop(), watch.stop()
    assert 0.05 <= first.wall <= time.perf_counter() - began - second.wall
    for conditions in (first, second):
        assert min(conditions.cpu, conditions.waiting, conditions.neighbours, conditions.switches) >= 0


def test_what_the_system_does_not_count_is_zero_or_nan():
    assert waited() >= 0
    assert isnan(frequency()) or frequency() > 0


def test_what_another_process_computes_for_us_is_ours():
    code = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        family.add(process.pid)
        try:
            watch, began = Watch(), time.process_time()
            process.stdout.readline()
            conditions = watch.stop()
        finally:
            family.remove(process.pid)
            process.communicate(b"\n")
    # Its 0.3 s may have begun before the watch did, and are counted in ticks of 10 ms; ours is what is left.
    assert conditions.cpu - (time.process_time() - began) > 0.05
    assert process.pid not in family.pids()
