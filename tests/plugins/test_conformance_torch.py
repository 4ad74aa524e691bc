"""The torch backend keeps every promise of the interface."""

import pytest

pytest.importorskip("torch")

from gradsuite.testing import BackendConformance
from gradsuite_torch.backend import TorchBackend


class TestTorch(BackendConformance):
    """Runs `gradsuite check torch` check by check."""

    backend = TorchBackend
