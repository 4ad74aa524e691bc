"""Every check of the interface: in float32 all of them hold, in float64 all but those that MLX has no precision for."""

from pathlib import Path

import gradsuite
import pytest
from gradsuite.testing import BackendConformance
from gradsuite_mlx.backend import MlxBackend

XFAILS = Path(__file__).parents[1] / "xfails.txt"
# The unit roundoff of float32 is 6e-8: errors of its size, a few times amplified or averaged away. Float64's is 1e-16.
LEAST, MOST = 2.0**-24 / 64, 2.0**-24 * 64


class TestMlx(BackendConformance):
    """Runs `gradsuite check mlx --dtype float32` check by check."""

    backend = MlxBackend()
    dtypes = ("float32",)


def test_float64_is_reported_as_mlx_computes_it() -> None:
    """As `gradsuite check mlx --dtype float64 --xfails xfails.txt`: a deviation either way fails."""
    lines = (line.partition("#")[0].split() for line in XFAILS.read_text("utf-8").splitlines())
    expected = {words[0] for words in lines if words}
    failed = {result.check: result.error for result in gradsuite.check(MlxBackend(), dtype="float64").failed}
    assert failed.keys() == expected
    assert all(LEAST < error < MOST for error in failed.values() if error is not None), failed


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_lazy_framework_is_waited_for(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what starts and awaits the computation, everything is left to fetch, and `check` says so."""
    from gradsuite.conformance import Subject, run
    from gradsuite.conformance.checks.laziness import synchronize_computes

    subject = Subject(MlxBackend(), "cpu", dtype)
    assert run(synchronize_computes, subject).verdict == "passed"
    monkeypatch.setattr("mlx.core.async_eval", lambda *arrays: None)
    left = run(synchronize_computes, subject)
    assert left.verdict == "failed"
    assert left.error > 0.5
