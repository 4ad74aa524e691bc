"""Claims in a run: stored, listed, and what --strict makes of a failed one."""

import json
import math
from dataclasses import replace

import pytest
from click.testing import CliRunner
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.commands import gradsuite
from gradsuite.runs.store import Run

CLAIM = Claim(
    name="question/so",
    backend="numpy",
    sentence="It is so.",
    source=Source("a paper", checked=False),
    expected=1.0,
    measured=1.05,
    tolerance=0.1,
    resolution=Resolution(0.012, "the gradient"),
)


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", {})


def test_claims_come_back_as_they_were_stored(run):
    claims = [CLAIM, replace(CLAIM, name="question/less", sentence="Nor less.", measured=math.nan, relation=">=")]
    run.keep_claims("question", claims)
    stored = run.claims()
    assert list(stored["verdict"]) == ["holds", "fails"]
    assert stored.iloc[0].to_dict() == {**CLAIM.row(), "machine": ""}  # of a run on one machine
    assert run.claims_of("question")[0] == CLAIM
    assert run.claims_of("another") == []
    assert math.isnan(stored.iloc[1]["measured"])


def test_claims_judged_again_replace_those_of_their_experiment_alone(run):
    run.keep_claims("question", [CLAIM])
    run.keep_claims("another", [replace(CLAIM, name="another/so")])
    run.keep_claims("question", [replace(CLAIM, measured=9.0)])
    assert run.claims().set_index("experiment")["verdict"].to_dict() == {"another": "holds", "question": "fails"}


def test_the_list_says_how_many_hold(run):
    run.keep_claims("question", [CLAIM, replace(CLAIM, backend="jax", measured=9.0)])
    printed = CliRunner().invoke(gradsuite, ["claims", str(run.path)], catch_exceptions=False).output
    assert printed.splitlines()[-1] == "1 of 2 claims hold"
    assert "a paper [*]" in printed
    assert printed.count("the source itself could not be read") == 1


def test_sources_that_were_read_need_no_note(run):
    run.keep_claims("question", [replace(CLAIM, source=Source("a paper"))])
    printed = CliRunner().invoke(gradsuite, ["claims", str(run.path)], catch_exceptions=False).output
    assert "[*]" not in printed
    assert "question/so" in printed
    assert "1.2% in the gradient" in printed


def test_json_has_every_digit_of_a_tolerance(run):
    run.keep_claims("question", [replace(CLAIM, tolerance=8.123456789012345e-11, expected=1e-17)])
    printed = CliRunner().invoke(gradsuite, ["claims", str(run.path), "--json"], catch_exceptions=False).output
    (claim,) = json.loads(printed)
    assert (claim["tolerance"], claim["expected"]) == (8.123456789012345e-11, 1e-17)


def test_json_has_null_for_what_is_not_a_number(run):
    run.keep_claims("question", [replace(CLAIM, measured=math.nan)])
    printed = CliRunner().invoke(gradsuite, ["claims", str(run.path), "--json"], catch_exceptions=False).output
    (claim,) = json.loads(printed)
    assert claim["measured"] is None
    assert (claim["resolution"], claim["quantity"]) == (0.012, "the gradient")
    assert claim["verdict"] == "fails"


def test_failed_claims_alone_and_an_exit_status(run):
    def typed(*flags):
        done = CliRunner().invoke(gradsuite, ["claims", str(run.path), *flags], standalone_mode=False)
        return done.return_value, done.stdout

    assert typed("--strict") == (1, "0 of 0 claims hold\n")
    run.keep_claims("question", [CLAIM])
    assert typed("--strict")[0] == 0
    assert typed("--failed") == (0, "1 of 1 claims hold\n")
    run.keep_claims("question", [CLAIM, replace(CLAIM, backend="jax", measured=9.0)])
    assert typed()[0] == 0
    status, printed = typed("--strict", "--failed")
    assert status == 1
    rows = [line.split()[:3] for line in printed.splitlines() if line.startswith(("fails", "holds"))]
    assert rows == [["fails", "question/so", "jax"]]
    assert printed.endswith("1 of 2 claims hold\n")
    assert [claim["backend"] for claim in json.loads(typed("--failed", "--json")[1])] == ["jax"]


def test_a_run_stores_and_prints_its_claims_and_strict_exits_with_one_if_one_fails(tiny, type_in):
    line = ("run", "tiny", "--backend", "numpy", "--preset", "quick")
    for more, strict, verdicts in (([], 1, ["holds", "fails"]), (["--set", "number=0"], 0, ["holds", "holds"])):
        status, output, _ = type_in(*line, *more)
        assert status == 0
        assert ("1 of 2 claims hold" if "fails" in verdicts else "2 claims hold") in output
        assert list(Run.open(tiny / "results" / "latest").claims()["verdict"]) == verdicts
        assert type_in("run", "--resume", "latest", "--strict")[0] == strict
