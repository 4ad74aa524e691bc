"""All tests: the same examples in every run, none that fails because the machine is busy, and one thread a process."""

import gc
import os

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")

# A process of pytest per core leaves none for the threads that BLAS (NumPy) and OpenMP (PyTorch) would start in each:
# they wait for one another, at four to six times the processor time. Workers are given a thread per core, as always.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
# These sleep while they wait for one another: spinning, they would keep the cores from other tests.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` is: one more than cores, for tests wait a third of their time.

    They wait for time limits and pauses that they are about, for disks, and for worker processes to end.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is long, in its order: whatever of it is shared is then made once, by one process."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Leave out of every search for garbage what stays to the end: some ten thousand tests, and the frameworks.

    Experiments search before each measurement of memory, and Python does by itself, more often the more is made.
    """
    gc.collect()
    gc.freeze()
