"""The libraries of a process: this one's own, and entries as threadpoolctl has them."""

import numpy as np  # noqa: F401  its BLAS is to be found
import pytest
from gradsuite.machine.libraries import libraries, line
from threadpoolctl import threadpool_info, threadpool_limits

OPENBLAS = {
    "user_api": "blas",
    "internal_api": "openblas",
    "num_threads": 2,
    "version": "0.3.31",
    "architecture": "Haswell",
    "filepath": "/env/lib/python3.11/site-packages/numpy.libs/libscipy_openblas64_-1.so",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "numpy: OpenBLAS 0.3.31, Haswell kernels, 2 threads"),
        ({"num_threads": 1, "version": None, "architecture": None}, "numpy: OpenBLAS, 1 thread"),
        ({"internal_api": "mkl", "filepath": "/usr/lib/libmkl_rt.so"},
         "system: MKL 0.3.31, Haswell kernels, 2 threads"),
        ({"internal_api": "new", "filepath": "/x/site-packages/torch/lib/libnew.so"},
         "torch: new 0.3.31, Haswell kernels, 2 threads"),
    ],
)  # fmt: skip
def test_a_library_is_told_with_its_package_kernels_and_threads(changes, expected):
    assert line(OPENBLAS | changes) == expected


def test_this_process_is_told_as_threadpoolctl_finds_it():
    with threadpool_limits(1):
        found = libraries(["numpy"])
        assert len(found) <= len(threadpool_info())
        assert all(line.endswith(", 1 thread") for line in found)
        assert all("/" not in line for line in found)


def test_what_another_package_brought_is_loaded_but_computes_nothing(monkeypatch):
    openmp = OPENBLAS | {"internal_api": "openmp", "filepath": "/env/site-packages/my_framework/lib/libgomp.so.1"}
    system = OPENBLAS | {"internal_api": "blis", "filepath": "/usr/lib/libblis.so"}
    monkeypatch.setattr("gradsuite.machine.libraries.threadpool_info", lambda: [OPENBLAS, openmp, system])
    packages = {line.split(":")[0] for line in libraries({"My-Framework": "1.0"})}
    assert packages == {"my_framework", "system"}
    assert {line.split(":")[0] for line in libraries({"numpy": "2.0"})} == {"numpy", "system"}
