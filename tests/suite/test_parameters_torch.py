"""Names, shapes and default values of the parameters against torch.nn's own."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gradsuite.model import Model, parameter_shapes  # noqa: E402  after the skip
from gradsuite.parameters import initialise  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from scipy.stats import ks_2samp  # noqa: E402

RECURRENT = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


@given(st.sampled_from(list(RECURRENT)), *[st.integers(1, 9)] * 2, st.integers(1, 3))
@settings(max_examples=30)
def test_recurrent_names_shapes_and_order(cell, width, hidden, layers):
    theirs = RECURRENT[cell](width, hidden, layers).state_dict()
    ours = parameter_shapes(Model(cell, width, hidden, num_layers=layers, readout="none"))
    assert list(ours.items()) == [(name, tuple(p.shape)) for name, p in theirs.items()]


def test_mlp_and_readout_names_shapes_and_order():
    linear = torch.nn.Linear
    module = torch.nn.ModuleDict(
        {"layers": torch.nn.ModuleList([linear(3, 5), linear(5, 5)]), "readout": linear(5, 2)},
    )
    ours = parameter_shapes(Model("mlp", 3, 5, 2, num_layers=2))
    assert list(ours.items()) == [(name, tuple(p.shape)) for name, p in module.state_dict().items()]


@pytest.mark.parametrize("cell", RECURRENT)
def test_the_default_of_recurrent_layers_has_torchs_distribution(cell):
    torch.manual_seed(0)
    theirs = RECURRENT[cell](30, 50).state_dict()
    ours = initialise(Model(cell, 30, 50, readout="none"))
    for name, parameter in theirs.items():
        assert same_distribution(ours[name], parameter.numpy())


def test_the_default_of_linear_layers_has_torchs_distribution():
    torch.manual_seed(0)
    ours = initialise(Model("mlp", 30, 200, 100))
    for name, module in (("layers.0", torch.nn.Linear(30, 200)), ("readout", torch.nn.Linear(200, 100))):
        for kind, parameter in module.state_dict().items():
            assert same_distribution(ours[f"{name}.{kind}"], parameter.numpy())


def same_distribution(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Two samples of one law have p below 1e-6 once in a million; those of U(+-1) and U(+-1.3) of this size always."""
    return ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 1e-6
