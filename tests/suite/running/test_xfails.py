"""Lists of checks that are expected to fail."""

import pytest
from gradsuite.backend import BackendInfo
from gradsuite.conformance import Result, asked
from gradsuite.errors import UserError
from gradsuite.running.xfails import Xfails

INFO = BackendInfo("one", {}, ("cpu",), ("float32", "float64"), ("rnn",))


def read(folder, text):
    path = folder / "known"
    path.write_text(text)
    return Xfails.read(str(path))


def result(verdict, check="relu", dtype="float64"):
    return Result(check, "S.", "cpu", dtype, verdict)


def test_a_failure_is_expected_by_check_device_and_dtype(tmp_path):
    expected = read(tmp_path, "# known\n\nrelu cpu float64  # why\ngradients-*\n")
    expected.require(list(asked(INFO)))
    for check, dtype, verdict, judged in [
        ("relu", "float64", "failed", "xfailed"),
        ("relu", "float64", "passed", "xpassed"),
        ("relu", "float64", "unsupported", "unsupported"),
        ("relu", "float32", "failed", "failed"),
        ("gradients-gru", "float32", "failed", "xfailed"),
        ("nan", "float64", "passed", "passed"),
    ]:
        assert expected.judge(result(verdict, check, dtype)).verdict == judged
    assert not expected.judge(result("failed")).failure
    assert expected.judge(result("passed")).failure


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("gradients-run-relu", r"known:1: no check matches 'gradients-run-relu'; the nearest names are gradients-rnn-"),
        ("#\nnan tpu", r"known:2: nan is checked on cpu float32, cpu float64, and not as this line says"),
        ("a b c d", r"known:1: a line is CHECK \[DEVICE\] \[DTYPE\], not 'a b c d'"),
    ],
)
def test_a_line_that_expects_nothing_is_an_error(tmp_path, text, fault):
    with pytest.raises(UserError, match=fault):
        read(tmp_path, text).require(list(asked(INFO)))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"cannot read '.*/none': No such file or directory"):
        Xfails.read(str(tmp_path / "none"))
    (tmp_path / "known").write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"cannot read '.*/known': it is not UTF-8"):
        Xfails.read(str(tmp_path / "known"))
