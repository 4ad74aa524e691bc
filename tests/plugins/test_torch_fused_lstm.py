"""The fused kernel forward and the way back by hand: against the steps by hand, and the recurrence against a loop."""

from functools import partial

import numpy as np
import pytest
from gradsuite.model import READOUTS, Model
from gradsuite.parameters import initialise
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from gradsuite_torch.backend import TorchBackend  # noqa: E402
from gradsuite_torch.fused_lstm import FusedLstm, accumulated  # noqa: E402
from gradsuite_torch.lstm import Lstm  # noqa: E402
from gradsuite_torch.products import ONEDNN  # noqa: E402

from tests.plugins import passes  # noqa: E402
from tests.plugins.passes import assert_same, random_batch  # noqa: E402

run = partial(passes.run, TorchBackend())

ROUNDING = 6e-8  # float32's


@settings(max_examples=40, derandomize=True)
@given(st.integers(1, 40), st.integers(0, 99))
def test_a_recurrence_is_that_of_a_loop(T, seed):
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(T, 2, 3, generator=generator, dtype=torch.float64)
    f = torch.rand(T, 2, 3, generator=generator, dtype=torch.float64)
    y, size, expected, sizes = torch.zeros(2, 3), torch.zeros(2, 3), [], []
    for a_t, f_t in zip(a, f, strict=True):
        y, size = a_t + f_t * y, a_t.abs() + f_t * size
        expected.append(y)
        sizes.append(size)
    # A term of y_t is a product of at most T factors, each rounded once by 2^-53, and there are at most T additions.
    bound = 2 * 2 * T * 2.0**-53 * torch.stack(sizes)
    assert ((accumulated(a, f) - torch.stack(expected)).abs() <= bound).all()


@pytest.mark.skipif(not ONEDNN, reason="PyTorch without oneDNN")
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("steps", [1, 2, 13])
def test_they_are_those_of_the_steps_by_hand(monkeypatch, readout, num_layers, steps):
    model = Model("lstm", 3, 5, 0 if readout == "none" else 2, num_layers, readout=readout)
    parameters, batch = initialise(model, seed=1), random_batch(model, steps, 4)
    exact = run(model, parameters, batch)
    # 13 steps there and back of about 10 roundings, through 2 layers, that grow as their root; 3 sigma, twice over.
    bound = 6 * ROUNDING * np.sqrt(2 * 13 * 10 * 2)
    monkeypatch.setattr(FusedLstm, "largest", 0)
    monkeypatch.setattr(torch, "lstm", None)  # by hand it is not needed
    assert_same(run(model, parameters, batch, dtype="float32"), exact, bound)
    monkeypatch.undo()
    assert_same(run(model, parameters, batch, dtype="float32"), exact, bound)
    monkeypatch.setattr(Lstm, "step_through", None)  # nor are the steps by hand for few units
    assert_same(run(model, parameters, batch, dtype="float32"), exact, bound)


@pytest.mark.skipif(not ONEDNN, reason="PyTorch without oneDNN")
def test_an_infinite_gradient_is_no_reason_for_nan_elsewhere():
    model = Model("lstm", 2, 3, readout="none", loss="inner_product")
    parameters, batch = initialise(model), random_batch(model, 4, 2)
    batch.targets[0, 0] = 1e39  # infinite in float32
    plain, with_states = (run(model, parameters, batch, dtype="float32", states=states) for states in (False, True))
    for name in plain:
        assert np.array_equal(np.isnan(plain[name]), np.isnan(with_states[name])), name
