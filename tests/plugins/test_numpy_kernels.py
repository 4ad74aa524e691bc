"""The environment of a tuned numpy worker."""

import gradsuite_numpy
import pytest
from gradsuite.machine import subnormals
from gradsuite_numpy import SPIN, kernels


@pytest.fixture(autouse=True)
def fast_subnormals(monkeypatch):
    """Let this be a processor to which subnormal numbers are like any others."""
    monkeypatch.setattr(subnormals, "environment", dict)


@pytest.fixture
def low_kernels(monkeypatch):
    """Let OpenBLAS run kernels below AVX-512, and the user have chosen none."""
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    library = {"internal_api": "openblas", "architecture": "Haswell", "filepath": "/lib/numpy.libs/libopenblas.so"}
    monkeypatch.setattr(kernels, "threadpool_info", lambda: [library])
    return library


def environment(tuned=True, features=("avx2", "avx512f"), backend="numpy"):
    return gradsuite_numpy.worker_environment(backend, {"tuned": tuned, "features": list(features)})


@pytest.mark.usefixtures("low_kernels")
def test_a_tuned_worker_gets_the_kernels_its_cpu_has():
    assert environment() == SPIN | {"OPENBLAS_CORETYPE": "SkylakeX"}
    assert environment(tuned=False) == SPIN
    assert environment(features=["avx2"]) == SPIN
    assert environment(backend="torch") is None


@pytest.mark.parametrize("architecture", ["SkylakeX", "Cooperlake", "SapphireRapids", "SAPPHIRERAPIDS"])
def test_kernels_that_are_good_already_stay(low_kernels, architecture):
    low_kernels["architecture"] = architecture
    assert environment() == SPIN


@pytest.mark.usefixtures("low_kernels")
def test_the_users_own_choice_stays(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert environment() == SPIN


def test_another_blas_is_left_alone(low_kernels):
    low_kernels["internal_api"] = "mkl"
    assert environment() == SPIN


def test_numpys_own_openblas_counts_when_there_are_several(low_kernels, monkeypatch, tmp_path):
    (tmp_path / "numpy").mkdir()
    monkeypatch.setattr(kernels.np, "__file__", str(tmp_path / "numpy" / "__init__.py"))
    bundled = low_kernels | {"architecture": "SkylakeX", "filepath": str(tmp_path / "numpy.libs" / "libopenblas.so")}
    monkeypatch.setattr(kernels, "threadpool_info", lambda: [low_kernels, bundled])
    assert environment() == SPIN


def test_a_tuned_worker_flushes_subnormal_numbers_where_they_are_slow(monkeypatch):
    flush = {"GRADSUITE_FLUSH_SUBNORMALS": "1"}
    monkeypatch.setattr(subnormals, "environment", lambda: flush)
    assert environment(features=[]) == SPIN | flush
    assert environment(features=[], tuned=False) == SPIN
