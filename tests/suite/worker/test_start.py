"""What all threads of a worker have, those too that NumPy's BLAS starts when it is imported."""

import os

import pytest
from gradsuite.machine import subnormals
from gradsuite.worker import start

from tests.throwaway import trial, worker

PRODUCTS = 512 * 512
TWO = {"OPENBLAS_NUM_THREADS": "2"}


def measured(**variables):
    """Return how many subnormal numbers are left of a product, and the cores of each thread."""
    with worker(**TWO, **variables) as process:
        (left, *cores) = process.ask(trial("threads"), 60)["measurements"]
    return left.value, [core.value for core in cores]


def test_numbers_are_kept_unless_asked_otherwise(probe):
    assert measured(**{subnormals.VARIABLE: "0"})[0] == PRODUCTS


@pytest.mark.skipif(not subnormals.available(), reason="no glibc, or not x86-64")
def test_every_thread_of_a_product_flushes(probe):
    assert measured(**{subnormals.VARIABLE: "1"})[0] == 0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a system without affinities")
def test_every_thread_keeps_to_the_workers_cores(probe):
    _, cores = measured(**{start.THREADS_VARIABLE: "1"})
    assert len(cores) > 1
    assert set(cores) == {1.0}
