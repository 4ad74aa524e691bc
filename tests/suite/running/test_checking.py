"""`gradsuite check` of backends that exit, crash, hang or scribble: each is a failure of the check it was in."""

import json
import signal
import subprocess
import sys

import gradsuite
import pytest
from gradsuite.__main__ import main
from gradsuite.conformance import CHECKS, asked
from gradsuite.errors import UserError
from gradsuite.running.checking import place, verdict

from tests.misbehaving import misbehaving  # noqa: F401  installs the backends
from tests.throwaway import environment

RNN = ("gradients-rnn-*", "--dtype", "float64")  # tanh, relu (in which the backends misbehave) and identity


@pytest.fixture
def check(misbehaving, monkeypatch, capfd):  # noqa: F811  the fixture
    """Type `gradsuite check` and the rest; returns exit status, standard output and standard error."""

    def check(*arguments):
        monkeypatch.setattr(sys, "argv", ["gradsuite", "check", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capfd.readouterr()

    return check


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("exits", "SystemExit: 0 (misbehaving_plugin.py:"),
        ("leaves", "the worker ended with exit status 0, in the middle of this check"),
        ("crashes", "the worker was killed by SIGSEGV, in the middle of this check ("),
        ("loops", "no answer within 5 s, in the middle of this check (misbehaving_plugin.py:"),
        ("interrupts", "KeyboardInterrupt (misbehaving_plugin.py:"),
        ("closes", ", in the middle of this check"),  # it ends by itself, if it can be waited for
        ("shuts", "the worker closed the pipe to the host, in the middle of this check"),
        ("scribbles", "what came through the worker's pipe is no answer"),
        ("forks", "the worker ended with exit status 0, in the middle of this check"),
        ("shouts", "ValueError: two lines (misbehaving_plugin.py:"),
    ],
)
def test_whatever_a_backend_does_is_the_failure_of_that_check_alone(check, monkeypatch, backend, reason):
    if backend == "shuts":
        monkeypatch.setattr("gradsuite.worker.process.PATIENCE", 0.1)  # it is not going to end
    limit = ("--timeout", "5") if backend == "loops" else ()
    status, output, errors = check(backend, *RNN, *limit)
    assert (status, errors) == (1, "")
    tanh, relu, identity, summary = output.splitlines()
    assert tanh.startswith("passed")
    assert relu.startswith("failed")
    assert "gradients-rnn-relu" in relu
    assert reason in relu
    assert identity.startswith("passed")
    assert summary == "2 passed, 1 failed, 0 unsupported"


def test_what_a_backend_prints_is_not_mixed_with_verdicts(check):
    status, output, errors = check("whispers", *RNN)
    assert (status, errors) == (0, "")
    assert [line.split()[0] for line in output.splitlines()] == ["passed", "passed", "passed", "3"]


@pytest.mark.parametrize("backend", ["shouts", "leaves", "whispers"])
def test_json_is_an_array_and_nothing_else(check, backend):
    status, output, errors = check(backend, *RNN, "--json")
    rows = json.loads(output)
    assert [row["check"].removeprefix("gradients-rnn-") for row in rows] == ["tanh", "relu", "identity"]
    failed = [row["check"] for row in rows if row["verdict"] == "failed"]
    assert status == len(failed) == (backend != "whispers")
    assert errors == f"{3 - len(failed)} passed, {len(failed)} failed, 0 unsupported\n"
    assert set(rows[0]) == set(rows[1])


def test_a_pattern_that_matches_nothing_names_the_nearest_checks(check):
    status, output, errors = check("whispers", "gradients-lstn")
    assert (status, output) == (2, "")
    assert errors.startswith("gradsuite: no check matches 'gradients-lstn'; the nearest names are gradients-lstm, ")
    assert len(errors.splitlines()) == 1


def test_the_first_failure_can_be_the_last(check):
    status, output, _ = check("leaves", *RNN, "-x")
    assert status == 1
    assert [line.split()[0] for line in output.splitlines()] == ["passed", "failed", "1"]
    assert output.endswith("1 passed, 1 failed, 0 unsupported, 1 not run\n")


def test_what_is_not_claimed_does_not_make_a_success(check):
    status, output, errors = check("whispers", "synchronize")
    assert (status, output.splitlines()[-1]) == (1, "0 passed, 0 failed, 1 unsupported")
    assert errors == "gradsuite: nothing passed, for the backend claims nothing of this\n"


