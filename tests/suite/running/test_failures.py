"""What failed and why, grouped, and what keeps a run from being a success."""

from dataclasses import replace

import pytest
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement
from gradsuite.running.failures import failures, shortcomings

from tests.stored import run_of

NOTHING = "nothing was measured"
OK = Result("ok", (Measurement("size", 1.0),))
CLAIM = Claim(
    name="probe/so", backend="numpy", sentence="It is so.", source=Source("a paper"), expected=1.0, measured=9.0,
    tolerance=0.1, resolution=Resolution(0.012, "the gradient"),
)  # fmt: skip


@pytest.fixture
def run(tmp_path):
    def run(*outcomes, **meta):
        return run_of(tmp_path / "run", outcomes, **meta)

    return run


def trial(size, backend="numpy", experiment="probe"):
    return Trial(experiment, backend, "cpu", {"size": size, "gain": 0.5})


def test_one_line_for_each_reason_with_what_tells_the_trials_apart(run):
    broken = Result("error", reason="ZeroDivisionError")
    outcomes = [(trial(size, backend), broken) for size in range(5) for backend in ("numpy", "torch")]
    slow = Result("timeout", reason="no answer in 5 s")
    stored = run(*outcomes, (trial(7), OK), (trial(8, "jax"), slow), (trial(9), Result("unsupported", reason="no")))
    assert failures(stored.trials()) == [
        "10 error on numpy, torch: ZeroDivisionError (probe size=0, probe size=1, probe size=2 and 2 more)",
        "1 timeout on jax: no answer in 5 s (probe size=8)",
    ]


def test_of_a_run_that_measured_nothing_all_is_told(run):
    lacking = Result("unsupported", reason="echo has no cell 'rnn'")
    assert failures(run((trial(1, "echo"), lacking)).trials()) == [
        "1 unsupported on echo: echo has no cell 'rnn' (probe)"
    ]


def test_many_reasons_are_cut(run):
    stored = run(*((trial(size), Result("error", reason=f"fault {size}")) for size in range(12)))
    lines = failures(stored.trials())
    assert len(lines) == 11
    assert lines[-1] == "and 2 more reasons: the report has them all"


@pytest.mark.parametrize(
    ("results", "claims", "wrong", "loose", "strict"),
    [
        ([OK], [], {}, [], []),
        ([OK], [replace(CLAIM, measured=1.0)], {}, [], []),
        ([], [], {}, [NOTHING], [NOTHING]),
        ([Result("unsupported")], [], {}, [NOTHING], [NOTHING]),
        ([OK, Result("unsupported")], [], {}, [], []),
        ([OK, Result("error")], [], {}, [], ["1 error"]),
        ([OK, Result("error"), Result("error")], [], {}, [], ["2 errors"]),
        ([OK, Result("timeout")], [], {}, [], ["1 timeout"]),
        ([OK], [CLAIM], {}, [], ["1 failed claim"]),
        ([OK], [CLAIM, replace(CLAIM, backend="jax")], {}, [], ["2 failed claims"]),
        ([OK], [], {"jax": "wrong"}, [], ["wrong gradients of jax"]),
        (
            [Result("error")],
            [CLAIM],
            {},
            [NOTHING],
            ["nothing was measured", "1 error", "1 failed claim"],
        ),
    ],
)
def test_what_keeps_a_run_from_being_a_success(run, results, claims, wrong, loose, strict):
    stored = run(*((trial(size), result) for size, result in enumerate(results)), preflight=wrong)
    stored.keep_claims("probe", claims)
    assert list(shortcomings(stored, strict=False)) == loose
    assert list(shortcomings(stored, strict=True)) == strict
