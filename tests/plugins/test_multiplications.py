"""Bare matrix products, which gradients are held against: each backend's own library, and each computes a m."""

import numpy as np
import pytest
from gradsuite.backend import Backend
from gradsuite_numpy.backend import NumpyBackend

RNG = np.random.default_rng(0)
A, M = RNG.standard_normal((300, 70)).astype("float32"), RNG.standard_normal((70, 110)).astype("float32")
BOUND = 70 * 2.0**-24 * 10  # a sum of 70 products of numbers of order 1


def test_a_backend_has_none_unless_it_says_so():
    assert Backend.multiplications(NumpyBackend(), A, M, 1) == ()


def test_numpy_multiplies_by_its_blas(monkeypatch):
    products = []
    plain = np.matmul
    monkeypatch.setattr(np, "matmul", lambda *args, **kwargs: products.append(plain(*args, **kwargs).copy()))
    (call,) = NumpyBackend().multiplications(A, M, 3)
    call()
    assert len(products) == 3
    assert all(np.abs(product - A @ M).max() < BOUND for product in products)


def test_torch_multiplies_by_its_default_and_by_onednn(monkeypatch):
    torch = pytest.importorskip("torch")
    from gradsuite_torch import products
    from gradsuite_torch.backend import TorchBackend

    computed, linear, mm = [], products._linear, torch.mm
    monkeypatch.setattr(products, "_linear", lambda *args: computed.append(linear(*args)))
    monkeypatch.setattr(torch, "mm", lambda *args, **kwargs: computed.append(mm(*args, **kwargs)))
    for times in (1, 3):
        computed.clear()
        calls = TorchBackend().multiplications(A, M, times)
        assert len(calls) == 1 + products.ONEDNN
        for call in calls:
            call()
        assert len(computed) == times * len(calls)
        assert all(np.abs(product.numpy() - A @ M).max() < BOUND for product in computed)


def test_jax_multiplies_over_and_over_in_one_program():
    pytest.importorskip("jax")
    from gradsuite_jax.backend import JaxBackend
    from gradsuite_jax.product import repeated

    (call,) = JaxBackend().multiplications(A, M, 2)
    assert np.abs(call() - repeated(A, M, 2)).max() == 0
    assert np.abs(repeated(A, M, 1) - A @ M).max() < BOUND
    again = A.copy()
    again[0, 0] = (A @ M)[0, 0]  # what keeps the compiler from leaving out the second product
    assert np.abs(repeated(A, M, 2) - again @ M).max() < 10 * BOUND