@pytest.mark.parametrize(
    ("backend", "status", "message"),
    [
        ("undescribed", 1, "backend 'undescribed' did not come up: the worker ended with exit status 0"),
        ("empty", 1, "backend 'empty' claims no device, or no dtype that could be checked"),
        ("raising", 2, "backend 'raising' cannot be had: ValueError: two lines"),
        ("absent", 2, "unknown backend 'absent'"),
    ],
)
def test_a_backend_that_cannot_be_asked_is_one_line(check, backend, status, message):
    ended, output, errors = check(backend)
    assert (ended, output) == (status, "")
    assert errors.startswith(f"gradsuite: {message}")
    assert len(errors.splitlines()) == 1


def test_a_hook_that_fails_is_said_and_the_backend_is_checked_without_it(check):
    status, output, errors = check("unset", "describe*")
    assert (status, output.count("passed")) == (0, output.count("\n"))
    assert "SystemExit: 0" in errors


def test_a_traceback_says_why_a_backend_cannot_be_had(check):
    status, output, errors = check("raising", "--traceback")
    assert (status, output) == (2, "")
    assert errors.startswith("Traceback (most recent call last):\n")
    assert "in describe\n" in errors
    assert errors.splitlines()[-1] == "gradsuite: backend 'raising' cannot be had: ValueError: two lines"


def test_a_description_that_never_comes_is_no_success_either(check, monkeypatch):
    monkeypatch.setattr("gradsuite.worker.process.START_LEAST", 3.0)
    status, output, errors = check("endless", "--json", "--timeout", "3")
    assert (status, output) == (1, "[]\n")
    assert errors.startswith("gradsuite: backend 'endless' did not come up: no answer within 3 s")


def test_every_check_has_a_verdict_where_no_second_worker_can_be_had(check):
    status, output, _ = check("once", *RNN)
    assert status == 1
    *verdicts, summary = output.splitlines()
    assert ["not run, for the worker cannot be started again" in line for line in verdicts] == [False, True, True]
    assert summary == "0 passed, 3 failed, 0 unsupported"


@pytest.mark.parametrize("limit", ["0", "-1", "nan", "inf"])
def test_a_time_limit_is_a_number_of_seconds(check, limit):
    status, _, errors = check("whispers", "--timeout", limit)
    assert status == 2
    assert errors.startswith("gradsuite: timeout must be ")


def test_a_traceback_says_where_it_was_raised_and_what_was_printed(check):
    _, output, _ = check("shouts", *RNN, "--traceback")
    assert 'misbehaving_plugin.py", line ' in output
    assert "in shouts\n" in output
    printed = output.partition("printed meanwhile:\n")[2].splitlines()
    assert set(printed[:4]) == {"by print", "to descriptor 1", "by a shell", "to stderr"}
    _, output, _ = check("crashes", *RNN, "--traceback")
    assert "last words" in output
    assert "Fatal Python error: Segmentation fault" in output


def test_verbose_shows_every_array_of_the_smallest_failing_case_and_a_script_that_finds_the_same(check, misbehaving):  # noqa: F811
    status, output, _ = check("doubles", *RNN, "--verbose")
    assert status == 1
    table, _, rest = output.partition("# ---- begin of the script ----\n")
    script, _, rest = rest.partition("# ---- end of the script ----\n")
    title = next(line for line in table.splitlines() if line.endswith(" wrong"))
    others = [line for line in table.splitlines() if " wrong, the worst weight_hh_l" in line]
    assert title.startswith("rnn (relu, ")
    assert others
    shown = {}
    for line in table.partition(title + "\n")[2].split("\n\n")[0].splitlines()[1:]:
        words = line.split()
        wrong = words[-1] == "wrong"
        *name, error, bound = words[:-1] if wrong else words
        key = name[0] if len(name) == 1 else f"{name[0]}[t={name[1]} layer {name[2]}]"
        shown[key] = ("wrong" if wrong else "right", error, bound)
    assert {name for name, (said, _, _) in shown.items() if said == "wrong"} == {
        name for name in shown if name.startswith("weight_hh")
    }
    (misbehaving / "repeat.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "repeat.py"], cwd=misbehaving, env=environment(misbehaving), capture_output=True, text=True
    )
    found = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
    assert {name: (said, error, bound) for said, error, bound, name in found} == shown, done.stderr


