"""The torch backend keeps every promise of the interface."""

import gradsuite
import pytest

pytest.importorskip("torch")

from gradsuite.testing import BackendConformance
from gradsuite_torch.backend import TorchBackend


class TestTorch(BackendConformance):
    """Runs `gradsuite check torch` check by check."""

    backend = TorchBackend


def test_all_holds_in_a_worker_too_which_has_a_thread_per_core():
    verdicts = gradsuite.check("torch", timeout=600)
    assert verdicts.passed, verdicts