def test_the_script_of_a_check_without_a_case_runs_that_check(check, misbehaving):  # noqa: F811
    _, output, _ = check("shouts", *RNN, "--verbose")
    script = output.partition("# ---- begin of the script ----\n")[2].partition("# ---- end of the script ----\n")[0]
    (misbehaving / "repeat.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "repeat.py"], cwd=misbehaving, env=environment(misbehaving), capture_output=True, text=True
    )
    assert "in shouts\n" in done.stdout, done.stderr
    assert "ValueError: two\nlines" in done.stdout


def test_details_are_fields_in_json(check):
    _, output, _ = check("doubles", *RNN, "--json", "--verbose", "--traceback")
    passed, failed, _ = json.loads(output)
    assert set(failed) - set(passed) == {"findings", "script", "traceback", "printed"}
    wrong = [finding for finding in failed["findings"] if not finding["passed"]]
    assert wrong
    assert all(finding["array"].startswith("weight_hh") for finding in wrong)
    compile(failed["script"], "script", "exec")


def test_expected_failures_are_no_failures(check, misbehaving):  # noqa: F811
    (misbehaving / "known").write_text("# not done yet\n\ngradients-rnn-relu cpu float64  # doubled\n")
    status, output, _ = check("doubles", *RNN, "--xfails", "known")
    assert status == 0
    assert [line.split()[0] for line in output.splitlines()[:-1]] == ["passed", "xfailed", "passed"]
    assert output.splitlines()[-1] == "2 passed, 0 failed, 0 unsupported, 1 xfailed"


def test_an_unexpected_pass_is_a_failure(check, misbehaving):  # noqa: F811
    (misbehaving / "known").write_text("gradients-rnn-*\n")
    status, output, _ = check("leaves", *RNN, "--xfails", "known")
    assert status == 1
    *lines, summary = output.splitlines()
    assert [line.split()[0] for line in lines] == ["xpassed", "xfailed", "xpassed"]
    assert "<=" in lines[0]
    assert lines[0].endswith("known expects it to fail")
    assert summary == "0 passed, 0 failed, 0 unsupported, 1 xfailed, 2 xpassed"


def test_ctrl_c_leaves_a_summary(misbehaving):  # noqa: F811
    heeding = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from gradsuite.__main__ import command; command()"
    )
    command = [sys.executable, "-c", heeding, "check", "loops", *RNN]
    with subprocess.Popen(
        command, cwd=misbehaving, env=environment(misbehaving, PYTHONUNBUFFERED="1"), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout.readline().startswith("passed")  # what comes next hangs
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert output == "1 passed, 0 failed, 0 unsupported, 2 not run\n"
    assert errors.split() == ["interrupted"]


def test_from_python_a_name_runs_in_a_worker_too(misbehaving):  # noqa: F811
    verdicts = gradsuite.check("leaves", dtype="float64", checks="gradients-rnn-*")
    assert not verdicts.passed
    assert [result.verdict for result in verdicts] == ["passed", "failed", "passed"]
    verdicts = gradsuite.check("leaves", dtype="float64", checks="gradients-rnn-*", exitfirst=True)
    assert (len(verdicts), verdicts.not_run, verdicts.passed) == (2, 1, False)
    with pytest.raises(UserError, match="no check matches 'gradient'"):
        gradsuite.check("leaves", checks="gradient")


def test_a_reply_must_be_a_verdict_on_what_was_asked():
    info = gradsuite.backend("numpy").describe()
    one = next(one for one in asked(info) if one.check is CHECKS[0])
    fields = {"check": one.check.name, "sentence": "", "device": one.device, "dtype": one.dtype, "findings": []}
    assert verdict(one, {"status": "ok", "result": fields | {"verdict": "passed"}}).verdict == "passed"
    for reply in (
        {},
        {"status": "error", "reason": "why"},
        {"status": "ok", "result": fields | {"verdict": "fine"}},
        {"status": "ok", "result": fields | {"verdict": "passed", "dtype": "float32"}},
        {"status": "ok", "result": fields | {"verdict": "passed", "check": "relu"}},
    ):
        assert verdict(one, reply).verdict == "failed"


def test_the_place_of_a_crash_is_the_innermost_frame_of_the_thread_that_crashed():
    threads = (
        'Thread 0x1 (most recent call first):\n  File "/a/listening.py", line 1 in listen\n\n'
        '{} 0x2 (most recent call first):\n  File "/a/inner.py", line 2 in act\n  File "/a/outer.py", line 3 in f\n'
    )
    assert place(threads.format("Thread")) == " (inner.py:2)"
    crashed = threads.format("Current thread") + threads.format("Thread").replace("inner", "other")
    assert place(crashed) == " (inner.py:2)"
    assert place("nothing of that kind") == ""
